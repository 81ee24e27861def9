"""A policy over answers: its scores, its place in configuration and weights, and what the pipeline does with it."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForQuestionAnswering, BertConfig, pipeline

from secondopinion.modeling import MultiTaskQAConfig, MultiTaskQAForQuestionAnswering, decode, make_windows
from secondopinion.modeling.qa_deferral import AnswerDeferral
from secondopinion.modeling.qa_deferral_settings import deferral_settings
from secondopinion.modeling.qa_prediction import predict_windows
from secondopinion.modeling.qa_signals import ANSWER_SIGNALS, CATEGORY_SIGNALS, SPAN_SIGNALS, answer_signals
from secondopinion.scoring.questions.extraction import extract

BOTH = ["span", "category"]
SECRET = "zebrawood"
WORDS = ["what", "dose", "takes", "mg", "of", "aspirin", "pain", "none", "the", "patient", "given", "?"]


@pytest.fixture(scope="module")
def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=words, **names)


def build(seed=0, **settings):
    torch.manual_seed(seed)
    tiny = BertConfig(
        vocab_size=20,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    config = MultiTaskQAConfig(encoder_config=tiny, max_length=32, doc_stride=8, max_question_length=8, **settings)
    return MultiTaskQAForQuestionAnswering(config).eval()


def fitted(model, seed=1):
    """Give the policy's head numbers of its own."""
    generator = torch.Generator().manual_seed(seed)
    head = model.deferral.head
    with torch.no_grad():
        for value in (head.output.weight, head.output.bias, head.mean):
            value.copy_(torch.randn(value.shape, generator=generator))
        head.std.copy_(torch.rand(head.std.shape, generator=generator) + 0.5)
    return model


def asking(tokenizer, model, **kwargs):
    return pipeline("clinical-question-answering", model=model, tokenizer=tokenizer, **kwargs)


def questions(n=12):
    draw = np.random.default_rng(0)
    notes = [" ".join(draw.choice(WORDS, int(draw.integers(4, 60)))) for _ in range(n)]
    return {"question": ["what dose ?"] * n, "context": notes}


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def test_scores_are_the_ones_worked_by_hand():
    two = ["span_probability", "category_entropy"]
    signals = np.array([[0.8, 0.5], [0.2, 1.0]], dtype=np.float32)

    def policy(name, weight, bias, **settings):
        given = {"policy": name, "signals": two, "call_cost": 0.1, **settings}
        module = AnswerDeferral(deferral_settings(given, BOTH))
        module.head.mean.copy_(torch.tensor([0.5, 0.75]))
        module.head.std.copy_(torch.tensor([0.3, 0.25]))  # the rows become (1, -1) and (-1, 1)
        with torch.no_grad():
            module.head.output.weight.copy_(torch.tensor(weight))
            module.head.output.bias.copy_(torch.tensor(bias))
        return module.scores(signals)

    compared = policy("compare_confidence", [[2.0, 0.0], [0.5, 0.25]], [0.0, 1.0])
    wanted = [sigmoid(1.25) - sigmoid(2.0) - 0.1, sigmoid(0.75) - sigmoid(-2.0) - 0.1]
    np.testing.assert_allclose(compared[:, 0], wanted, rtol=1e-5)
    logistic = policy("logistic", [[-1.0, 0.5]], [0.25])
    np.testing.assert_allclose(logistic[:, 0], [sigmoid(-1.25) - 0.1, sigmoid(1.75) - 0.1], rtol=1e-5)
    several = policy(
        "compare_confidence", [[2.0, 0.0], [0.5, 0.25], [0.0, 0.0]], [0.0, 1.0, -9.0], expert_names=["a", "b"]
    )
    np.testing.assert_allclose(several[:, 0], wanted, rtol=1e-5)
    assert several[:, 1] == pytest.approx([sigmoid(-9.0) - sigmoid(2.0) - 0.1, sigmoid(-9.0) - sigmoid(-2.0) - 0.1])

    selective = AnswerDeferral(deferral_settings({"policy": "selective", "threshold": 0.25, "call_cost": 0.1}, BOTH))
    score, expert, deferred = selective.decide(selective.scores(np.array([[0.9], [0.4]], dtype=np.float32)))
    assert (score.round(4).tolist(), expert.tolist()) == (pytest.approx([0.0, 0.5]), [0, 0])
    assert deferred.tolist() == [False, True]


