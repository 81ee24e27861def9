"""Every kind of model that is published, loaded over HTTP by its own card's lines, all in one stranger's process."""

from __future__ import annotations

import re
import shutil

import long_case_folder as long_cases
import pytest
import run_builder
import torch
from qa_run import QUESTIONS
from stock_checkpoint import save_stock
from stranger import WITHOUT_THIS_PACKAGE, ask_stranger
from tiny_encoder import save_reports
from transformers import AutoTokenizer, pipeline

from secondopinion.core.run_folder import RunFolder
from secondopinion.model_cards import push_run
from secondopinion.modeling import DeferralForSequenceClassification, MultiTaskQAForQuestionAnswering
from secondopinion.scoring.engine import load_classifier
from secondopinion.training.adoption import adopt
from secondopinion.training.baseline import TfidfClassifier
from secondopinion.training.encoder_model import keep_base, lora_adapter, save_adapter
from secondopinion.training.long_context import save_with_processor
from secondopinion.training.recipe import LoraSpec

pytestmark = pytest.mark.slow

TEXTS = [
    "patient died pump stopped",
    "battery low",
    "lead fracture harm patient alarm nothing unclear",
    "the patient has a mass of 12 mm in the liver and potassium 5.1 mmol/l",
    "report device alarm " * 30,
]
ASKED = {
    "question": [QUESTIONS["Medication"].format(bed=7), QUESTIONS["Lab Reports"].format(bed=7)],
    "context": ["Warfarin was given at 08:00 and the pulse settled.", "The pulse of bed 7 settled to 66 beats."],
}
FIELDS = {
    "questions": ("start_logits", "end_logits", "category_logits"),
    "deferring": ("logits", "deferral_score", "deferred"),
}
ANSWERED = ("start", "end", "no_answer", "category")

# Runs the Python blocks of each card; what a card leaves out, the reader of an adapter's base, is the last card's.
STRANGER = (
    WITHOUT_THIS_PACKAGE
    + """import torch

torch.set_num_threads(1)
task, said, reader = json.load(sys.stdin), {}, None
for kind, blocks in task["cards"].items():
    names = {}
    for block in blocks:
        exec(block, names)
    asked = names.get("answer")
    model = asked.model if asked else names.get("merged") or names["model"]
    found = said[kind] = {"class": type(model).__name__}
    if not hasattr(model, "config"):
        found["logits"] = model.decision_function(task["texts"]).tolist()
        found["decisions"] = model.predict(task["texts"]).tolist()
        continue
    reader = names.get("processor") or names.get("tokenizer") or (asked and asked.tokenizer) or reader
    texts = (task["asked"]["question"], task["asked"]["context"]) if asked else (task["texts"],)
    with torch.inference_mode():
        output = model.eval()(**reader(*texts, padding=True, truncation=True, return_tensors="pt"))
    found |= {name: output[name].tolist() for name in task["fields"].get(kind, ["logits"])}
    if asked:
        found["decisions"] = [[row[key] for key in task["answered"]] for row in asked(**task["asked"])]
    else:
        found["decisions"] = [model.config.id2label[i] for i in output.logits.argmax(dim=1).tolist()]
said["found here"] = "secondopinion" in sys.modules
print(json.dumps(said))
"""
)


def with_adapter(run):
    """Make the selected fold of a run one that was trained with LoRA: base, adapter, and both merged."""
    folder = run.fold_folder(run.selected_fold)
    model, tokenizer = load_classifier(folder)
    keep_base(model, run.base_folder)
    torch.manual_seed(2)
    trained = lora_adapter(model, LoraSpec(r=2), "encoder.", ["classifier"], task_type="SEQ_CLS")
    with torch.no_grad():
        for parameter in trained.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.2)
    save_adapter(trained, run.adapter_folder(run.selected_fold))
    trained.merge_and_unload().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return run


def with_processor(run, folder):
    """Put a Longformer that reads through a processor in the place of a run's model, saved as a training saves it."""
    target = run.fold_folder(run.selected_fold)
    shutil.rmtree(target)
    save_with_processor(*load_classifier(folder), target)
    steps = {"measurements": True, "abbreviations": False, "global_attention": True, "entities": True, "max_global": 4}
    run.add_facts({"model": {**run.facts["model"], "processor": steps}})
    return run


