"""Publishing a model that answers questions: over HTTP and into a folder; a stranger's process then asks it."""

from __future__ import annotations

import json
import re

import datasets
import pytest
from qa_run import QUESTIONS, authored_rows
from stranger import WITHOUT_THIS_PACKAGE, ask_stranger

from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts.emrqa.emrqa import AGREEMENT
from secondopinion.dataset_scripts.emrqa.emrqa import POLICY as EMRQA
from secondopinion.model_cards import push_run

pytestmark = pytest.mark.slow

REPO = "ann/questions"
PIPELINE = "pipeline_clinical_question_answering.py"
STRANGER = (
    WITHOUT_THIS_PACKAGE
    + """import torch

torch.set_num_threads(1)
task = json.load(sys.stdin)
names = {}
*lines, last = task["lines"].strip().splitlines()
exec("\\n".join(lines), names)
found = {"example": eval(last, names), "rows": names["answer"](**task["asked"])}
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

where = task["where"]
where[1]["trust_remote_code"] = True
model = AutoModelForQuestionAnswering.from_pretrained(*where[0], **where[1]).eval()
tokenizer = AutoTokenizer.from_pretrained(*where[0], **where[1])
batch = tokenizer(task["asked"]["question"], task["asked"]["context"], padding=True, return_tensors="pt")
with torch.inference_mode():
    output = model(**batch)
found |= {name: output[name].tolist() for name in task["logits"]}
found |= {"class": type(model).__name__, "loaded": "secondopinion" in sys.modules}
print(json.dumps(found))
"""
)
ASKED = {
    "question": [QUESTIONS["Medication"].format(bed=7), QUESTIONS["Lab Reports"].format(bed=7), "which plan"],
    "context": [
        "Warfarin was given at 08:00 and the pulse settled to 71 beats in bed 7.",
        "The pulse of bed 7 settled to 66 beats.",
        "The family was told of the plan by the night nurse in charge. " * 3,
    ],
}
SHORT = {"question": ASKED["question"], "context": [text[:60] for text in ASKED["context"]]}


@pytest.fixture
def token(hub):
    return hub.add_token("ann")


