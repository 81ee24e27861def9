"""A stranger pastes the lines of a deferring system's card, in a process where secondopinion cannot be imported."""

from __future__ import annotations

import re

import pytest
from stranger import WITHOUT_THIS_PACKAGE, ask_stranger

from secondopinion.model_cards import push_run

pytestmark = pytest.mark.slow

STRANGER = (
    WITHOUT_THIS_PACKAGE
    + """task = json.load(sys.stdin)
names = {}
for lines in task["blocks"]:
    exec(lines, names)
import torch

torch.set_num_threads(1)
batch = names["tokenizer"](task["texts"], padding=True, truncation=True, return_tensors="pt")
with torch.inference_mode():
    output = names["model"].eval()(**batch)
told = []

def by_text(texts):
    told.extend(texts)
    return [{"label": None if len(text) % 2 else "Other"} for text in texts]

found = {name: output[name].tolist() for name in ("logits", "deferral_score", "deferred")}
found |= {"example": names["ask"](task["texts"]), "rows": names["ask"](task["texts"], expert=by_text)}
found |= {"told": told, "class": type(names["model"]).__name__, "loaded": "secondopinion" in sys.modules}
print(json.dumps(found))
"""
)
TEXTS = [
    "battery low",
    "patient died pump stopped harm lead fracture " * 5,
    "lead fracture harm patient alarm nothing unclear",
    "nothing " * 39,
    "report device alarm",
]


def paste(card, folder, **environment):
    """Run the card's python blocks elsewhere and return what model and pipeline say of TEXTS."""
    blocks = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert [len(block.strip().splitlines()) for block in blocks] == [3, 3]
    return ask_stranger(STRANGER, {"blocks": blocks, "texts": TEXTS}, folder, **environment)


def own_output(run):
    import torch
    from transformers import AutoTokenizer

    from secondopinion.modeling import DeferralForSequenceClassification

    model = DeferralForSequenceClassification.from_pretrained(run.system_folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(run.system_folder)
    with torch.inference_mode():
        return model(**tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt"))


def require_equal(found, run):
    own = own_output(run)
    assert (found["class"], found["loaded"]) == ("DeferralForSequenceClassification", False)
    assert found["deferred"] == own.deferred.tolist()
    assert 0 < sum(found["deferred"]) < len(TEXTS), "the texts must be such that some are deferred"
    assert found["deferral_score"] == pytest.approx(own.deferral_score.tolist(), abs=1e-6)
    flat = [value for row in found["logits"] for value in row]
    assert flat == pytest.approx(own.logits.flatten().tolist(), abs=1e-6)


def require_asked(found, run):
    labels, (expert,) = run.facts["task"]["label_names"], [e["name"] for e in run.facts["deferral"]["experts"]]
    assert [row["deferred"] for row in found["rows"]] == found["deferred"]
    deferred = [text for text, asked in zip(TEXTS, found["deferred"], strict=True) if asked]
    assert sorted(found["told"]) == sorted(deferred), "the expert sees the deferred texts and no other"
    for text, row, example, logits in zip(TEXTS, found["rows"], found["example"], found["logits"], strict=True):
        own = labels[max(range(len(labels)), key=logits.__getitem__)]
        answered = row["deferred"] and len(text) % 2 == 0
        assert (row["label"], row["answered_by"]) == (("Other", expert) if answered else (own, "classifier"))
        assert example["label"] == (labels[0] if row["deferred"] else own)


def test_a_deferring_system_from_the_hub(hub, make_run, tmp_path):
    run = make_run(deferral=True)
    result = push_run(run, "ann/severity", token=hub.add_token("ann"))
    here = tmp_path / "elsewhere"
    here.mkdir()
    card = hub.state.repo("ann/severity").files()["README.md"].decode()
    assert card.count(f'revision="{result.tag}"') == 3
    found = paste(card, here, HF_ENDPOINT=hub.url)
    require_equal(found, run)
    require_asked(found, run)


def test_a_deferring_system_from_a_folder(make_run, tmp_path):
    run = make_run(deferral=True)
    here = tmp_path / "elsewhere"
    here.mkdir()
    push_run(run, here / "model")
    found = paste((here / "model" / "README.md").read_text(), here, HF_HUB_OFFLINE="1")
    require_equal(found, run)
    require_asked(found, run)
