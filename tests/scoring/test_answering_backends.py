"""Questions through backends: the same answers from OpenVINO, in batches of its own."""

import numpy as np
import pytest
from qa_run import NOTE, save_qa_model

from secondopinion.core.errors import InputError
from secondopinion.scoring.questions.answerer import load_answerer


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_qa_model(tmp_path_factory.mktemp("answering") / "tiny-qa", no_answer_threshold=-5.0)


@pytest.fixture(scope="module")
def asked():
    random = np.random.default_rng(4)
    words = NOTE.format(bed="four", drug="Aspirin", hour="noon", pulse="seventy").split()
    notes = [" ".join(random.choice(words, random.integers(3, 80))) for _ in range(12)]
    return {"question": ["Which medicine was handed to the bed during that night?"] * 12, "context": notes}


def test_answers_are_those_of_torch(model, asked):
    plain, named = load_answerer(model)
    other, renamed = load_answerer(model, backend="openvino")
    assert (named["backend"], renamed["backend"]) == ("torch", "openvino")
    assert named["weights_sha256"] == renamed["weights_sha256"]
    settings = {**asked, "handle_impossible_answer": False}
    expected, found = plain(**settings), other(**settings)
    assert [row["answer"] for row in found] == [row["answer"] for row in expected]
    assert len({row["answer"] for row in found}) > 3
    for name in ("score", "no_answer_probability"):
        assert np.allclose([row[name] for row in found], [row[name] for row in expected], atol=1e-5)
    for one, two in zip(found, expected, strict=True):
        assert one["category_probabilities"] == pytest.approx(two["category_probabilities"], abs=1e-5)


def test_a_backend_has_batches_of_its_own(model, asked):
    answerer, _ = load_answerer(model, backend="openvino")
    with pytest.raises(ValueError, match="batch_size is 4, but a backend computes, which has batches of its own"):
        answerer(**asked, batch_size=4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backend": "openvin"}, "unknown backend 'openvin'; did you mean 'openvino'"),
        ({"precision": "float8"}, "unknown precision 'float8'"),
        ({"backend": "auto", "precision": "int8"}, "none was made; make it from the run and its data"),
        ({"precision": "int8"}, "int8 is computed by OpenVINO"),
    ],
)
def test_wrong_words(model, settings, message):
    with pytest.raises(InputError, match=message):
        load_answerer(model, **settings)