def test_a_network_scores_as_its_layers_say():
    module = AnswerDeferral(deferral_settings({"policy": "network", "network_size": 3}, ["span"]))
    signals = np.random.default_rng(0).random((300, len(SPAN_SIGNALS))).astype(np.float32)
    head = module.head
    hidden = np.tanh(signals @ head.hidden.weight.detach().numpy().T + head.hidden.bias.detach().numpy())
    out = sigmoid(hidden @ head.output.weight.detach().numpy().T + head.output.bias.detach().numpy())
    np.testing.assert_allclose(module.scores(signals)[:, 0], out[:, 1] - out[:, 0], atol=1e-6)
    np.testing.assert_allclose(module.scores(signals[:5]), module.scores(signals)[:5], atol=1e-6)


def test_signals_are_those_of_the_answers(tokenizer):
    model, asked = build(), questions()
    windows = make_windows(
        tokenizer, asked["question"], asked["context"], max_length=32, doc_stride=8, max_question_length=8
    )
    logits = predict_windows(model, windows, tokenizer)
    answers = decode(logits.start, logits.end, windows, category_logits=logits.category, no_answer_threshold=0.5)
    values = dict(zip(ANSWER_SIGNALS, answer_signals(answers, ANSWER_SIGNALS).T, strict=True))
    np.testing.assert_allclose(values["n_best_margin"], answers.n_best_margin, rtol=1e-6)
    np.testing.assert_array_equal(values["no_answer"], answers.null_odds > 0.5)
    np.testing.assert_allclose(values["no_answer_margin"], np.minimum(abs(answers.null_odds - 0.5), 20), rtol=1e-5)
    np.testing.assert_allclose(values["category_max_probability"], answers.category_probabilities.max(axis=1))
    forced = answers.with_threshold(np.inf)  # always answered: the margin stays that of the model's own threshold
    margin = answer_signals(forced, ["no_answer_margin", "no_answer"], threshold=0.5)
    np.testing.assert_allclose(margin[:, 0], values["no_answer_margin"])
    assert not margin[:, 1].any()
    bare = decode(logits.start, logits.end, windows)
    assert np.isfinite(answer_signals(bare.with_threshold(np.inf), SPAN_SIGNALS)).all()
    with pytest.raises(ValueError, match="'category_entropy' is read from the category head, which this model does"):
        answer_signals(bare, ["category_entropy"])


@pytest.mark.parametrize("tasks", [BOTH, ["span"], ["category"]])
def test_a_model_has_the_signals_of_its_heads(tokenizer, tasks):
    model = fitted(build(tasks=tasks, deferral={"policy": "logistic", "threshold": 0.5}))
    wanted = SPAN_SIGNALS * ("span" in tasks) + CATEGORY_SIGNALS * ("category" in tasks)
    assert model.config.deferral["signals"] == list(wanted)
    rows = asking(tokenizer, model)(**questions())
    assert {row["deferred"] for row in rows} == {row["deferral_score"] > 0.5 for row in rows}


@pytest.mark.parametrize(
    ("deferral", "tasks", "message"),
    [
        ({"policy": "oracle"}, BOTH, "unknown policy 'oracle'; known: selective, compare_confidence, logistic"),
        ({"signals": ["perplexity"]}, BOTH, r"unknown signals of an answer \['perplexity'\]; known: answer_prob"),
        ({"signals": ["no_answer"] * 2}, BOTH, "named more than once"),
        ({"signals": []}, BOTH, "reads no signal; name at least one"),
        (
            {"signals": ["category_entropy"]},
            ["span"],
            "'category_entropy' is read from a head that a model of span does",
        ),
        (
            {"signals": ["n_best_margin"]},
            ["category"],
            "a head that a model of category does not have; it has category",
        ),
        ({"policy": "selective", "signals": ["n_best_margin"]}, BOTH, "selective reads the confidence of what is"),
        ({"expert_names": []}, BOTH, "expert_names is \\[\\]; list at least one"),
        ({"expert_names": ["a", "a"]}, BOTH, "each of them once"),
        ({"call_cost": -1.0}, BOTH, "call_cost is -1.0; give what asking costs, 0 or more"),
        ({"threshold": float("nan")}, BOTH, "threshold is nan; give a number, or None"),
        ({"policy": "logistic", "network_size": 4}, BOTH, "network_size is 4 for the policy 'logistic'"),
        ({"policy": "network", "network_size": 0}, BOTH, "network_size is 0 for the policy 'network'"),
        ({"polcy": "logistic"}, BOTH, "deferral has the unknown key 'polcy'; known: policy"),
    ],
)
def test_settings_that_make_no_policy_are_refused(deferral, tasks, message):
    with pytest.raises(ValueError, match=message):
        MultiTaskQAConfig(tasks=tasks, deferral=deferral)


