"""A whole training of questions and answers on a tiny encoder: what it writes, that it resumes, what it refuses."""

import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
from checkpoints import has_whole_checkpoint
from forked import COMMAND_LINE, Forked
from qa_rows import CATEGORIES, question_dataset, question_rows, save_question_encoder, save_questions
from safetensors.numpy import load_file
from stranger import WITHOUT_THIS_PACKAGE, ask_stranger
from tiny_encoder import save_reports

from secondopinion.cli.show import results_of
from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json, write_json
from secondopinion.core.run_folder import RunFolder
from secondopinion.model_cards import push_run
from secondopinion.publishing import verify
from secondopinion.training import evaluate_run, load_recipe, train
from secondopinion.training.folds import Folds
from secondopinion.training.question_answering.data import from_rows
from secondopinion.training.report import read_predictions

pytestmark = pytest.mark.slow

NOTES = 24
TIMES = ("decided_at", "seconds")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    settings = {"num_hidden_layers": 2, "initializer_range": 0.1, "hidden_dropout_prob": 0.0}  # learns in seconds
    return save_question_encoder(tmp_path_factory.mktemp("encoder") / "tiny", **settings)


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    return save_questions(tmp_path_factory.mktemp("questions") / "questions", question_rows(NOTES))


def plain_recipe(encoder, **sections):
    model = {
        "kind": "multitask_qa",
        "encoder": str(encoder),
        "category_pooling": "max",
        "classifier_dropout": 0.0,
        "max_length": 30,
        "doc_stride": 6,
        "negative_windows": 0.0,
        **sections.pop("model", {}),
    }
    training = {
        "epochs": 20,
        "learning_rate": 5e-3,
        "batch_size": 8,
        "accumulation_steps": 1,
        "bf16": False,
        "validation_share": 0.25,
        "early_stopping_patience": 20,
        "monitor": {"metric": "joint_accuracy"},
        **sections.pop("training", {}),
    }
    base = {"name": "tiny_qa", "folds": {"n_splits": 3, "train": [1, 2]}, "resamples": 100}
    return {**base, "training": training, "model": model, **sections}


def recipe_of(encoder, **sections):
    return load_recipe(plain_recipe(encoder, **sections))


def quick(encoder, **sections):
    """A recipe of one short fold."""
    training = {"epochs": 1, **sections.pop("training", {})}
    return recipe_of(encoder, training=training, folds={"n_splits": 3, "train": [1]}, **sections)


@pytest.fixture(scope="module")
def run(tmp_path_factory, encoder, questions):
    return train(recipe_of(encoder), questions, tmp_path_factory.mktemp("runs") / "run")


def test_a_run_holds_every_fact_and_no_path(run, questions):
    facts = run.facts
    assert facts["task"] == {"problem_type": "multitask_qa", "label_names": CATEGORIES, "tasks": ["span", "category"]}
    assert facts["model"]["class"] == "MultiTaskQAForQuestionAnswering"
    assert (facts["model"]["num_shared_layers"], facts["model"]["num_layers"]) == (1, 2)
    assert facts["dataset"]["rows"] == 5 * NOTES == sum(facts["folds"]["sizes"])
    assert sum(facts["dataset"]["class_counts"].values()) == 5 * NOTES
    assert facts["dataset"]["unanswerable"] > 0 < facts["dataset"]["span_unlabelled"]
    assert facts["folds"]["trained"] == [1, 2]
    assert facts["selection"]["rule"] == {"metric": "f1", "label": None, "mode": "max"}
    assert facts["selection"]["value"] == max(each["figures"]["f1"] for each in facts["fold_results"])
    out_of_fold = facts["summary"]["out_of_fold"]
    assert out_of_fold["category_macro_f1"] > 0.5  # the question's words give it away
    for name in ("f1", "exact", "category_accuracy", "category_macro_f1", "joint_accuracy"):
        low, high = out_of_fold["intervals"][name]
        assert low <= out_of_fold[name] <= high
        assert facts["summary"]["mean"][name] == pytest.approx(
            np.mean([each["figures"][name] for each in facts["fold_results"]])
        )
    assert facts["calibration"]["temperature"] == chosen(facts)["category_temperature"]
    assert str(questions.parent) not in json.dumps(facts)
    assert sorted(p.name for p in run.plots.iterdir()) == sorted(facts["plots"])
    assert not (run.path / "cache").exists()


