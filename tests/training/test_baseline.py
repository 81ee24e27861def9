"""The phase-1 classifier: what it learns, what it stores, and what it refuses to load."""

from __future__ import annotations

import doctest
import json
import os
import zipfile
from collections import Counter

import forked
import numpy as np
import pytest
import skops.io
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FunctionTransformer, Pipeline

from secondopinion.core.errors import DiskFullError, InputError
from secondopinion.core.run_folder import local_paths
from secondopinion.training import baseline
from secondopinion.training.baseline import TfidfClassifier

NAMES = ["Death", "Injury", "Malfunction"]
WORDS = [
    ["patient", "expired", "arrest", "coroner", "died"],
    ["burn", "surgery", "bleeding", "patient", "pain"],
    ["alarm", "battery", "screen", "display", "error"],
]


def narratives(rows=150, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, rows)
    noise = ["device", "reported", "hospital", "nurse", "event"]
    texts = [" ".join(generator.choice(WORDS[label] + noise, 12)) for label in labels]
    return texts, labels


@pytest.fixture(scope="module")
def fitted():
    texts, labels = narratives()
    return TfidfClassifier(NAMES).fit(texts, labels)


def test_learns_and_gives_probabilities(fitted):
    texts, labels = narratives(seed=1)
    logits = fitted.logits(texts)
    assert logits.shape == (150, 3)
    assert logits.dtype == np.float64
    assert (logits.argmax(axis=1) == labels).mean() > 0.9
    np.testing.assert_allclose(fitted.predict_proba(texts), softmax(logits, axis=1), atol=1e-12)
    np.testing.assert_allclose(fitted.predict_proba(texts), fitted.pipeline.predict_proba(texts), atol=1e-12)


def test_equals_scikit_learns_own_pipeline():
    texts, labels = narratives()
    theirs = Pipeline(
        [
            ("tfidf", TfidfVectorizer(ngram_range=(1, 2), min_df=5, sublinear_tf=True, token_pattern=baseline.WORDS)),
            ("classifier", LogisticRegression(class_weight="balanced", max_iter=1000)),
        ]
    ).fit(texts, labels)
    ours = TfidfClassifier(NAMES).fit(texts, labels)
    np.testing.assert_allclose(ours.logits(texts), theirs.decision_function(texts), atol=1e-9)


def test_two_classes_have_two_columns():
    texts, labels = narratives()
    model = TfidfClassifier(["no", "yes"]).fit(texts, (labels == 0).astype(int))
    logits = model.logits(texts[:7])
    assert logits.shape == (7, 2)
    np.testing.assert_allclose(softmax(logits, axis=1), model.pipeline.predict_proba(texts[:7]), atol=1e-12)


def test_fitting_twice_gives_the_same_bits():
    texts, labels = narratives()
    first, second = (TfidfClassifier(NAMES, max_features=40).fit(texts, labels).logits(texts) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_rare_terms_are_nowhere_in_the_saved_model(tmp_path):
    texts, labels = narratives()
    texts[0] += " Mrs Featherstonehaugh"
    texts[1:5] = [text + " wolverhampton" for text in texts[1:5]]
    texts = [f"{text} 5551234 serial A77B9" for text in texts]
    TfidfClassifier(NAMES).fit(texts, labels).save(tmp_path / "model")
    with zipfile.ZipFile(tmp_path / "model" / "model.skops") as archive:
        stored = b"".join(archive.read(name) for name in archive.namelist())
    stored += (tmp_path / "model" / "config.json").read_bytes()
    for word in ("featherstonehaugh", "Featherstonehaugh", "wolverhampton", "5551234", "A77B9", "a77b9"):
        assert word.encode() not in stored
        assert word.encode("utf-32-le") not in stored
    assert "coroner".encode("utf-32-le") in stored


def test_floor_counts_groups_so_that_copies_are_not_common(fitted):
    texts, labels = narratives()
    copies = ["letter signed smithers patient expired"] * 30
    groups = [*map(str, range(150)), *["letter"] * 30]
    both = [*texts, *copies], [*labels, *[0] * 30]
    assert "smithers" in TfidfClassifier(NAMES).fit(*both).pipeline[0].vocabulary
    kept = TfidfClassifier(NAMES).fit(*both, groups).pipeline[0].vocabulary
    assert "smithers" not in kept
    assert set(kept) == set(fitted.pipeline[0].vocabulary)


def test_at_most_max_features_the_most_frequent_first():
    texts, labels = narratives()
    everything = TfidfClassifier(NAMES, ngram_max=1).fit(texts, labels).pipeline[0].vocabulary
    kept = TfidfClassifier(NAMES, ngram_max=1, max_features=4).fit(texts, labels).pipeline[0].vocabulary
    frequency = Counter(word for text in texts for word in text.split())
    assert len(everything) == 19
    assert set(kept) == {word for word, _ in frequency.most_common(4)}
    assert list(kept) == sorted(kept)


def test_words_can_be_left_out(tmp_path):
    texts, labels = narratives()
    model = TfidfClassifier(NAMES, ignored_words=["Coroner", "alarm"]).fit(texts, labels)
    assert not any({"coroner", "alarm"} & set(term.split()) for term in model.pipeline[0].vocabulary)
    model.save(tmp_path / "model")
    loaded = TfidfClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.logits(texts), model.logits(texts))


def test_class_weights_are_inverse_frequency_or_none():
    texts, labels = narratives()
    count = np.bincount(labels)
    weights = TfidfClassifier(NAMES).fit(texts, labels).facts()["class_weights"]
    assert weights == pytest.approx(dict(zip(NAMES, 150 / (3 * count), strict=True)))
    plain = TfidfClassifier(NAMES, class_weights="none").fit(texts, labels)
    assert plain.facts()["class_weights"] == dict.fromkeys(NAMES, 1.0)
    assert plain.pipeline[-1].class_weight is None