def test_a_model_without_a_policy_is_as_before(tokenizer, tmp_path):
    model = build()
    model.save_pretrained(tmp_path)
    assert not [name for name in load_file(tmp_path / "model.safetensors") if "deferral" in name]
    rows = asking(tokenizer, model)(**questions(3))
    assert not {"deferral_score", "deferred", "answered_by"} & set(rows[0])
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace('  "deferral": null,\n', ""))  # as it was before the field
    old = MultiTaskQAForQuestionAnswering.from_pretrained(tmp_path)
    assert old.deferral is None
    assert asking(tokenizer, old)(**questions(3)) == rows
    with pytest.raises(ValueError, match="the model has no deferral policy and would never ask it"):
        asking(tokenizer, old)(**questions(3), expert=lambda asked: [])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_folder_brings_policy_and_decisions_back(tokenizer, tmp_path, dtype):
    model = fitted(build(deferral={"threshold": 0.05, "expert_names": ["panel"], "record": {"rows": 80}}))
    pipe = asking(tokenizer, model)
    pipe.save_pretrained(tmp_path)
    again = AutoModelForQuestionAnswering.from_pretrained(tmp_path, dtype=dtype, trust_remote_code=True)
    assert again.config.deferral == model.config.deferral
    for name, value in again.deferral.state_dict().items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, model.deferral.state_dict()[name])
    if dtype == torch.float32:
        for row, old in zip(asking(tokenizer, again)(**questions()), pipe(**questions()), strict=True):
            assert row["deferral_score"] == pytest.approx(old["deferral_score"], abs=1e-6)
            assert (row["deferred"], row["expert"]) == (old["deferred"], "panel")


@pytest.fixture(scope="module")
def deferring(tokenizer):
    model = fitted(build(deferral={"policy": "compare_confidence", "expert_names": ["panel"]}))
    scores = sorted(row["deferral_score"] for row in asking(tokenizer, model)(**questions()))
    model.deferral.threshold = (scores[5] + scores[6]) / 2
    return asking(tokenizer, model)


def test_only_deferred_questions_are_asked_and_their_answers_stand(deferring):
    asked, seen = questions(), []
    own = deferring(**asked)
    assert sum(row["deferred"] for row in own) == 6
    assert {row["answered_by"] for row in own} == {"model"}

    def expert(rows):
        seen.extend(rows)
        return [{"answer": row["context"].split()[-1], "category": "Symptoms"} for row in rows]

    rows = deferring(**asked, expert=expert)
    deferred = [i for i, row in enumerate(own) if row["deferred"]]
    assert seen == [{"question": asked["question"][i], "context": asked["context"][i]} for i in deferred]
    for i, (row, before) in enumerate(zip(rows, own, strict=True)):
        if i not in deferred:
            assert row == before
            continue
        last = asked["context"][i].split()[-1]
        assert (row["answer"], row["answered_by"], row["category"]) == (last, "panel", "Symptoms")
        assert (row["score"], row["no_answer"]) == (None, False)
        assert row["model_answer"] == {name: before[name] for name in row["model_answer"]}
        if row["start"] is not None:
            assert asked["context"][i][row["start"] : row["end"]] == last
    assert deferring(**asked) == own