def chosen(facts):
    return next(each for each in facts["fold_results"] if each["fold"] == facts["selection"]["fold"])


def test_the_threshold_is_of_each_folds_own_validation_rows(run):
    for each in run.facts["fold_results"]:
        record = each["no_answer"]
        assert 0 < record["rows"] <= each["rows"]["validation"]
        assert record["has_answer"] + record["unanswerable"] == record["rows"]
        assert record["objective"] == "exact"  # as the monitor, joint accuracy
        config = json.loads((run.fold_folder(each["fold"]) / "config.json").read_text())
        assert config["no_answer_threshold"] == record["threshold"]
        assert config["no_answer_record"] == record
        assert config["category_temperature"] == each["category_temperature"]
    published = {**chosen(run.facts)["no_answer"], "fold": run.selected_fold}
    assert published.items() <= run.facts["no_answer"].items()
    assert len({each["no_answer"]["threshold"] for each in run.facts["fold_results"]}) == 2


def test_training_facts_tell_how_it_went(run):
    for each in run.facts["fold_results"]:
        assert sum(each["rows"].values()) == 5 * NOTES
        assert each["history"][each["best_epoch"] - 1]["monitor"] == each["monitor_value"]
        assert {"span_loss", "category_loss", "f1", "category_macro_f1", "joint_accuracy"} <= set(each["history"][0])
        assert each["history"][-1]["category_loss"] < each["history"][0]["category_loss"]
        windows = each["windows"]
        assert windows["with_answer"] + windows["without_answer"] <= windows["training"] < windows["all"]


def test_predictions_are_offsets_and_scores(run):
    table = read_predictions(run)
    assert len(table) == sum(run.facts["folds"]["sizes"][:2]) == table["id"].nunique()
    texts = [name for name in table if table[name].map(lambda value: isinstance(value, str)).any()]
    assert texts == ["id", "category"]
    gold = {row["id"]: row for row in question_rows(NOTES)}
    for row in table.itertuples():
        starts = gold[row.id]["answers"]["answer_start"]
        assert row.gold_starts.tolist() == starts
        given = gold[row.id]["context"][row.prediction_start : row.prediction_end] if row.prediction_start >= 0 else ""
        if not gold[row.id]["span_labelled"]:
            assert np.isnan(row.exact)
            assert row.joint is None
        else:
            assert row.exact == (given == "".join(gold[row.id]["answers"]["text"]))
    assert np.stack(table["category_probabilities"]).sum(axis=1) == pytest.approx(np.ones(len(table)), abs=1e-5)
    assert table["exact"].mean() == pytest.approx(run.facts["summary"]["out_of_fold"]["exact"])
    assert table["joint"].dropna().mean() == pytest.approx(run.facts["summary"]["out_of_fold"]["joint_accuracy"])


def test_no_text_of_a_row_is_in_the_run_folder(run):
    rows = question_rows(NOTES)
    pieces = {row["context"][start : start + 40].encode() for row in rows for start in (0, 50)}
    pieces |= {row["question"].encode() for row in rows}
    for path in run.path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [piece for piece in pieces if piece in content], path.name


STRANGER = (
    WITHOUT_THIS_PACKAGE
    + """from transformers import AutoModelForQuestionAnswering, pipeline

asked = json.load(sys.stdin)
model = AutoModelForQuestionAnswering.from_pretrained(asked["folder"], trust_remote_code=True)
pipe = pipeline("clinical-question-answering", model=asked["folder"], trust_remote_code=True)
assert type(model).__name__ == type(pipe.model).__name__ == "MultiTaskQAForQuestionAnswering"
rows = asked["rows"]
print(json.dumps({"given": pipe(rows), "best": pipe(rows, handle_impossible_answer=False)}))
"""
)


