"""Questions answered over notes of any length, with exact places."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, PreTrainedTokenizerFast, pipeline

from secondopinion.modeling import CATEGORIES, MultiTaskQAConfig, MultiTaskQAForQuestionAnswering
from secondopinion.modeling.qa_windows import make_windows

WORDS = ["what", "dose", "takes", "mg", "of", "aspirin", "pain", "none", "the", "patient", "given", "5", "10", "?", "."]


def words_tokenizer():
    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


TOKENIZER = words_tokenizer()


@pytest.fixture(scope="module")
def pipe():
    torch.manual_seed(0)
    tiny = BertConfig(
        vocab_size=len(TOKENIZER),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    config = MultiTaskQAConfig(encoder_config=tiny, max_length=32, doc_stride=8, max_question_length=8)
    model = MultiTaskQAForQuestionAnswering(config).eval()
    return pipeline("clinical-question-answering", model=model, tokenizer=TOKENIZER)


def note(words, seed=0):
    return " ".join(np.random.default_rng(seed).choice(WORDS, words))


def test_places_hold_the_answer_in_notes_of_any_length(pipe):
    for words in (3, 40, 400):
        context = note(words)
        answer = pipe(question="what dose ?", context=context, handle_impossible_answer=False)
        assert answer["answer"]
        assert context[answer["start"] : answer["end"]] == answer["answer"]
        assert set(answer["category_probabilities"]) == set(CATEGORIES)
        assert sum(answer["category_probabilities"].values()) == pytest.approx(1.0, abs=1e-5)


def test_one_at_a_time_or_many_together_is_the_same(pipe):
    contexts = [note(words, seed) for seed, words in enumerate((5, 90, 30))]
    together = pipe(question=["what dose ?"] * 3, context=contexts)
    for context, row in zip(contexts, together, strict=True):
        alone = pipe(question="what dose ?", context=context)
        assert (alone["start"], alone["end"], alone["category"]) == (row["start"], row["end"], row["category"])
        assert alone["no_answer_probability"] == pytest.approx(row["no_answer_probability"], abs=1e-4)


def test_the_threshold_decides_whether_there_is_an_answer(pipe):
    asked = {"question": "what dose ?", "context": note(50)}
    assert pipe(**asked, no_answer_threshold=1e6)["no_answer"] is False
    none = pipe(**asked, no_answer_threshold=-1e6)
    assert (none["no_answer"], none["answer"], none["start"], none["end"]) == (True, "", None, None)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_folder_brings_the_same_answers_back(pipe, side, tmp_path):
    pipe.save_pretrained(tmp_path)
    again = pipeline("clinical-question-answering", model=str(tmp_path), trust_remote_code=True)
    again.tokenizer.padding_side = side
    contexts = [note(20), note(70)]
    asked = {"question": ["what dose ?"] * 2, "context": contexts}
    wanted, got = pipe(**asked), again(**asked)
    assert [(row["start"], row["end"]) for row in got] == [(row["start"], row["end"]) for row in wanted]


SECRET = "zebrawood"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"question": " ", "context": "pain"}, r"the question of row 0 is empty; leave the row out"),
        ({"question": "what ?", "context": ""}, r"the context of row 0 is empty"),
        ({"question": "what ?", "context": [SECRET, " "]}, r"the context of row 1 is empty"),
        ({"question": 5, "context": SECRET}, r"question=… is a int; expected a text \(str\) or a list of texts"),
        ({"question": "what ?", "context": 5.0}, r"context=… is a float; expected a text \(str\) or a list"),
        ({"question": "what ?", "context": SECRET.encode()}, r"context=… is a bytes; .* of texts; decode it first"),
        ({"question": {"what": "?"}, "context": SECRET}, r"question=… is a dict; expected a text"),
        ({"question": ["what ?", None], "context": SECRET}, r"the question of row 1 is a NoneType; expected a text"),
        (
            {"question": "what ?", "context": [SECRET, float("nan")]},
            r"the context of row 1 is a float; expected a text",
        ),
        ({"question": "what ?", "context": [SECRET, [SECRET]]}, r"the context of row 1 is a list; expected a text"),
        ({"question": [b"what ?"], "context": SECRET}, r"the question of row 0 is a bytes; expected a text"),
        ({"inputs": {"question": 5, "context": SECRET}}, r"the question of row 0 is a int; expected a text"),
        ({"inputs": [{"question": "what ?", "context": None}]}, r"the context of row 0 is a NoneType; expected a text"),
        ({"inputs": [{"question": "what ?"}]}, r"input 0 has no context \(keys \['question'\]\)"),
        ({"inputs": ["what ?", SECRET]}, r"input 0 has no question \(a str\)"),
        ({"inputs": [None]}, r"input 0 has no question \(a NoneType\)"),
        ({"inputs": SECRET}, r"a str came; expected \{'question'"),
        ({"inputs": SECRET.encode()}, r"a bytes came; expected \{'question'"),
        ({"inputs": 5}, r"a int came; expected \{'question'"),
        ({"inputs": {"question": "a", "context": "b"}, "question": "a"}, r"both forms came"),
        ({}, r"nothing came"),
        ({"question": "what ?"}, r"context=… is missing; give question=… and context=…"),
        ({"context": SECRET}, r"question=… is missing"),
        ({"question": ["a", "b"], "context": [SECRET] * 3}, r"2 questions and 3 contexts came; expected as many"),
        ({"question": "what ?", "context": "half \ud83d"}, r"the context of row 0 holds half a surrogate pair at"),
    ],
)
def test_what_cannot_be_asked_is_refused(pipe, asked, message):
    with pytest.raises(ValueError, match=message) as raised:
        pipe(**asked)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"top_k": 0}, "top_k is 0; expected a whole number of 1 or more"),
        ({"top_k": "3"}, "top_k is '3'; expected a whole number"),
        ({"max_answer_length": 2.5}, "max_answer_length is 2.5; expected a whole number"),
        ({"doc_stride": -1}, "doc_stride is -1; expected a whole number of 0 or more"),
        ({"doc_stride": 40}, "windows that share doc_stride 40 tokens must have room for more"),
        ({"max_length": 65}, "max_length is 65, but the model holds 64 tokens; give max_length=64 or less"),
        ({"max_length": 4}, "max_length 4 leaves 0 tokens for the context"),
        ({"token_budget": True}, "token_budget is True; expected a whole number"),
        ({"batch_size": 0}, "batch_size is 0; expected a whole number of 1 or more"),
        ({"batch_size": "all"}, "batch_size is 'all'; expected a whole number"),
        ({"no_answer_threshold": "high"}, "no_answer_threshold is 'high'; expected a number"),
        ({"no_answer_threshold": float("nan")}, "no_answer_threshold is nan; expected a number"),
        ({"no_answer_threshold": True}, "no_answer_threshold is True; expected a number"),
        ({"handle_impossible_answer": "no"}, "handle_impossible_answer is 'no'; expected True or False"),
    ],
)
def test_settings_that_cannot_be_are_refused(pipe, setting, message):
    with pytest.raises(ValueError, match=message):
        pipe(question="what ?", context="pain", **setting)


def test_numbers_of_numpy_are_numbers(pipe):
    asked = {"question": "what dose ?", "context": note(60)}
    given = {"top_k": np.int64(2), "no_answer_threshold": np.float32(0.5), "batch_size": np.int32(3)}
    plain = {"top_k": 2, "no_answer_threshold": 0.5, "batch_size": 3}
    assert pipe(**asked, **given) == pipe(**asked, **plain)


def test_texts_may_come_in_any_sequence(pipe):
    contexts = [note(10), note(30)]
    wanted = pipe(question="what dose ?", context=contexts)
    assert pipe(question="what dose ?", context=np.array(contexts)) == wanted
    assert pipe(question=["what dose ?"] * 2, context=iter(contexts)) == wanted
    assert pipe([{"question": "what dose ?", "context": context} for context in contexts]) == wanted
    assert pipe(question=[], context=[]) == []
    assert pipe([]) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=80), st.data())
def test_windows_keep_every_place_and_find_the_gold_answer(words, data):
    context = " ".join(words)
    first = data.draw(st.integers(0, len(words) - 1))
    last = min(len(words) - 1, first + data.draw(st.integers(0, 3)))
    start = len(" ".join(words[:first])) + (first > 0)
    text = " ".join(words[first : last + 1])
    windows = make_windows(
        TOKENIZER,
        ["what ?"],
        [context],
        max_length=24,
        doc_stride=8,
        max_question_length=8,
        answers=[{"text": [text], "answer_start": [start]}],
    )
    found = set()
    for number in range(len(windows)):
        at, to = windows.start_positions[number], windows.end_positions[number]
        spans = np.asarray(windows.span_mask[number])
        if spans[at] and at > 0:
            starts, ends = windows.offsets[number]
            found.add(context[starts[at] : ends[to]])
    assert found == {text}


def test_an_answer_that_is_not_at_its_place_is_refused():
    with pytest.raises(ValueError, match="answer") as caught:
        make_windows(
            TOKENIZER,
            ["what ?"],
            ["patient takes aspirin"],
            max_length=24,
            doc_stride=8,
            max_question_length=8,
            answers=[{"text": ["aspirin"], "answer_start": [1]}],
        )
    assert "aspirin" not in str(caught.value)