def test_recorded_answers_and_unusable_ones(deferring):
    asked = questions()
    own = deferring(**asked)
    first, second, third, *_ = [i for i, row in enumerate(own) if row["deferred"]]
    recorded = ["" for _ in own]
    recorded[second] = None
    recorded[third] = {"answer": None, "error": "refused"}
    rows = deferring(**asked, expert=recorded)
    assert (rows[first]["answer"], rows[first]["no_answer"], rows[first]["start"]) == ("", True, None)
    assert (rows[second]["answered_by"], rows[second]["expert_error"]) == ("model", "no usable answer")
    assert (rows[third]["answer"], rows[third]["expert_error"]) == (own[third]["answer"], "refused")
    one = {name: values[first] for name, values in asked.items()}
    assert deferring(**one, expert=["aspirin"])["answered_by"] == "panel"


@pytest.mark.parametrize(
    ("expert", "message"),
    [
        (lambda rows: [], r"expert 'panel' gave 0 answers for 6 questions; expected one for each"),
        ([SECRET], r"expert 'panel' gave 1 answers for 12 questions"),
        (lambda rows: [{"text": SECRET}] * len(rows), "gave a dict without 'answer'; expected a text"),
        (lambda rows: [{"answer": 5}] * len(rows), "gave an answer that is a int; expected a text, or None"),
        (SECRET, "expert 'panel' is a str; expected a callable from questions to answers, or a list"),
        ({"person": [SECRET]}, r"the experts given are named \['person'\], but the model defers to \['panel'\]"),
    ],
)
def test_experts_that_do_not_fit_are_refused(deferring, expert, message):
    with pytest.raises(ValueError, match=message) as raised:
        deferring(**questions(), expert=expert)
    assert SECRET not in str(raised.value)


def test_a_model_of_categories_asks_for_categories(tokenizer):
    model = build(tasks=["category"], deferral={"policy": "selective", "threshold": -1.0})
    pipe = asking(tokenizer, model)
    rows = pipe(**questions(3), expert=lambda rows: ["Procedure", {"category": SECRET}, None])
    assert [row["answered_by"] for row in rows] == ["expert", "model", "model"]
    assert (rows[0]["category"], rows[1]["expert_error"]) == ("Procedure", "category outside the five")


def test_several_experts_are_each_asked_about_their_own(tokenizer):
    model = build(deferral={"signals": ["answer_probability"], "expert_names": ["a", "b"], "threshold": -2.0})
    pipe, seen = asking(tokenizer, model), {}
    model.deferral.head.mean.fill_(float(np.median([row["score"] for row in pipe(**questions())])))
    with torch.no_grad():
        model.deferral.head.output.weight.copy_(torch.tensor([[0.0], [1e3], [-1e3]]))
    own = pipe(**questions())
    assert {row["expert"] for row in own} == {"a", "b"}
    experts = {name: lambda rows, name=name: seen.setdefault(name, [""] * len(rows)) for name in ("a", "b")}
    rows = pipe(**questions(), expert=experts)
    assert [row["answered_by"] for row in rows] == [row["expert"] for row in own]
    assert {name: len(said) for name, said in seen.items()} == {
        name: sum(row["expert"] == name for row in own) for name in ("a", "b")
    }
    with pytest.raises(ValueError, match=r"one expert was given, but the model defers to a, b"):
        pipe(**questions(), expert=lambda rows: [])


def test_a_table_of_answers_says_which_of_them_are_deferred(tokenizer, tmp_path):
    model = build(deferral={"signals": ["answer_probability"], "expert_names": ["panel"]})
    pipe, asked = asking(tokenizer, model), questions()
    notes = [(f"n{i}", text) for i, text in enumerate(asked["context"])]
    model.deferral.threshold = float(np.median([row["deferral_score"] for row in pipe(**asked)]))
    said = pipe(**asked)
    done = extract(pipe, ["what dose ?"], notes, tmp_path / "answers.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert [(row["deferral_score"], row["deferred"]) for row in rows] == [
        (row["deferral_score"], row["deferred"]) for row in said
    ]
    assert 0 < done.deferred == sum(row["deferred"] for row in said) < len(said)
    assert f"{done.deferred} of {len(notes)} rows ask for a second opinion" in str(done)
    extract(asking(tokenizer, build()), ["what dose ?"], notes, tmp_path / "plain.jsonl")
    assert "deferred" not in (tmp_path / "plain.jsonl").read_text()