def test_the_loaded_pipeline_gives_the_answers_of_the_predictions(run, tmp_path):
    """In a process without this package: the threshold, the temperature and the windows are the folder's own."""
    table = read_predictions(run).query("fold == 1")
    texts = {row["id"]: row for row in question_rows(NOTES)}
    rows = [{name: texts[i][name] for name in ("question", "context")} for i in table["id"]]
    said = ask_stranger(STRANGER, {"folder": str(run.fold_folder(1)), "rows": rows}, tmp_path, HF_HUB_OFFLINE="1")
    assert 0 < (table["prediction_start"] < 0).sum() < len(table)  # answers of both kinds are compared
    for row, given, best, text in zip(table.itertuples(), said["given"], said["best"], rows, strict=True):
        place = (-1, -1) if given["no_answer"] else (given["start"], given["end"])
        assert place == (row.prediction_start, row.prediction_end), row.id
        assert given["answer"] == ("" if given["no_answer"] else text["context"][place[0] : place[1]])
        assert (best["start"], best["end"]) == (row.best_start, row.best_end), row.id
        assert given["category"] == row.category
        assert list(given["category_probabilities"].values()) == pytest.approx(row.category_probabilities, abs=1e-5)
        assert given["score"] == pytest.approx(row.score, abs=1e-5)
        assert given["no_answer_probability"] == pytest.approx(row.no_answer_probability, abs=1e-5)


def timeless(value, exact=False):
    """Return facts without times, numbers to be compared approximately unless `exact`."""
    if isinstance(value, dict):
        return {name: timeless(item, exact) for name, item in value.items() if name not in TIMES}
    if isinstance(value, list):
        return [timeless(item, exact) for item in value]
    return pytest.approx(value, abs=1e-4) if isinstance(value, float) and not exact else value


def test_a_killed_training_continues_and_ends_the_same(run, encoder, questions, tmp_path, without_plots):
    """SIGKILL while the second fold is under way: the first is kept, the second starts from its checkpoint."""
    import yaml

    (tmp_path / "r.yaml").write_text(yaml.safe_dump(plain_recipe(encoder)))
    given = ["--config", tmp_path / "r.yaml", "--data", questions, "--output", tmp_path / "killed"]
    with open(tmp_path / "log", "wb") as log:
        killed = Forked(COMMAND_LINE, "train", *given, stderr=log, stdout=log)
        deadline = time.monotonic() + 240
        while not has_whole_checkpoint(tmp_path / "killed" / "cache" / "fold-2"):
            assert time.monotonic() < deadline, "no checkpoint was written"
            assert killed.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.005)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
    assert list(RunFolder(tmp_path / "killed").finished_folds()) == [1]
    kept = (tmp_path / "killed" / "fold-1" / "model.safetensors").stat().st_mtime_ns
    resumed = train(tmp_path / "r.yaml", questions, tmp_path / "killed")
    assert (resumed.fold_folder(1) / "model.safetensors").stat().st_mtime_ns == kept
    assert [each["resumed"] for each in resumed.facts["fold_results"]] == [False, True]
    for name in ("summary", "selection", "no_answer", "calibration", "dataset", "folds", "model"):
        assert timeless(resumed.facts[name], exact=True) == timeless(run.facts[name]), name
    one, two = read_predictions(run), read_predictions(resumed)
    assert (one[["id", "prediction_start", "prediction_end"]] == two[["id", "prediction_start", "prediction_end"]]).all(
        axis=None
    )
    log = (tmp_path / "log").read_text()
    assert not [row["id"] for row in question_rows(NOTES) if row["context"][:40] in log]


def test_baselines_of_one_task_stand_beside_the_model(run, encoder, questions, tmp_path, without_plots):
    """They can be added to a finished run, one after another; each is compared on the rows that both answered."""
    assert run.facts["single_task"] == {}
    shutil.copytree(run.path, tmp_path / "run")
    model = (tmp_path / "run" / "fold-1" / "model.safetensors").stat().st_mtime_ns
    question = tmp_path / "run" / "fold-1.single" / "question_only" / "figures.json"
    train(recipe_of(encoder, model={"single_task": ["question_only"]}), questions, tmp_path / "run", folds=[1])
    first_time = question.stat().st_mtime_ns
    names = ["span_only", "category_only", "question_only"]
    more = train(recipe_of(encoder, model={"single_task": names}), questions, tmp_path / "run", folds=[1])
    assert question.stat().st_mtime_ns == first_time
    assert (more.fold_folder(1) / "model.safetensors").stat().st_mtime_ns == model
    found = more.facts["single_task"]
    assert sorted(found) == sorted(names)
    ours = next(each for each in more.facts["fold_results"] if each["fold"] == 1)["figures"]
    for name, figures in (
        ("span_only", {"exact", "f1"}),
        ("category_only", {"category_accuracy", "category_macro_f1"}),
        ("question_only", {"category_accuracy", "category_macro_f1"}),
    ):
        assert found[name]["folds"] == [1]
        assert set(found[name]["difference"]) == figures <= set(found[name]["figures"])
        for figure, gain in found[name]["difference"].items():
            assert gain["difference"] == pytest.approx(ours[figure] - found[name]["figures"][figure])
            assert gain["low"] <= gain["difference"] <= gain["high"]
    assert "category_accuracy" not in found["span_only"]["figures"]
    assert "f1" not in found["question_only"]["figures"]
    assert found["question_only"]["figures"]["category_macro_f1"] > 0.5
    assert found["span_only"]["parameters"] < more.facts["model"]["parameters"]
    assert not list(more.path.glob("fold-*.single/**/*.safetensors"))
    assert "gain over category only: category_accuracy" in results_of(more)


