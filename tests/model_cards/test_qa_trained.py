"""A run that `train` wrote: its facts are those that the card reads, and what is pushed answers as it was measured."""

from __future__ import annotations

import re

import pyarrow.parquet as pq
import pytest
from qa_rows import question_rows, save_question_encoder, save_questions
from transformers import pipeline

from secondopinion.model_cards import push_run, validate_card
from secondopinion.training import load_recipe, train

ALONE = ("span_only", "question_only")


@pytest.fixture(scope="module")
def rows():
    return question_rows(14)


@pytest.fixture(scope="module")
def run(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("trained")
    encoder = save_question_encoder(folder / "encoder", initializer_range=0.15, hidden_dropout_prob=0.0)
    sizes = {"max_length": 30, "doc_stride": 6, "max_question_length": 12, "max_answer_length": 4}
    recipe = load_recipe(
        {
            "name": "trained",
            "model": {
                "kind": "multitask_qa",
                "encoder": str(encoder),
                "base_model": "ann/tiny",
                "base_license": "mit",
                "single_task": list(ALONE),
                **sizes,
            },
            "training": {"epochs": 1, "learning_rate": 8e-3, "batch_size": 8, "bf16": False, "validation_share": 0.25},
            "folds": {"n_splits": 3, "train": [1]},
            "resamples": 50,
        }
    )
    return train(recipe, save_questions(folder / "questions", rows), folder / "run")


def keys(value, depth):
    """Return the names in nested facts, down to a depth; of a list those of its first item."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, dict) or depth == 0:
        return None
    return {name: keys(item, depth - 1) for name, item in value.items()}


def missing(authored, trained, where=""):
    for name, inner in authored.items():
        if name not in trained:
            yield f"{where}{name}"
        elif inner and trained[name]:
            yield from missing(inner, trained[name], f"{where}{name}.")


def test_the_authored_run_that_the_cards_tests_read_is_of_the_same_form(run, make_qa_run):
    parts = ("task", "model", "dataset", "folds", "fold_results", "summary", "selection", "no_answer", "calibration")
    own = make_qa_run(trained=[2], single=ALONE).facts
    for part in (*parts, "single_task"):
        authored, trained = (keys(facts[part], 3) for facts in (own, run.facts))
        # What the data bring along, what only rows of both kinds give, and what is no field of the recipe.
        for name in ("facts", "category_sources", "no_answer", "scale", "bias", "reads_context"):
            authored.pop(name, None)
        assert not list(missing(authored, trained)), part


def test_its_card_says_what_was_measured(run, tmp_path):
    push_run(run, tmp_path / "model", license="mit")
    card = (tmp_path / "model" / "README.md").read_text()
    validate_card(card)
    facts = run.facts
    mean, chosen = facts["summary"]["mean"], facts["no_answer"]
    assert f"**Exact match {mean['exact']:.4f}, answer F1 {mean['f1']:.4f}, category accuracy " in card
    always = "An answer is always given" in card
    assert always or f"above {chosen['threshold']:.4g}, chosen for the best answer F1 on {chosen['rows']} valid" in card
    if not always:
        assert f": {chosen['value']:.4f} there, {chosen['value_always']:.4f} by always answering" in card
    for name, title in zip(ALONE, ("Span alone", "Question alone"), strict=True):
        found = facts["single_task"][name]["difference"]
        key = "f1" if name == "span_only" else "category_accuracy"
        shown = re.escape(f"{found[key]['difference']:+.4f}")
        assert re.search(rf"^\| {title} .*\| +{shown} \|", card, re.MULTILINE)
    for plot in facts["plots"]:
        assert (tmp_path / "model" / "plots" / plot).is_file()
        assert f"](plots/{plot})" in card
        assert f"![{plot.removesuffix('.png').replace('_', ' ').capitalize()}]" not in card, "it has a caption"


def test_what_is_pushed_answers_as_it_was_measured(run, rows, tmp_path):
    push_run(run, tmp_path / "model")
    pipe = pipeline("clinical-question-answering", model=str(tmp_path / "model"), trust_remote_code=True)
    by_id = {row["id"]: row for row in rows}
    held_out = pq.read_table(run.predictions_file).to_pylist()[:12]
    asked = [by_id[row["id"]] for row in held_out]
    answers = pipe(question=[row["question"] for row in asked], context=[row["context"] for row in asked])
    for row, answer in zip(held_out, answers, strict=True):
        given = (-1, -1) if answer["no_answer"] else (answer["start"], answer["end"])
        assert given == (row["prediction_start"], row["prediction_end"])
        assert answer["category"] == row["category"]
        assert answer["no_answer_probability"] == pytest.approx(row["no_answer_probability"], abs=1e-4)
        assert list(answer["category_probabilities"].values()) == pytest.approx(row["category_probabilities"], abs=1e-4)
