"""The pipeline of texts with a processor: the model's own answers in the form of each problem type."""

import pytest
import torch
from long_parts import long_classifier, long_processor
from qa_tokenizers import NOTE
from transformers import pipeline

from secondopinion.modeling.pipeline_clinical_text_classification import TASK

TEXTS = [NOTE, "fever", "no fever", "dry cough and a 18mm consolidation", "..."]


@pytest.fixture(scope="module")
def processor():
    return long_processor(max_global=8)


@pytest.fixture(scope="module")
def pipe(processor):
    return pipeline(TASK, model=long_classifier(processor), processor=processor, device="cpu")


def logits_of(pipe, texts=TEXTS):
    with torch.inference_mode():
        return torch.cat([pipe.model(**pipe.processor(text, return_tensors="pt")).logits for text in texts])


def test_answers_are_the_models(pipe):
    shares = logits_of(pipe).softmax(dim=-1)
    names = pipe.model.config.id2label
    for options in ({}, {"batch_size": 3}):
        rows = pipe(TEXTS, **options)
        assert [row["label"] for row in rows] == [names[i] for i in shares.argmax(dim=1).tolist()]
        assert [row["score"] for row in rows] == pytest.approx(shares.max(dim=1).values.tolist(), abs=1e-5)
    assert pipe(text for text in TEXTS[:2]) == pipe(TEXTS[:2])
    assert pipe([]) == []


def test_the_shapes_are_those_of_text_classification(pipe):
    stock = pipeline("text-classification", model=pipe.model, tokenizer=pipe.processor.tokenizer, device="cpu")
    for given in ("fever", ["fever"], ["fever", "no fever"]):
        for options in ({}, {"top_k": 1}, {"top_k": 2}, {"top_k": None}):
            own, wanted = pipe(given, **options), stock(given, **options)
            assert _shape(own) == _shape(wanted), options
    ranked = pipe("fever", top_k=None)
    assert [row["score"] for row in ranked] == sorted((row["score"] for row in ranked), reverse=True)
    assert sum(row["score"] for row in ranked) == pytest.approx(1)
    raw = pipe("fever", top_k=None, function_to_apply="none")
    wanted = logits_of(pipe, ["fever"])[0].sort(descending=True).values.tolist()
    assert [row["score"] for row in raw] == pytest.approx(wanted, abs=1e-5)


def _shape(answer):
    return [_shape(one) for one in answer] if isinstance(answer, list) else sorted(answer)


def test_explanations_are_in_the_original_text(pipe):
    rows = pipe(TEXTS, explain=True)
    assert [row["prediction"] for row in rows] == pipe(TEXTS)
    spans = [(TEXTS[3][one["start"] : one["end"]], one["kind"], one["global"]) for one in rows[3]["entities"]]
    assert [span[:2] for span in spans] == [("dry cough", "problem"), ("consolidation", "problem")]
    assert any(span[2] for span in spans)
    (measured,) = rows[3]["measurements"]
    assert TEXTS[3][measured["start"] : measured["end"]] == "18mm"
    assert measured["canonical"] == "18 mm"
    assert rows[0]["truncated_share"] > 0 == rows[1]["truncated_share"]
    assert pipe(TEXTS, explain=True, batch_size=2) == [
        row
        | {
            "prediction": {
                "label": row["prediction"]["label"],
                "score": pytest.approx(row["prediction"]["score"], abs=1e-5),
            }
        }
        for row in rows
    ]


def test_long_texts_are_cut(pipe):
    assert pipe.preprocess(NOTE)["input_ids"].shape == (1, 64)
    assert pipe.preprocess(NOTE, max_length=10)["global_attention_mask"].shape == (1, 10)
    assert pipe.preprocess(NOTE, truncation=False)["input_ids"].shape[1] > 64


def test_several_labels(processor):
    model = long_classifier(processor, problem_type="multi_label_classification")
    pipe = pipeline(TASK, model=model, processor=processor, device="cpu")
    scores = logits_of(pipe, ["fever"])[0].sigmoid()
    assert pipe("fever")[0]["score"] == pytest.approx(scores.max().item(), abs=1e-5)
    assert {row["label"]: row["score"] for row in pipe("fever", top_k=None)} == pytest.approx(
        dict(zip(model.config.id2label.values(), scores.tolist(), strict=True)), abs=1e-5
    )


def test_groups_of_classes(processor):
    model = long_classifier(processor, num_labels=5, label_groups=[2, 3])
    pipe = pipeline(TASK, model=model, processor=processor, device="cpu")
    logits = logits_of(pipe, ["fever"])[0]
    first, second = logits[:2].softmax(dim=-1), logits[2:].softmax(dim=-1)
    (answer,) = pipe(["fever"])
    assert [row["label"] for row in answer] == [f"LABEL_{int(first.argmax())}", f"LABEL_{2 + int(second.argmax())}"]
    assert [row["score"] for row in answer] == pytest.approx([first.max().item(), second.max().item()], abs=1e-5)
    assert pipe("fever") == answer
    assert sum(row["score"] for row in pipe("fever", top_k=None)) == pytest.approx(2)


@pytest.mark.parametrize("targets", [1, 2])
def test_regression_gives_values(processor, targets):
    model = long_classifier(processor, num_labels=targets, problem_type="regression")
    pipe = pipeline(TASK, model=model, processor=processor, device="cpu")
    values = logits_of(pipe, ["fever"])[0].tolist()
    rows = [{"label": f"LABEL_{i}", "score": pytest.approx(value, abs=1e-5)} for i, value in enumerate(values)]
    assert pipe(["fever"]) == [rows if targets > 1 else rows[0]]


def test_a_tokenizer_stands_for_a_processor_with_every_step_off(pipe):
    plain = pipeline(TASK, model=pipe.model, processor=pipe.processor.tokenizer, device="cpu")
    stock = pipeline("text-classification", model=pipe.model, tokenizer=pipe.processor.tokenizer, device="cpu")
    assert plain(TEXTS[1:]) == [{**row, "score": pytest.approx(row["score"])} for row in stock(TEXTS[1:])]
    with pytest.raises(ValueError, match="needs a processor; save it beside the model"):
        type(pipe)(model=pipe.model, task=TASK, device="cpu")


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (["fever", {"text": "x"}], {}, "text 1 is a dict; expected a text"),
        (3, {}, "a int came; expected a text"),
        ("fever", {"top_k": 0}, "top_k is 0; expected a whole number"),
        ("fever", {"function_to_apply": "relu"}, "function_to_apply is 'relu'; expected one of softmax, sigmoid, none"),
    ],
)
def test_inputs_of_another_form_are_refused(pipe, given, options, message):
    with pytest.raises(ValueError, match=message):
        pipe(given, **options)