def test_evaluate_measures_other_rows_and_refuses_training_rows(run, questions, tmp_path):
    assert evaluate_run(run.path) == run.facts
    with pytest.raises(InputError, match="120 of 120 rows of questions took part in the run's folds"):
        evaluate_run(run, questions)
    other = save_questions(tmp_path / "other", question_rows(10, seed=5, prefix="other"))
    record = evaluate_run(run, other)
    assert record["dataset"]["rows"] == 50
    assert record["fold"] == run.selected_fold
    figures = record["summary"]["out_of_fold"]
    assert figures["category_macro_f1"] > 0.5
    assert set(figures["intervals"]) >= {"f1", "joint_accuracy"}
    stored = json.loads((run.path / "evaluations" / f"other-{record['dataset']['fingerprint']}.json").read_text())
    assert stored == record
    assert results_of(run, measured=record).split()[:3] == ["tiny_qa", "on", "other"]
    halved = evaluate_run(run, other, dtype="bfloat16")
    assert halved["dtype"] == "bfloat16"
    assert halved["summary"]["out_of_fold"]["category_accuracy"] == pytest.approx(figures["category_accuracy"], abs=0.1)
    with pytest.raises(InputError, match="dtype is 'int8'; a run of questions is measured in float32 or bfloat16"):
        evaluate_run(run, other, dtype="int8")
    with pytest.raises(InputError, match="a run of questions and answers takes none"):
        evaluate_run(run, other, votes=["votes.csv"])
    spans = [{**row, "category_probs": [0.0] * 5, "category_source": ""} for row in question_rows(4, 6, "spans")]
    bare = evaluate_run(run, save_questions(tmp_path / "spans", spans))
    assert "category_accuracy" not in bare["summary"]["out_of_fold"]


def test_a_published_model_answers_its_figures_again(run, questions, tmp_path):
    push_run(run, tmp_path / "published", agreement="ours")
    claims = {claim.name: claim for claim in verify(tmp_path / "published", questions)}
    figures = claims[f"figures of fold {run.selected_fold}"]
    assert figures.holds is True, figures.told
    assert claims["folds of the data"].holds is True
    facts = read_json(tmp_path / "published" / "run.json")
    for fold in facts["fold_results"]:
        fold["figures"]["f1"] += 0.01
    write_json(tmp_path / "published" / "run.json", facts)
    changed = verify(tmp_path / "published", questions)[-1]
    assert changed.holds is False
    assert "f1 is" in changed.told


def test_runs_are_shown_beside_their_like(run, run_templates):
    shown = results_of(run, run.path)
    assert shown.splitlines()[0].split().count("tiny_qa") == 2
    with pytest.raises(InputError, match="questions and runs of classes have no figure in common"):
        results_of(run, run_templates("tfidf"))


