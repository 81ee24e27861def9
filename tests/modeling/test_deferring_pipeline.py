"""The pipeline: who answers which text, what an expert may do wrong, and a life without this package."""

from dataclasses import dataclass

import pytest
import torch
from stranger import WITHOUT_THIS_PACKAGE, ask_stranger
from tiny_encoder import CLASSES, save_encoder
from transformers import AutoTokenizer, BertForSequenceClassification, pipeline

from secondopinion.modeling import DeferralForSequenceClassification, PooledEncoderForSequenceClassification
from secondopinion.modeling.pipeline_deferring_text_classification import TASK
from secondopinion.modeling.streaming_budget import StreamingBudget

TEXTS = [
    "patient died",
    "the pump failed and the device broke",
    "hospital",
    "injury of a patient and death",
    "battery alarm lead",
    "pump pump pump",
    "a of and",
    "device device the",
    "died",
    "broke battery the pump alarm and hospital injury",
]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = save_encoder(tmp_path_factory.mktemp("encoder"))
    torch.manual_seed(1)
    classifier = PooledEncoderForSequenceClassification.from_encoder(
        str(folder), id2label=dict(enumerate(CLASSES)), label2id={name: i for i, name in enumerate(CLASSES)}
    )
    torch.nn.init.normal_(classifier.classifier.weight)
    return classifier.eval(), AutoTokenizer.from_pretrained(folder)


def build(parts, threshold=None, **settings):
    classifier, tokenizer = parts
    torch.manual_seed(0)
    model = DeferralForSequenceClassification.from_classifier(classifier, tokenizer, **settings)
    model.config.threshold = threshold
    return pipeline(TASK, model=model.eval(), tokenizer=tokenizer, device="cpu")


@pytest.fixture
def pipe(parts):
    """Defers about half of TEXTS."""
    found = build(parts, policy="selective")
    scores = sorted(row["deferral_score"] for row in found(TEXTS))
    found.model.config.threshold = (scores[4] + scores[5]) / 2
    return found


class Recorder:
    """An expert that always gives one label and remembers what it was asked."""

    def __init__(self, label="Other"):
        self.label, self.calls = label, []

    def __call__(self, texts):
        self.calls.append(list(texts))
        return [{"label": self.label, "error": None} for _ in texts]


def test_without_an_expert_it_only_decides(pipe):
    rows = pipe(TEXTS)
    assert sum(row["deferred"] for row in rows) == 5
    for row in rows:
        assert row["deferred"] == (row["deferral_score"] > pipe.model.config.threshold)
        assert row["label"] == row["classifier_label"]
        assert (row["answered_by"], row["expert_label"], row["expert_error"]) == ("classifier", None, None)
        assert "probabilities" not in row


def test_rows_are_those_of_the_model(pipe):
    batch = pipe.tokenizer(TEXTS, return_tensors="pt", padding=True)
    with torch.inference_mode():
        output = pipe.model(**batch)
    shares = torch.softmax(output.logits, dim=-1)
    for settings in ({}, {"batch_size": 4}):
        rows = pipe(TEXTS, return_probabilities=True, **settings)
        assert [row["classifier_label"] for row in rows] == [CLASSES[i] for i in output.logits.argmax(dim=1)]
        assert [row["deferred"] for row in rows] == output.deferred.tolist()
        found = torch.tensor([[row["probabilities"][name] for name in CLASSES] for row in rows])
        torch.testing.assert_close(found, shares, atol=1e-5, rtol=0)
        scores = torch.tensor([row["deferral_score"] for row in rows])
        torch.testing.assert_close(scores, output.deferral_score, atol=1e-5, rtol=0)


def test_the_expert_sees_the_deferred_texts_alone_and_once(pipe):
    expert = Recorder()
    rows = pipe(TEXTS, expert=expert, batch_size=3, return_probabilities=True)
    decided = pipe(TEXTS)
    assert expert.calls == [[text for text, row in zip(TEXTS, decided, strict=True) if row["deferred"]]]
    for row, before in zip(rows, decided, strict=True):
        assert row["classifier_label"] == before["label"]
        if row["deferred"]:
            assert (row["label"], row["answered_by"], row["expert_label"]) == ("Other", "expert", "Other")
        else:
            assert (row["label"], row["answered_by"], row["expert_label"]) == (before["label"], "classifier", None)
        assert row["score"] == row["probabilities"][row["label"]]


