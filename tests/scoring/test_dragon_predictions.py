"""`score`: models of every kind of problem, from a folder, a run and the Hub; every kind of input and output."""

import json
import shutil

import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from dragon_files import BINARIES, BINARY, CLASSES, FACTORS, NUMBER, NUMBERS, SECRET, get, write_fold
from run_builder import save_model
from tiny_encoder import VOCABULARY, save_encoder
from typer.testing import CliRunner

from secondopinion.cli.app import app
from secondopinion.core.errors import InputError
from secondopinion.metrics.dragon.dragon import dragon_figures, read_files
from secondopinion.modeling import PooledEncoderConfig, PooledEncoderForSequenceClassification
from secondopinion.scoring.cases import Cases, read_inputs
from secondopinion.scoring.classifier import open_classifier
from secondopinion.scoring.dragon_predictions import as_predictions, kind_of_model, predict_cases, write_predictions

FIELDS = {
    BINARY: {"id2label": {0: "false", 1: "true"}},
    CLASSES: {"id2label": {0: "2", 1: "9", 2: "10"}},
    BINARIES: {"id2label": {0: "a", 1: "b", 2: "c"}, "problem_type": "multi_label_classification"},
    FACTORS: {
        "id2label": dict(
            enumerate(["grade: mild", "grade: moderate", "grade: severe", "label_2: low", "label_2: high"])
        ),
        "label_groups": [3, 2],
    },
    NUMBER: {"id2label": {0: "size"}, "problem_type": "regression", "target_mean": [30.0], "target_std": [9.0]},
    NUMBERS: {
        "id2label": {0: "length", 1: "width"},
        "problem_type": "regression",
        "target_mean": [3.0, -2.0],
        "target_std": [1.0, 2.0],
    },
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return kind → folder of a tiny model whose outputs differ between texts."""
    import torch
    from transformers import AutoConfig

    root = tmp_path_factory.mktemp("models")
    plain = save_encoder(root / "encoder")
    encoder = AutoConfig.from_pretrained(plain)
    for kind, fields in FIELDS.items():
        torch.manual_seed(1)
        model = PooledEncoderForSequenceClassification(PooledEncoderConfig(encoder_config=encoder, **fields))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(3)
        model.save_pretrained(root / kind)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(plain / name, root / kind / name)
    return {kind: root / kind for kind in FIELDS}


def notes(fold):
    """Give a fold texts of words that the tiny encoder knows."""
    words = VOCABULARY.split()
    for split in ("training", "validation", "test"):
        cases = get(fold, split)
        draw = np.random.default_rng(len(split))
        for case in cases:
            case["text"] = " ".join([*draw.choice(words, draw.integers(2, 30)), SECRET])
        (fold / f"nlp-{split}-dataset.json").write_text(json.dumps(cases))
    return fold


def score(*arguments):
    """Return what the command prints; what is wrong with the input is raised, as `main` expects."""
    answer = CliRunner().invoke(app, ["score", *map(str, arguments)])
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    assert SECRET not in answer.output
    return answer


def plain_logits(folder, texts):
    import torch
    from transformers import AutoTokenizer

    model = PooledEncoderForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        return np.array([model(**tokenizer(text, return_tensors="pt")).logits[0].tolist() for text in texts])


@pytest.mark.parametrize("kind", FIELDS)
def test_predictions_of_every_kind_are_what_the_benchmark_takes(models, kind, tmp_path):
    fold = notes(write_fold(tmp_path / "mine-fold0", kind))
    output = tmp_path / "nlp-predictions-dataset.json"
    score("--model", models[kind], "--input", fold / "nlp-test-dataset.json", "--output", output)
    said, cases = json.loads(output.read_text()), get(fold, "test")
    assert [row["uid"] for row in said] == [case["uid"] for case in cases]
    assert all(set(row) == {"uid", kind} for row in said)
    logits = plain_logits(models[kind], [case["text"] for case in cases])
    values = [row[kind] for row in said]
    if kind == BINARY:
        assert values == pytest.approx(1 / (1 + np.exp(logits[:, 0] - logits[:, 1])), abs=1e-5)
    elif kind == CLASSES:
        assert values == [["2", "9", "10"][place] for place in logits.argmax(axis=1)]
    elif kind == BINARIES:
        assert np.allclose(values, 1 / (1 + np.exp(-logits)), atol=1e-5)
    elif kind == FACTORS:
        grades = [["mild", "moderate", "severe"][place] for place in logits[:, :3].argmax(axis=1)]
        assert values == [[g, ["low", "high"][p]] for g, p in zip(grades, logits[:, 3:].argmax(axis=1), strict=True)]
    else:
        assert np.allclose(values, logits[:, 0] if kind == NUMBER else logits, atol=1e-4)
    score("--model", models[kind], "--input", fold, "--split", "validation", "--output", output, "--force")
    found = read_files(get(fold, "validation"), json.loads(output.read_text()))
    assert dragon_figures(found[1], found[2], found[0])["rows"] == 4


def test_tables_hold_labels_and_probabilities(models, tmp_path):
    fold = notes(write_fold(tmp_path / "mine-fold0", FACTORS))
    tables = {}
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        answer = score("--model", models[FACTORS], "--input", fold, "--output", tmp_path / name)
        assert "4 cases, multi label multi class classification" in answer.output
    tables["csv"] = pyarrow.csv.read_csv(tmp_path / "a.csv").to_pylist()
    tables["jsonl"] = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    tables["parquet"] = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert tables["csv"] == tables["jsonl"] == tables["parquet"]
    row = tables["csv"][0]
    shares = ["p_grade: mild", "p_grade: moderate", "p_grade: severe", "p_label_2: low", "p_label_2: high"]
    assert list(row) == ["id", "label_grade", "label_label_2", *shares]
    assert sum(row[name] for name in shares[:3]) == pytest.approx(1)
    assert row["label_grade"] == max(("mild", "moderate", "severe"), key=lambda name: row[f"p_grade: {name}"])
    config = PooledEncoderConfig(encoder_config=None, **FIELDS[BINARIES])
    several = as_predictions(["x"], np.array([[3.0, -3.0, 0.1]]), config, BINARIES)
    assert [several.columns[f"label_{name}"] for name in "abc"] == [[1], [0], [1]]
    numbers = as_predictions(["x"], np.array([[3.0, -3.0]]), PooledEncoderConfig(**FIELDS[NUMBERS]), NUMBERS)
    assert numbers.columns == {"value_length": [3.0], "value_width": [-3.0]}


def test_inputs_of_every_kind_give_the_same_cases(tmp_path):
    fold = notes(write_fold(tmp_path / "mine-fold0"))
    cases = get(fold, "test")
    rows = [{"id": case["uid"], "text": case["text"]} for case in cases]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    (tmp_path / "b.json").write_text(json.dumps({"cases": cases}))
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "d.csv").write_text("id,text\n" + "".join(f"{row['id']},{row['text']}\n" for row in rows))
    names = ("a.json", "b.json", "c.jsonl", "d.csv")
    for source in (fold, fold / "nlp-test-dataset.json", *(tmp_path / name for name in names)):
        found = read_inputs(source)
        assert dict(zip(found.ids, found.texts, strict=True)) == {row["id"]: row["text"] for row in rows}
        assert (found.task is None) == (source.parent == tmp_path and source != fold)
    (tmp_path / "e.json").write_text(json.dumps([{"text_parts": ["a", "b"]}]))
    assert read_inputs(tmp_path / "e.json").ids == ["e-0"]
    assert read_inputs(tmp_path / "e.json").texts == ["a\nb"]
    assert read_inputs(tmp_path / "a.json", limit=2).ids == found.ids[:2]


def test_a_run_a_stock_model_and_a_model_on_the_hub(make_run, hub, tmp_path):
    from huggingface_hub import HfApi

    (tmp_path / "notes.json").write_text(json.dumps([{"text": "pump alarm stopped"}, {"text": "patient died"}]))
    cases = read_inputs(tmp_path / "notes.json")
    run = make_run()
    folder = run.fold_folder(run.selected_fold)
    found = {"run": predict_cases(*open_classifier(run.path), cases)}
    found["folder"] = predict_cases(*open_classifier(folder), cases)
    token = hub.add_token("ann")
    api = HfApi(token=token)
    api.create_repo("ann/severity")
    api.upload_folder(repo_id="ann/severity", folder_path=folder)
    found["hub"] = predict_cases(*open_classifier("ann/severity", token=token), cases)
    assert found["run"] == found["folder"] == found["hub"]
    assert found["run"].kind == CLASSES
    assert found["run"].columns["p_Death"][0] != found["run"].columns["p_Death"][1]
    model, tokenizer = open_classifier(save_model("bert", tmp_path / "stock"))
    assert model.config.model_type == "bert"
    assert predict_cases(model, tokenizer, cases).values[0] in set(model.config.id2label.values())
    with pytest.raises(InputError, match="'ann/none' is neither a folder here nor a model that can be loaded"):
        open_classifier("ann/none", token=token)
    with pytest.raises(InputError, match="is a run of kind tfidf; scoring needs a trained encoder"):
        open_classifier(make_run(name="words", change=lambda facts: facts["model"].update(kind="tfidf")).path)


def test_models_that_cannot_score(models, tmp_path):
    with pytest.raises(InputError, match="nowhere does not exist; give a run folder"):
        open_classifier(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no config.json"):
        open_classifier(tmp_path)
    with pytest.raises(
        InputError, match=r"is a bert model \(BertModel\); scoring needs one whose architecture ends in"
    ):
        open_classifier(models[BINARY].parent / "encoder")
    fold = notes(write_fold(tmp_path / "mine-fold0"))
    message = "the task asks for single_label_binary_classification, but the model predicts single_label_regression"
    with pytest.raises(InputError, match=message):
        score("--model", models[NUMBER], "--input", fold, "--output", tmp_path / "a.json")
    assert not (tmp_path / "a.json").exists()


def test_the_kind_follows_the_configuration():
    def kind(wanted=None, **fields):
        return kind_of_model(PooledEncoderConfig(**fields), wanted)

    assert kind(id2label={0: "no", 1: "yes"}) == CLASSES
    assert kind(BINARY, id2label={0: "no", 1: "yes"}) == BINARY
    assert kind(CLASSES, **FIELDS[BINARY]) == CLASSES
    assert kind(NUMBERS, **FIELDS[NUMBER]) == NUMBERS
    turned = PooledEncoderConfig(id2label={0: "TRUE", 1: "FALSE"})
    assert as_predictions(["x"], np.array([[2.0, 0.0]]), turned, BINARY).values[0] == pytest.approx(
        1 / (1 + np.exp(-2))
    )
    with pytest.raises(InputError, match="asks for multi_label_binary_classification, but the model predicts single"):
        kind(BINARIES, **FIELDS[CLASSES])


@pytest.mark.parametrize(
    ("name", "value", "options", "message"),
    [
        ("nlp-test-dataset.json", [{"text": "a"}], [], r"nlp-test-dataset.json\[0\] has no uid"),
        ("nlp-test-dataset.json", [{"uid": "a"}], [], r"\[0\] has no 'text'; it has uid"),
        ("a.json", [{"id": "x", "text": "a"}, {"id": "x", "text": "b"}], [], "rows 0 and 1 have the same id 'x'"),
        ("a.json", [], [], "a.json holds no case"),
        ("a.json", {"rows": []}, [], 'holds an object without "cases"'),
        ("a.json", [{"text": 5}], [], r"a.json\[0\].text is a number, expected text"),
        ("a.json", [{"text": "a"}], ["--limit", "0"], "limit is 0; give at least 1"),
        ("a.json", [{"text": "a"}], ["--output", "said.txt"], "said.txt ends in '.txt'; expected one of .json"),
    ],
)
def test_inputs_that_are_wrong(models, name, value, options, message, tmp_path):
    fold = write_fold(tmp_path / "mine-fold0")
    (fold / name).write_text(json.dumps(value))
    with pytest.raises(InputError, match=message):
        score("--model", models[BINARY], "--input", fold / name, "--output", tmp_path / "said.json", *options)


def test_outputs_are_whole_or_not_there(models, tmp_path):
    fold = notes(write_fold(tmp_path / "mine-fold0"))
    (fold / "nlp-test-dataset.json").unlink()
    with pytest.raises(InputError, match="lacks nlp-test-dataset.json; give the whole folder"):
        read_inputs(fold)
    with pytest.raises(InputError, match="a DRAGON task has no split 'valid'; did you mean 'validation'"):
        read_inputs(fold, split="valid")
    predictions = predict_cases(*open_classifier(models[NUMBER]), Cases(["x"], ["pump"]))
    output = write_predictions(predictions, tmp_path / "said.json")
    before = output.read_bytes()
    with pytest.raises(InputError, match="is there already; give another --output, or --force"):
        write_predictions(predictions, output)
    predictions.values[0] = float("nan")
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        write_predictions(predictions, output, force=True)
    assert output.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["said.json"]
