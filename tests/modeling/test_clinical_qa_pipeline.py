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


@pytest.mark.parametrize(
    "asked",
    [{"question": " ", "context": "pain"}, {"question": "what ?", "context": ""}],
)
def test_what_cannot_be_asked_is_refused(pipe, asked):
    with pytest.raises(ValueError, match="question|context"):
        pipe(**asked)


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