def test_one_text_and_none(pipe):
    (row,) = pipe("patient died")
    assert row == pipe(["patient died"])[0]
    assert pipe([], expert=Recorder()) == []
    assert pipe(text for text in TEXTS[:3]) == pipe(TEXTS[:3])


def test_an_expert_is_not_called_for_nothing(pipe):
    pipe.model.config.threshold = None
    expert = Recorder()
    assert not any(row["deferred"] for row in pipe(TEXTS, expert=expert))
    assert expert.calls == []


@dataclass
class Answer:
    label: str | None
    error: str | None = None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"label": None, "error": "timed out"}, "timed out"),
        ({"label": None}, "no usable answer"),
        ({"label": "a secret of the patient"}, "label outside the classes"),
        ({"label": 3}, "label outside the classes"),
        (Answer(None, "refused"), "refused"),
    ],
)
def test_an_unusable_vote_leaves_the_classifier_its_say(pipe, answer, error):
    rows = pipe(TEXTS, expert=lambda texts: [answer] * len(texts))
    for row in rows:
        assert (row["label"], row["answered_by"]) == (row["classifier_label"], "classifier")
        assert row["expert_label"] is None
        assert row["expert_error"] == (error if row["deferred"] else None)


def test_votes_may_be_objects(pipe):
    rows = pipe(TEXTS, expert=lambda texts: [Answer("Death")] * len(texts))
    assert {row["label"] for row in rows if row["deferred"]} == {"Death"}


@pytest.mark.parametrize(
    ("expert", "message"),
    [
        (lambda texts: [{"label": "Other"}], "gave 1 rows for 5 texts"),
        (lambda texts: ["Other"] * len(texts), "gave a str without `label`"),
        (lambda texts: [{"answer": "Other"}] * len(texts), "gave a dict without `label`"),
        (42, "is a int; expected a callable"),
        ("gpt", "is a str; expected a callable"),
        ([Recorder(), Recorder()], "2 experts were given, but the model defers to 1: expert"),
        ({"nurse": Recorder()}, "named \\['nurse'\\], but the model defers to \\['expert'\\]"),
    ],
)
def test_an_expert_of_another_form_is_refused(pipe, expert, message):
    with pytest.raises(ValueError, match=message):
        pipe(TEXTS, expert=expert)


def test_what_an_expert_raises_is_not_hidden(pipe):
    def refuse(texts):
        raise PermissionError("the key was refused")

    with pytest.raises(PermissionError, match="the key was refused"):
        pipe(TEXTS, expert=refuse)


def test_inputs_that_are_no_text_are_refused(pipe):
    with pytest.raises(ValueError, match="input 1 is of type dict; expected a text"):
        pipe(["died", {"text": "died"}])


def test_several_experts_are_asked_for_their_own_texts(parts):
    pipe = build(parts, policy="compare_confidence", expert_names=["llm", "person"], signals=["predicted_class"],
                 traits=["length"])  # fmt: skip
    head = pipe.model.policy.head.output
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
        head.weight[:, -1] = torch.tensor([4.0, -4.0])
        head.bias += torch.tensor([-4.0 * 1.5, 4.0 * 1.5])
    pipe.model.config.threshold = -2.0
    llm, person = Recorder("Death"), Recorder("Injury")
    rows = pipe(TEXTS, expert={"person": person, "llm": llm})
    assert [row["answered_by"] for row in rows] == ["llm" if len(text.split()) > 3 else "person" for text in TEXTS]
    assert llm.calls == [[text for text in TEXTS if len(text.split()) > 3]]
    assert person.calls == [[text for text in TEXTS if len(text.split()) <= 3]]
    assert {row["label"] for row in rows if row["answered_by"] == "llm"} == {"Death"}
    assert rows == pipe(TEXTS, expert=[Recorder("Death"), Recorder("Injury")])
    with pytest.raises(ValueError, match="1 experts were given, but the model defers to 2: llm, person"):
        pipe(TEXTS, expert=llm)


def test_a_budget_keeps_the_rows_that_gain_least(pipe):
    plain = pipe(TEXTS)
    rows = pipe(TEXTS, budget=0.2)
    ranked = sorted(range(len(TEXTS)), key=lambda i: -plain[i]["deferral_score"])
    assert [i for i, row in enumerate(rows) if row["deferred"]] == sorted(ranked[:2])
    assert [row["deferral_score"] for row in rows] == [row["deferral_score"] for row in plain]