def test_an_adapter_trains_and_loads_as_a_plain_model(encoder, questions, tmp_path, without_plots):
    """With learnt task weights and a category that is read from the answer's span."""
    model = {"lora": {"r": 4}, "task_weighting": "uncertainty", "category_from": "span"}
    recipe = quick(encoder, model=model, training={"epochs": 2, "learning_rate": 2e-2})
    run = train(recipe, questions, tmp_path / "lora")
    assert run.facts["model"]["adapter"] == {"type": "lora", "r": 4, "alpha": 16}
    assert set(run.facts["model"]["task_weights"]) == {"span", "category"}
    assert 1.0 not in run.facts["model"]["task_weights"].values()
    weights = load_file(run.fold_folder(1) / "model.safetensors")
    assert not [name for name in weights if "lora" in name or "base_layer" in name]
    start = load_file(encoder / "model.safetensors")
    query = "layer.0.attention.self.query.weight"
    assert np.abs(weights[f"encoder.encoder.{query}"] - start[f"encoder.{query}"]).max() > 1e-6
    embedding = "embeddings.word_embeddings.weight"
    assert np.array_equal(weights[f"encoder.{embedding}"], start[embedding])
    branches = [value for name, value in weights.items() if name.endswith("attention.self.query.weight")]
    assert len(branches) == 1 + 2  # a shared layer, and one that branches into two
    assert not np.array_equal(branches[1], branches[2])


def test_a_model_of_one_task_alone_trains_on_a_sample(encoder, tmp_path, without_plots):
    """The answer alone, on rows of which the recipe draws some; evaluated on the ones that were left."""
    rows = [row for row in question_rows(NOTES) if row["span_labelled"]]
    folder = save_questions(tmp_path / "rows", rows)
    recipe = quick(encoder, model={"tasks": ["span"]}, training={"monitor": {"metric": "f1"}}, dataset={"sample": 60})
    run = train(recipe, folder, tmp_path / "span")
    facts = run.facts
    assert facts["dataset"]["sampled"] == {"rows": 60, "of": len(rows), "seed": 13}
    assert facts["dataset"]["rows"] == 60
    assert facts["calibration"] is None
    assert facts["model"]["tasks"] == ["span"]
    assert "category" not in read_predictions(run)
    rest = [row for row in rows if row["id"] not in Folds.load(run.folds_file).ids]
    assert len(rest) == len(rows) - 60
    assert evaluate_run(run, save_questions(tmp_path / "rest", rest))["dataset"]["rows"] == len(rest)
    with pytest.raises(InputError, match=f"60 of {len(rows)} rows of rows took part"):
        evaluate_run(run, folder)


