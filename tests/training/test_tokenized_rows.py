"""Each text is tokenised once, for all epochs, folds and runs that share the rows; never the wrong rows."""

import numpy as np
import pytest
from qa_rows import question_dataset, question_rows, save_question_encoder
from tiny_encoder import save_encoder, save_reports
from tokenizer_calls import counted_texts
from transformers import AutoTokenizer

from secondopinion.training import load_recipe, plots, train
from secondopinion.training.data import from_dataset, load_data
from secondopinion.training.qa_recipe import AnswerDatasetSpec
from secondopinion.training.question_answering import plots as answer_plots
from secondopinion.training.question_answering.data import from_rows
from secondopinion.training.recipe import DatasetSpec
from secondopinion.training.tokenized_rows import tokenize

ROWS = 80
TRAINING = {"epochs": 2, "bf16": False, "validation_share": 0.2}


@pytest.fixture(autouse=True)
def without_plots(monkeypatch):
    """Plots take longer than these trainings, and are seen elsewhere."""
    monkeypatch.setattr(plots, "write_plots", lambda folder, facts: [])
    monkeypatch.setattr(answer_plots, "write_answer_plots", lambda folder, facts: [])


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    return save_reports(tmp_path_factory.mktemp("reports") / "reports", rows=ROWS)


@pytest.mark.slow
def test_folds_epochs_and_runs_that_share_a_folder_tokenise_once(encoder, reports, tmp_path):
    plain = {"name": "tiny", "model": {"encoder": str(encoder), "max_length": 32}, "training": TRAINING}
    recipe = load_recipe({**plain, "folds": {"n_splits": 3, "train": [1, 2]}, "resamples": 20})
    with counted_texts() as counted:
        train(recipe, reports, tmp_path / "first", tokens=tmp_path / "shared")
        assert counted["texts"] == ROWS
        train(
            recipe.replace(training={"epochs": 1}), reports, tmp_path / "second", folds=[1], tokens=tmp_path / "shared"
        )
        assert counted["texts"] == ROWS
    assert [path.suffix for path in (tmp_path / "shared").iterdir()] == [".arrow"]
    assert not (tmp_path / "first" / "cache").exists()


@pytest.mark.slow
def test_questions_and_their_baselines_tokenise_each_distinct_text_once(tmp_path):
    rows = question_rows(16)
    encoder = save_question_encoder(tmp_path / "encoder", num_hidden_layers=1)
    model = {"kind": "multitask_qa", "encoder": str(encoder), "max_length": 30, "doc_stride": 6}
    recipe = load_recipe(
        {
            "name": "tiny",
            "model": {**model, "num_shared_layers": 1, "single_task": ["span_only"]},
            "training": TRAINING | {"epochs": 1},
            "folds": {"n_splits": 3, "train": [1, 2]},
            "resamples": 20,
        }
    )
    data = from_rows(question_dataset(rows), AnswerDatasetSpec(), name="rows")
    with counted_texts() as counted:
        train(recipe, data, tmp_path / "run")
    distinct = len({row["question"] for row in rows}) + len({row["context"] for row in rows})
    assert distinct <= counted["texts"] <= distinct + 5  # and a pair or two to learn the tokenizer's frame


class TestCache:
    def tokens(self, tokenizer, data, folder, max_length=32):
        with counted_texts() as counted:
            encoded = tokenize(data, tokenizer, max_length, folder)
        return counted["texts"], encoded

    def test_another_process_reads_what_is_there(self, encoder, reports, tmp_path):
        data = load_data(DatasetSpec(path=str(reports)), tmp_path / "data")
        counts, found = zip(
            *(self.tokens(AutoTokenizer.from_pretrained(encoder), data, tmp_path / "cache") for _ in range(2)),
            strict=True,
        )
        assert counts == (ROWS, 0)
        assert found[0]["input_ids"][:] == found[1]["input_ids"][:]
        assert found[1]["labels"][:] == data.labels.tolist()

    def test_rows_in_another_order_or_another_tokenizer_are_tokenised_anew(self, encoder, reports, tmp_path):
        data = load_data(DatasetSpec(path=str(reports)), tmp_path / "data")
        order = np.random.default_rng(0).permutation(ROWS)
        other = from_dataset(data.dataset.select(order), DatasetSpec(), name="reports")
        assert other.fingerprint == data.fingerprint
        tokenizer = AutoTokenizer.from_pretrained(encoder)
        _, encoded = self.tokens(tokenizer, data, tmp_path / "cache")
        count, shuffled = self.tokens(tokenizer, other, tmp_path / "cache")
        assert count == ROWS
        assert self.tokens(tokenizer, data, tmp_path / "cache")[0] == 0
        ids = encoded["input_ids"][:]
        assert shuffled["input_ids"][:] == [ids[row] for row in order]
        assert self.tokens(tokenizer, data, tmp_path / "cache", max_length=8)[0] == ROWS
        tokenizer.truncation_side = "left"
        assert self.tokens(tokenizer, data, tmp_path / "cache")[0] == ROWS