def test_a_budget_counts_over_calls(pipe):
    budget, expert = StreamingBudget(0.2), Recorder()
    wanted = [row["deferred"] for row in pipe(TEXTS)] * 3
    asked = 0
    for i, text in enumerate(TEXTS * 3):
        (row,) = pipe(text, budget=budget, expert=expert)
        assert row["deferred"] == (wanted[i] and 5 * (asked + 1) <= i + 1)
        asked += row["deferred"]
    assert (budget.seen, budget.deferred, len(expert.calls)) == (30, asked, asked)
    assert asked >= 4


def test_expert_and_budget_may_belong_to_the_pipeline(parts, pipe):
    expert = Recorder()
    own = pipeline(
        TASK, model=pipe.model, tokenizer=pipe.tokenizer, device="cpu", expert=expert, budget=0.1, batch_size=2
    )
    assert sum(row["answered_by"] == "expert" for row in own(TEXTS)) == 1
    assert sum(row["deferred"] for row in own(TEXTS[:5])) == 0
    assert (own.budget.seen, own.budget.deferred) == (15, 1)
    assert len(expert.calls) == 1


def test_long_texts_are_cut_and_the_model_is_told(parts):
    pipe = build(parts, policy="compare_confidence", traits=["truncated"], signals=["margin"])
    head = pipe.model.policy.head.output
    with torch.no_grad():
        head.weight.zero_()
        head.weight[:, -1] = 8.0
        head.bias.fill_(-8.0)
    # The encoder has 64 positions and the tokenizer knows no limit.
    fits, cut = " ".join(["pump"] * 62), " ".join(["pump"] * 63)
    assert pipe.longest() == 64
    for settings in ({}, {"batch_size": 3}):
        scores = [row["deferral_score"] for row in pipe([cut, fits, "pump"], **settings)]
        assert scores[0] - scores[1] == pytest.approx(torch.sigmoid(torch.tensor(0.0)).item(), abs=1e-3)
    inputs = pipe.preprocess(cut)
    assert inputs["input_ids"].shape == (1, 64)
    assert inputs["truncated"].tolist() == [True]
    assert pipe.preprocess(fits)["truncated"].tolist() == [False]
    assert pipe.preprocess("pump pump", max_length=3)["truncated"].tolist() == [True]
    assert pipe.preprocess(cut, truncation=False)["input_ids"].shape == (1, 65)
    assert len(pipe([cut], max_length=8)) == 1


def test_a_classifier_without_a_policy_is_refused(parts):
    from transformers import BertConfig

    stock = BertForSequenceClassification(
        BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, vocab_size=40)
    )
    pipe = pipeline(TASK, model=stock, tokenizer=parts[1], device="cpu")
    with pytest.raises(ValueError, match="BertForSequenceClassification gives no deferral score"):
        pipe("died")


def test_a_model_in_training_mode_is_switched_to_evaluation(parts):
    pipe = build(parts, policy="selective")
    pipe.model.train()
    again = type(pipe)(model=pipe.model, tokenizer=pipe.tokenizer, task=TASK, device="cpu")
    assert not again.model.training
    with pytest.raises(ValueError, match="needs a tokenizer"):
        type(pipe)(model=pipe.model, task=TASK, device="cpu")


STRANGER = (
    WITHOUT_THIS_PACKAGE
    + """from transformers import pipeline

folder, texts = json.load(sys.stdin)
pipe = pipeline("deferring-text-classification", model=folder, trust_remote_code=True, device="cpu")
rows = pipe(texts, expert=lambda asked: [{"label": "Other"} for _ in asked], budget=0.4)
print(json.dumps([rows, "secondopinion" in sys.modules]))
"""
)


def test_a_saved_folder_works_without_this_package(pipe, tmp_path):
    pipe.save_pretrained(tmp_path / "model")
    task = (str(tmp_path / "model"), TEXTS)
    rows, imported = ask_stranger(STRANGER, task, tmp_path, HF_HUB_OFFLINE="1")
    assert not imported
    expected = pipe(TEXTS, expert=Recorder(), budget=0.4)
    assert sum(row["answered_by"] == "expert" for row in expected) == 4
    for row, own in zip(rows, expected, strict=True):
        assert row.pop("score") == pytest.approx(own.pop("score"), abs=1e-6)
        assert row.pop("deferral_score") == pytest.approx(own.pop("deferral_score"), abs=1e-6)
        assert row == own