@pytest.fixture
def runs(make_run, make_qa_run, tmp_path, monkeypatch):
    monkeypatch.setattr(long_cases, "LABELS", tuple(run_builder.LABELS))
    long = long_cases.long_case_folder(tmp_path / "long", max_global=4)
    reports = save_reports(tmp_path / "reports", rows=40)
    return {
        "encoder": make_run(name="encoder"),
        "lora": with_adapter(make_run(name="lora")),
        "baseline": make_run("tfidf", name="baseline"),
        "deferring": make_run(name="deferring", deferral=True),
        "questions": make_qa_run(),
        "long": with_processor(make_run(name="long"), long),
        "adopted": adopt(save_stock(tmp_path / "stock"), reports, tmp_path / "adopted", resamples=20),
    }


def plain(output, names):
    return {name: output[name].tolist() for name in names}


def own_words(kind, run: RunFolder):
    """Return what a run's model says before it is pushed, by this package's own classes."""
    folder = run.fold_folder(run.selected_fold)
    if kind == "baseline":
        model = TfidfClassifier.load(folder)
        logits = model.logits(TEXTS)
        return {"logits": logits.tolist(), "decisions": logits.argmax(axis=1).tolist()}
    if kind == "questions":
        model = MultiTaskQAForQuestionAnswering.from_pretrained(folder)
        pipe = pipeline("clinical-question-answering", model=model, tokenizer=str(folder))
        batch = pipe.tokenizer(*ASKED.values(), padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            output = pipe.model.eval()(**batch)
        decisions = [[row[key] for key in ANSWERED] for row in pipe(**ASKED)]
        return {**plain(output, FIELDS[kind]), "decisions": decisions}
    if kind == "deferring":
        model = DeferralForSequenceClassification.from_pretrained(run.system_folder)
        reader = AutoTokenizer.from_pretrained(run.system_folder)
    else:
        model, reader = load_classifier(folder)
    with torch.inference_mode():
        output = model.eval()(**reader(TEXTS, padding=True, truncation=True, return_tensors="pt"))
    labels = [model.config.id2label[i] for i in output.logits.argmax(dim=1).tolist()]
    return {**plain(output, FIELDS.get(kind, ["logits"])), "decisions": labels}


def test_every_kind_says_over_http_what_it_said_before_the_push(hub, runs, tmp_path):
    token, cards = hub.add_token("ann"), {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        expected = {kind: own_words(kind, run) for kind, run in runs.items()}
    finally:
        torch.set_num_threads(threads)
    for kind, run in runs.items():
        push_run(run, f"ann/{kind}", token=token)
        card = hub.state.repo(f"ann/{kind}").files()["README.md"].decode()
        cards[kind] = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
        if kind == "lora":
            card = hub.state.repo("ann/lora").files("adapter")["README.md"].decode()
            cards["adapter"] = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
            expected["adapter"] = expected["lora"]
    task = {"cards": cards, "texts": TEXTS, "asked": ASKED, "fields": FIELDS, "answered": ANSWERED}
    said = ask_stranger(STRANGER, task, tmp_path, HF_ENDPOINT=hub.url)
    assert said.pop("found here") is False
    assert said.keys() == expected.keys()
    classes = {kind: found.pop("class") for kind, found in said.items()}
    assert classes["adopted"] == "BertForSequenceClassification"
    assert len({*classes.values()}) == 5
    # An adapter is merged anew by whoever loads it; all else is the same to the last bit.
    adapter = said.pop("adapter"), expected.pop("adapter")
    assert adapter[0]["decisions"] == adapter[1]["decisions"]
    merged = [value for row in adapter[1]["logits"] for value in row]
    assert [value for row in adapter[0]["logits"] for value in row] == pytest.approx(merged, abs=1e-5)
    for kind, found in said.items():
        assert found == expected[kind], kind
    assert len({*map(tuple, expected["adopted"]["logits"])}) == len(TEXTS), "what says the same of all shows nothing"