def ask_a_stranger(card, folder, where, asked, logits, **environment):
    """Run the card's python block elsewhere, then load the model by its Auto class, and return what both say."""
    (lines,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    task = {"lines": lines, "asked": asked, "where": where, "logits": logits}
    return ask_stranger(STRANGER, task, folder, **environment)


def own_answers(run, asked, logits):
    import torch
    from transformers import pipeline

    from secondopinion.modeling import MultiTaskQAForQuestionAnswering

    folder = run.fold_folder(run.selected_fold)
    model = MultiTaskQAForQuestionAnswering.from_pretrained(folder).eval()
    pipe = pipeline("clinical-question-answering", model=model, tokenizer=str(folder))
    batch = pipe.tokenizer(asked["question"], asked["context"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        output = model(**batch)
    return pipe(**asked), {name: output[name].tolist() for name in logits}


def require_same_answers(found, run, asked, logits):
    rows, expected = own_answers(run, asked, logits)
    assert (found["class"], found["loaded"]) == ("MultiTaskQAForQuestionAnswering", False)
    for name in logits:
        theirs, ours = ([value for row in values[name] for value in row] for values in (found, expected))
        assert theirs == pytest.approx(ours, abs=1e-5)
    for theirs, ours in zip(found["rows"], rows, strict=True):
        exact = ("answer", "start", "end", "no_answer", "category")
        assert {name: theirs[name] for name in exact} == {name: ours[name] for name in exact}
        assert theirs["score"] == pytest.approx(ours["score"], abs=1e-5)
        assert theirs["category_probabilities"] == pytest.approx(ours["category_probabilities"], abs=1e-5)


def test_from_the_hub_in_a_fresh_process(hub, token, make_qa_run, tmp_path):
    run, logits = make_qa_run(), ("start_logits", "end_logits", "category_logits")
    result = push_run(run, REPO, token=token)
    assert PIPELINE in result.files
    card = hub.state.repo(REPO).files()["README.md"].decode()
    here = tmp_path / "elsewhere"
    here.mkdir()
    where = ([REPO], {"revision": result.tag})
    found = ask_a_stranger(card, here, where, SHORT, logits, HF_ENDPOINT=hub.url)
    require_same_answers(found, run, SHORT, logits)
    context = "Warfarin was stopped on Monday after a nosebleed."
    example = found["example"]
    assert set(example["category_probabilities"]) == set(run.facts["task"]["label_names"])
    assert example["no_answer"] or context[example["start"] : example["end"]] == example["answer"]
    assert any(not row["no_answer"] for row in found["rows"])


def test_one_commit_holds_everything_and_says_why(hub, token, make_qa_run):
    from huggingface_hub import HfApi, ModelCard

    run = make_qa_run()
    result = push_run(run, REPO, token=token)
    repo, selection, mean = hub.state.repo(REPO), run.facts["selection"], run.facts["summary"]["mean"]
    head, first = repo.history("main")
    assert (first.title, result.commit) == ("initial commit", head.oid)
    title = f"questions: fold {selection['fold']} of 3, selected for the highest answer F1 ({selection['value']:.4f})"
    assert head.title == title
    assert f"answer F1 {mean['f1']:.4f}" in head.description
    assert head.tree["model.safetensors"].lfs
    card = ModelCard.load(HfApi(hub.url, token=token).hf_hub_download(REPO, "README.md"))
    figures = {(r.task_type, r.metric_type, r.metric_name): r.metric_value for r in card.data.eval_results}
    over = "(out-of-fold, mean over 3 folds)"
    assert figures["question-answering", "exact_match", f"Exact match {over}"] == mean["exact"]
    assert figures["question-answering", "accuracy", f"Joint accuracy {over}"] == mean["joint_accuracy"]
    sent = len(hub.requests)
    again = push_run(run, REPO, token=token)
    assert (again.changed, again.commit) == (False, head.oid)
    assert not [request for request in hub.requests[sent:] if request.startswith(("PUT", "POST"))]


def test_the_tree_is_the_checkpoint_its_code_and_no_row(make_qa_run, tmp_path):
    run = make_qa_run()
    folder = tmp_path / "published"
    result = push_run(run, folder)
    published = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert sorted(published) == list(result.files)
    checkpoint = run.fold_folder(run.selected_fold)
    assert {path.name: path.read_bytes() for path in checkpoint.iterdir()}.items() <= published.items()
    code = {PIPELINE, "modeling_multitask_qa.py", "configuration_multitask_qa.py", "qa_windows.py", "qa_answers.py"}
    assert code <= set(published)
    config = json.loads(published["config.json"])
    assert config["custom_pipelines"]["clinical-question-answering"]["impl"].startswith(PIPELINE.removesuffix(".py"))
    assert config["no_answer_record"] == {key: run.facts["no_answer"][key] for key in config["no_answer_record"]}
    assert "folds.json" not in published, "row ids stay here where the text does"
    whole = b"".join(published.values())
    assert not [row["id"] for row in authored_rows() if row["context"].encode() in whole]


def test_the_lines_of_a_model_of_one_task_run(make_qa_run, tmp_path, monkeypatch):
    run = make_qa_run(
        tasks=("category",),
        single=(),
        model={"tasks": ["category"], "no_answer_threshold": None, "no_answer_record": None},
    )
    push_run(run, tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text()
    assert "It finds no answer." in card
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(re.search(r"```python\n(.*?)```", card, re.DOTALL).group(1), names)
    rows, _ = own_answers(run, SHORT, ["category_logits"])
    assert names["answer"](**SHORT) == rows
    assert {row["start"] for row in rows} == {None}
    assert all(row["category"] in run.facts["task"]["label_names"] for row in rows)


def test_the_terms_of_emrqa_ask_for_its_agreement(hub, token, make_qa_run, tmp_path):
    run = make_qa_run(change=lambda facts: facts["dataset"].update(policy=EMRQA.as_dict()))
    for given in (None, "PhysioNet DUA 1.5.0"):
        for to in (REPO, tmp_path / "published"):
            with pytest.raises(InputError, match=re.escape(f"--agreement '{AGREEMENT}'")):
                push_run(run, to, token=token if to == REPO else None, agreement=given)
    assert not (tmp_path / "published").exists()
    assert not [request for request in hub.requests if request.startswith(("PUT", "POST"))], "nothing left the machine"
    result = push_run(run, REPO, token=token, agreement=AGREEMENT)
    assert {"model.safetensors", PIPELINE} <= set(result.files)
    assert "folds.json" not in result.files
    card = hub.state.repo(REPO).files()["README.md"].decode()
    assert f"agreement: {AGREEMENT}" in card


ROW = next(row for row in authored_rows() if row["answers"]["text"])
SECRET = " ".join(ROW["context"].split()[4:14])


def plant_in_config(run):
    file = run.fold_folder(run.selected_fold) / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "note": f"…{SECRET}…"}))


def plant_in_facts(run, **facts):
    run.facts_file.write_text(json.dumps({**run.facts, **facts}))


PLANTED = {
    "a note in config.json": (plant_in_config, r"config\.json: holds a part of a row's context; remove it"),
    "a note in run.json, broken across lines": (
        lambda run: plant_in_facts(run, remark=[SECRET.replace(" ", "\n  ")]),
        r"run\.json: holds a part of a row's context",
    ),
    "a note as a key": (lambda run: plant_in_facts(run, seen={SECRET: 1}), r"run\.json: holds a part of a row's con"),
    "a question": (lambda run: plant_in_facts(run, asked=ROW["question"]), r"run\.json: holds a part of a row's quest"),
    "a note in the card": (
        lambda run: plant_in_facts(run, recipe={**run.facts["recipe"], "description": f"Answers of {SECRET}"}),
        r"README\.md: holds a part of a row's context",
    ),
    "a row's answer by name": (
        lambda run: plant_in_facts(run, wrong=[{"id": "Q1", "answers": {"text": ["two words"]}}]),
        r"run\.json: wrong\.0\.answers holds a text, as a row does",
    ),
}


@pytest.mark.parametrize("kind", sorted(PLANTED))
def test_words_of_a_row_stop_the_push_and_are_not_shown(make_qa_run, tmp_path, kind):
    plant, message = PLANTED[kind]
    run = make_qa_run()
    plant(run)
    with pytest.raises(InputError, match=message) as caught:
        push_run(run, tmp_path / "published")
    assert SECRET[:20] not in str(caught.value)
    assert ROW["question"][:20] not in str(caught.value)
    assert not (tmp_path / "published").exists()


def test_a_row_is_no_example_of_the_widget(make_qa_run, tmp_path):
    run = make_qa_run()
    own = [("mine", "What was written?", "An example was written for this card and for nothing else.")]
    assert push_run(run, tmp_path / "published", examples=own).changed
    with pytest.raises(InputError, match=r"README\.md: holds a part of a row's context"):
        push_run(run, tmp_path / "other", examples=[("a row", "What was given?", ROW["context"])])


def test_rows_are_compared_wherever_prepare_left_them(make_qa_run, tmp_path):
    """Sharded, in a folder below, with the text as a large string or a dictionary: all are read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    run = make_qa_run()
    data = tmp_path / "data" / "train"
    data.mkdir(parents=True)
    rows = datasets.Dataset.from_list(authored_rows()[:40]).data.table
    texts = pa.array([f"{SECRET} {number}" for number in range(40)], pa.large_string())
    pq.write_table(rows.slice(0, 40), data / "0.parquet")
    pq.write_table(pa.table({"context": texts.dictionary_encode()}), data / "1.parquet")
    run.write_local({"data": str(tmp_path / "data")})
    assert push_run(run, tmp_path / "published").changed
    plant_in_config(run)
    with pytest.raises(InputError, match=r"config\.json: holds a part of a row's context"):
        push_run(run, tmp_path / "other")
    run.write_local({"data": "hub/name"})
    assert push_run(run, tmp_path / "other").changed, "without the rows only fields named as theirs are found"