def test_facts_are_plain_and_hold_no_term(fitted):
    facts = fitted.facts()
    text = json.dumps(facts, allow_nan=False)
    assert not list(local_paths(facts))
    assert "coroner" not in text
    assert facts["kind"] == "tfidf"
    assert facts["parameters"] == 3 * facts["vocabulary_size"] + 3
    assert facts["converged"] is True


def test_says_when_it_did_not_converge(capsys):
    texts, labels = narratives()
    model = TfidfClassifier(NAMES, max_iter=1).fit(texts, labels)
    assert model.facts()["converged"] is False
    assert "without converging; raise max_iter" in capsys.readouterr().err


def test_save_and_load_give_equal_probabilities(fitted, tmp_path):
    texts, _ = narratives(seed=2)
    fitted.save(tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(json.dumps({**config, "temperature": 2.0}))
    loaded = TfidfClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.logits(texts), fitted.logits(texts))
    np.testing.assert_allclose(loaded.predict_proba(texts), softmax(fitted.logits(texts) / 2, axis=1), atol=1e-12)
    assert loaded.facts() == fitted.facts()
    assert loaded.logits([]).shape == loaded.predict_proba([]).shape == (0, 3)
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["config.json", "model.skops"]


def test_a_stranger_loads_it_without_our_package(fitted, tmp_path):
    fitted.save(tmp_path / "fold-1")
    lines = baseline.__doc__.split("no pickle:\n")[1]
    code = "import sys\nsys.modules['secondopinion'] = None\n" + "\n".join(line[4:] for line in lines.splitlines())
    code += "\nprint(probabilities.tolist()[0])"
    answer = forked.run(code, folder=tmp_path)
    assert answer.returncode == 0, answer.stderr
    expected = fitted.predict_proba(["Patient expired after the pump stopped."])[0]
    assert json.loads(answer.stdout) == pytest.approx(expected.tolist(), abs=1e-12)


def test_a_full_disk_leaves_the_old_model(fitted, tmp_path, monkeypatch):
    fitted.save(tmp_path / "model")
    before = (tmp_path / "model" / "config.json").read_bytes()

    def full(*_args, **_kwargs):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(skops.io, "dump", full)
    with pytest.raises(DiskFullError, match="no room left on the disk"):
        fitted.save(tmp_path / "model")
    assert (tmp_path / "model" / "config.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_foreign_types_are_refused_before_they_are_built(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    steps = [("first", FunctionTransformer(os.path.basename)), *fitted.pipeline.steps]
    skops.io.dump(Pipeline(steps), tmp_path / "model" / "model.skops")
    with pytest.raises(InputError, match=r"types that scikit-learn does not bring: posixpath\.basename"):
        TfidfClassifier.load(tmp_path / "model")


def test_other_and_damaged_folders_are_named(fitted, tmp_path):
    folder = tmp_path / "model"
    with pytest.raises(InputError, match=r"config\.json does not exist"):
        TfidfClassifier.load(folder)
    fitted.save(folder)
    whole = (folder / "model.skops").read_bytes()
    (folder / "model.skops").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="holds a damaged model"):
        TfidfClassifier.load(folder)
    (folder / "model.skops").unlink()
    with pytest.raises(InputError, match=r"no model\.skops; copy the whole folder"):
        TfidfClassifier.load(folder)
    (folder / "config.json").write_text('{"model_type": "pooled_encoder"}')
    with pytest.raises(InputError, match="holds a model of type 'pooled_encoder', not 'tfidf'"):
        TfidfClassifier.load(folder)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_df": 0}, "min_df is 0; it must be a whole number from 1"),
        ({"ngram_max": 1.5}, "ngram_max is 1.5"),
        ({"regularization": 0}, "regularization is 0; it must be above 0"),
        ({"class_weights": "balanced"}, "unknown class_weights 'balanced'; known: inverse_frequency, none"),
    ],
)
def test_settings_out_of_range(options, message):
    with pytest.raises(InputError, match=message):
        TfidfClassifier(NAMES, **options)


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (["aa bb"] * 6, [0, 1] * 3, "no training row is of class Malfunction; leave the class out"),
        (["aa bb"] * 6, [0, 1, 2, 0, 1, 3], "class numbers from 0 to 2"),
        (["aa bb"] * 6, [0, 1, 2], "6 texts, 3 labels; every row needs each"),
        (["aa", "bb", "cc"], [0, 1, 2], r"no term occurs in 5 rows \(min_df\)"),
        (["1 2 3", "a", "?"], [0, 1, 2], "none of the 3 texts holds a word"),
    ],
)
def test_rows_that_cannot_be_learned_from(texts, labels, message):
    with pytest.raises(InputError, match=message):
        TfidfClassifier(NAMES).fit(texts, labels)


def test_names_and_order_of_calls():
    with pytest.raises(InputError, match="at least two different names"):
        TfidfClassifier(["only"])
    with pytest.raises(InputError, match="the model is not fitted"):
        TfidfClassifier(NAMES).logits(["text"])
    with pytest.raises(InputError, match="6 texts, 6 labels, 2 groups"):
        TfidfClassifier(NAMES).fit(["aa"] * 6, [0, 1, 2] * 2, ["p", "q"])


def test_docstring_examples_run():
    result = doctest.testmod(baseline)
    assert result.attempted > 0
    assert result.failed == 0
