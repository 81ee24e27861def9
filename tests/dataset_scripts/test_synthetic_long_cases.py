"""Generated long cases: the same bytes for a seed, a class that the evidence decides, words that tell and distract."""

import collections
import hashlib
import re

import numpy as np
import pytest
import yaml

from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts import parse_options, prepare
from secondopinion.dataset_scripts.synthetic_clinical_qa.drawing import Draw
from secondopinion.dataset_scripts.synthetic_long_cases.cases import write_cases
from secondopinion.dataset_scripts.synthetic_long_cases.findings import SPECIALTIES
from secondopinion.dataset_scripts.synthetic_long_cases.phrases import POOLS, phrase

SETTINGS = {"held_out": 0.2, "long": 0.5, "late": 0.75, "distraction": 0.3, "seed": 13}
FINDINGS = {finding.names[0]: finding for findings in SPECIALTIES.values() for finding in findings}
SIZE = re.compile(r"(\d+(?:\.\d+)?)(?: ?[x×] ?\d+(?:\.\d+)?)? ?(cm)?")


@pytest.fixture(scope="module")
def cases():
    return list(write_cases(500, **SETTINGS))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "cases"
    return prepare("synthetic_long_cases", "synthetic", output, cases=60), output


def stated(sentence, name):
    """Return the numbers of a sentence that may be the value of a finding; centimetres as millimetres."""
    rest = re.sub(re.escape(name), "", sentence, flags=re.IGNORECASE)
    return [float(found[1]) * (10 if found[2] else 1) for found in SIZE.finditer(rest)]


class TestCases:
    def test_bytes_are_the_same_on_any_machine(self, cases):
        content = "\0".join(f"{fold} {letter.label} {letter.text}" for fold, letter in cases)
        # A change of the words changes this digest on purpose; a change of machine must not.
        known = "f31ee59e000a2d2cc2180e200b43b883f4494085415fddc988d018548b23ca8a"
        assert hashlib.sha256(content.encode()).hexdigest() == known
        other = next(write_cases(500, **{**SETTINGS, "seed": 14}))[1]
        assert other.text != cases[0][1].text

    def test_the_evidence_decides_the_class(self, cases):
        for _, letter in cases:
            finding, sentence = FINDINGS[letter.finding], letter.text[slice(*letter.evidence)]
            assert letter.name.lower() in sentence.lower()
            values = stated(sentence, letter.name)
            assert any(value == pytest.approx(letter.value, abs=0.06) for value in values), sentence
            assert finding.decides(letter.value) == letter.label

    def test_shares_of_classes_lengths_and_places_are_as_asked_in_both_folds(self, cases):
        counts = collections.Counter((fold, letter.label, letter.long) for fold, letter in cases)
        assert set(counts.values()) == {25, 100}
        assert sum(count for (fold, _, _), count in counts.items() if fold) == 100

    def test_no_two_letters_are_alike(self, cases):
        assert len({letter.text.split("\n", 2)[2] for _, letter in cases}) == len(cases)
        for _, letter in cases:
            assert letter.text.startswith("SYNTHETIC LETTER")

    def test_lengths_in_tokens_and_evidence_beyond_512(self, cases):
        tokens = tokenizer()
        cases = cases[::4]
        length = np.array([len(tokens.encode(letter.text).ids) for _, letter in cases])
        before = np.array([len(tokens.encode(letter.text[: letter.evidence[0]]).ids) for _, letter in cases])
        until = np.array([len(tokens.encode(letter.text[: letter.evidence[1]]).ids) for _, letter in cases])
        long = np.array([letter.long for _, letter in cases])
        assert (length[long] > 600).all()
        assert (length[~long] < 512).all()
        assert length.max() < 1400
        assert (length <= 400).mean() > 0.3
        assert (before[long] > 512).mean() == pytest.approx(0.75, abs=0.12)
        assert (until > 1024).mean() < 0.06

    def test_words_alone_tell_some_classes_fewer_in_the_first_words_and_with_distraction(self):
        whole, head = words_alone(SETTINGS)
        distracted, _ = words_alone(SETTINGS | {"distraction": 0.9})
        assert 0.7 < whole < 0.85
        assert head < whole - 0.05
        assert distracted < whole - 0.05

    def test_what_is_not_the_evidence_says_nothing_of_the_class(self, cases):
        shares = collections.defaultdict(list)
        for _, letter in cases:
            shares[letter.label].append((len(letter.text), letter.evidence[0], letter.sentences))
        routine, urgent = (np.array(shares[label], dtype=float) for label in ("routine", "urgent_review"))
        spread = np.sqrt((routine.var(axis=0) + urgent.var(axis=0)) / len(routine))
        assert (abs(routine.mean(axis=0) - urgent.mean(axis=0)) < 3 * spread).all()

    def test_spellings_vary(self, cases):
        text = "\n".join(letter.text for _, letter in cases)
        for spelling in (
            r"\d mm\b",
            r"\dmm\b",
            r"\d cm\b",
            r"\d millimetres",
            r"\d ?x ?\d",
            r"\d%",
            r"LVEF|AAA",
            r"ng/ml",
        ):
            assert re.search(spelling, text), spelling

    def test_no_phrase_names_what_decides(self):
        names = [name.lower() for finding in FINDINGS.values() for name in (*finding.names, *finding.decoys)]
        for pool in POOLS.values():
            for template in pool:
                said = phrase(Draw("1"), template)
                assert "{" not in said
                assert "[" not in said
                assert not [name for name in names if re.search(rf"\b{re.escape(name)}\b", said.lower())], said