def test_figures_do_not_depend_on_how_rows_are_batched(run):
    """One window at a time, or blocks of a few rows, give the answers and the losses of all at once."""
    from transformers import AutoTokenizer

    from secondopinion.training.qa_recipe import AnswerDatasetSpec
    from secondopinion.training.question_answering.model import load_model
    from secondopinion.training.question_answering.prediction import Predictor
    from secondopinion.training.question_answering.windows import windows_of

    data = from_rows(question_dataset(question_rows(6, 3, "x")), AnswerDatasetSpec(), name="rows")
    folder = run.fold_folder(1)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), load_model(folder)
    windows = windows_of(data, tokenizer, load_recipe(run.facts["recipe"]).model)
    rows = np.arange(1, len(data))
    answers, losses = Predictor(windows, tokenizer, rows)(model)
    other, again = Predictor(windows, tokenizer, rows, block_windows=5, token_budget=30)(model)
    assert losses == pytest.approx(again, abs=1e-5)
    for name, column in answers.columns().items():
        assert np.allclose(column, other.columns()[name], atol=1e-4), name
    halved, _ = Predictor(windows, tokenizer, rows, bf16=True)(model)
    shift = np.abs(halved.null_odds - answers.null_odds)
    assert 0 < shift.max() < 0.5


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"model": {"max_length": 128}}, "has positions for 64 tokens; lower max_length: longer texts are read in win"),
        ({"model": {"num_shared_layers": 9}}, "num_shared_layers"),
        ({"model": {"encoder": "./nowhere"}}, "the folder does not exist"),
        ({"model": {"max_length": 6, "doc_stride": 2}}, "questions: .*max_length"),
        ({"training": {"validation_share": 0.01}}, "groups of training rows cannot be cut into 100 parts; raise"),
        ({"folds": {"n_splits": 40}}, "24 groups"),
        ({"dataset": {"sample": 121}}, "sample is 121, but questions has 120 rows in split 'train'; leave it out"),
        ({"dataset": {"id_column": "group"}}, "96 ids occur more than once"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_trained(sections, message, encoder, questions, tmp_path):
    with pytest.raises(InputError, match=message):
        train(recipe_of(encoder, **sections), questions, tmp_path / "r", folds=[1])
    assert not list((tmp_path / "r").glob("fold-*/"))


def test_rows_of_another_kind_are_refused(encoder, questions, tmp_path):
    reports = save_reports(tmp_path / "reports", rows=40)
    with pytest.raises(InputError, match="reports has texts with labels, not questions with answers; train it with a"):
        train(recipe_of(encoder), reports, tmp_path / "a")
    classifier = load_recipe({"name": "c", "model": {"kind": "tfidf"}})
    with pytest.raises(
        InputError, match="questions has questions with answers, .* model.kind multitask_qa, such as cl"
    ):
        train(classifier, questions, tmp_path / "b")
    rows = from_rows(question_dataset(question_rows(4)), recipe_of(encoder).dataset, name="rows")
    with pytest.raises(
        InputError, match="data is a QuestionAnsweringData, but the recipe 'c' trains on texts with lab"
    ):
        train(classifier, rows, tmp_path / "c")
    from secondopinion.training.data import load_data
    from secondopinion.training.recipe import DatasetSpec

    texts = load_data(DatasetSpec(path=str(reports)))
    with pytest.raises(InputError, match="data is a TrainingData, but the recipe 'tiny_qa' trains on questions"):
        train(recipe_of(encoder), texts, tmp_path / "d")
    bare = [{**row, "category_probs": [0.0] * 5, "category_source": ""} for row in question_rows(6)]
    with pytest.raises(InputError, match=r"no row has a category. Label the rows .* set model.tasks: \[span\]"):
        train(recipe_of(encoder), save_questions(tmp_path / "bare", bare), tmp_path / "e")


def test_other_rows_or_another_recipe_in_the_same_folder_are_refused(run, encoder, questions, tmp_path):
    other = save_questions(tmp_path / "other", question_rows(NOTES, seed=3))
    with pytest.raises(InputError, match="the data changed. Give the old data, or a new --output"):
        train(recipe_of(encoder), other, run.path)
    with pytest.raises(InputError, match=r"another recipe \(model.doc_stride: 6 → 8\)"):
        train(recipe_of(encoder, model={"doc_stride": 8}), questions, run.path)


def test_an_encoder_whose_layers_cannot_be_branched_is_named(questions, tmp_path):
    from transformers import AlbertConfig, AlbertModel, AutoTokenizer

    folder = save_question_encoder(tmp_path / "albert")
    config = AlbertConfig(
        vocab_size=len(AutoTokenizer.from_pretrained(folder)),
        hidden_size=16,
        embedding_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
    )
    (folder / "config.json").unlink()
    AlbertModel(config).save_pretrained(folder)
    with pytest.raises(InputError, match="albert cannot be used: .*branch"):
        train(quick(folder), questions, tmp_path / "r")


def test_an_int8_form_answers_and_its_cost_is_known(run, questions):
    from secondopinion.scoring.questions.answerer import load_answerer
    from secondopinion.training import quantize_run

    said = quantize_run(run.path, max_loss=1.0, calibration_rows=20)
    held_out = run.facts["folds"]["sizes"][run.selected_fold - 1]
    assert (said["figure"], said["rows"]) == ("f1", held_out)
    # The very rows that the fold was measured on.
    assert said["float32"] == pytest.approx(chosen(run.facts)["figures"]["f1"], abs=1e-6)
    assert said["low"] <= said["int8"] - said["float32"] <= said["high"]
    assert 0 < said["same_label"] <= 1
    small, named = load_answerer(run.path, backend="auto", precision="int8")
    whole, _ = load_answerer(run.path)
    assert (named["backend"], named["precision"]) == ("openvino", "int8")
    rows = question_rows(2)
    asked = {"question": [row["question"] for row in rows], "context": [row["context"] for row in rows]}
    scores = [np.array([row["score"] for row in answerer(**asked)]) for answerer in (small, whole)]
    assert 0 < np.median(np.abs(scores[0] - scores[1])) < 0.05  # one answer of ten may be another
    with pytest.raises(InputError, match=r"int8 loses .* f1 on .* held-out rows"):
        quantize_run(run.path, max_loss=-1.0, calibration_rows=5)