class TestPrepare:
    def test_rows_load_and_their_folds_are_given(self, prepared):
        import datasets

        facts, output = prepared
        rows = datasets.load_dataset(str(output), split="train")
        assert rows.features["label"].names == ["routine", "urgent_review"]
        assert rows.features["fold"].dtype == "int32"
        assert collections.Counter(rows["fold"]) == {0: 48, 1: 12}
        assert rows["group"] == rows["id"]
        for row in rows:
            meta = row["meta"]
            assert meta["named"].lower() in row["text"][meta["evidence_start"] : meta["evidence_end"]].lower()
            assert meta["evidence_share"] == pytest.approx(meta["evidence_start"] / len(row["text"]), abs=1e-4)
        assert facts["synthetic"] is True
        assert facts["class_counts"] == {"routine": 30, "urgent_review": 30}

    def test_the_card_says_that_it_is_synthetic(self, prepared):
        facts, output = prepared
        text = (output / "README.md").read_text()
        front = yaml.safe_load(text.split("---\n")[1])
        assert "synthetic" in front["tags"]
        assert front["license"] == "cc0-1.0"
        assert "**Every letter here was written by a generator." in text
        assert f"{facts['beyond_512']} cases" in text
        assert "\n\n\n" not in text.split("---\n", 2)[2]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"cases": 3}, "cases is 3; give a whole number from 20"),
            ({"held_out": 0.9}, r"held_out is 0.9; give a share from 0.05 to 0.5"),
            ({"late": 2}, "late is 2; give a share from 0 to 1"),
            ({"distraction": -0.1}, "distraction is -0.1; give a share from 0 to 1"),
            ({"lates": 0.5}, "did you mean 'late'"),
        ],
    )
    def test_wrong_options_say_what_to_do(self, options, message, tmp_path):
        with pytest.raises(InputError, match=message):
            prepare("synthetic_long_cases", "synthetic", tmp_path / "out", **options)

    def test_a_source_of_one_s_own_is_refused(self, tmp_path):
        with pytest.raises(InputError, match="give the word 'synthetic'"):
            prepare("synthetic_long_cases", "letters.json", tmp_path / "out")
        assert parse_options("synthetic_long_cases", ["late=0.9", "cases=40"]) == {"late": 0.9, "cases": 40}


def words_alone(settings):
    """Return a bag of words' mean accuracy over three seeds: from whole letters, and from their first 330 words."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    accuracy = []
    for seed in (13, 14, 15):
        folds, letters = zip(*write_cases(500, **settings | {"seed": seed}), strict=True)
        held_out, labels = np.array(folds) == 1, np.array([letter.label for letter in letters])
        for words in (10_000, 330):
            texts = np.array([" ".join(letter.text.split(" ")[:words]) for letter in letters], dtype=object)
            model = make_pipeline(
                TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LogisticRegression(C=3, max_iter=300)
            )
            model.fit(texts[~held_out], labels[~held_out])
            accuracy.append(model.score(texts[held_out], labels[held_out]))
    return np.reshape(accuracy, (3, 2)).mean(axis=0)


def tokenizer():
    from tokenizers import Tokenizer

    from secondopinion.training.encoders import resolve_encoder
    from secondopinion.training.recipe import EncoderSpec

    folder = resolve_encoder(EncoderSpec(encoder="offline:all-MiniLM-L6-v2")).location
    found = Tokenizer.from_file(f"{folder}/tokenizer.json")
    found.no_truncation()
    found.no_padding()
    return found
