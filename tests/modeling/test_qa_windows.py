"""Windows over contexts: the tokenizer's own, with exact offsets, gold positions and what they refuse."""

import random

import numpy as np
import pytest
import torch
from qa_tokenizers import FAMILIES, NOTE, family_tokenizer

from secondopinion.modeling import WindowCollator, make_windows
from secondopinion.modeling.qa_targets import answer_spans
from secondopinion.modeling.qa_tokens import tokenize

QUESTION = "dry cough and fever?"
SIZES = {"max_length": 40, "doc_stride": 7, "max_question_length": 12}


@pytest.fixture(scope="module", params=FAMILIES)
def tokenizer(request):
    return family_tokenizer(request.param)


@pytest.fixture(scope="module")
def bert():
    return family_tokenizer("bert")


def overflowed(tokenizer, question, context, max_length, doc_stride, **_):
    return tokenizer(
        question,
        context,
        truncation="only_second",
        max_length=max_length,
        stride=doc_stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )


def test_windows_are_those_of_the_tokenizer(tokenizer):
    questions, contexts = [QUESTION, "WBC?", QUESTION], [NOTE * 2, NOTE, NOTE[:20]]
    windows = make_windows(tokenizer, questions, contexts, **(SIZES | {"max_question_length": 30}))
    place = 0
    for row, (question, context) in enumerate(zip(questions, contexts, strict=True)):
        expected = overflowed(tokenizer, question, context, 40, 7)
        for number, ids in enumerate(expected["input_ids"]):
            assert windows.row[place] == row
            assert windows.input_ids[place].tolist() == ids
            assert windows[place]["input_ids"] == ids
            assert windows[place]["attention_mask"] == expected["attention_mask"][number]
            assert ("token_type_ids" in windows[place]) == ("token_type_ids" in tokenizer.model_input_names)
            if windows.token_type_ids is not None:
                assert windows[place]["token_type_ids"] == expected["token_type_ids"][number]
            starts, ends = windows.offsets[place]
            parts = expected.sequence_ids(number)
            for token, (start, end) in enumerate(expected["offset_mapping"][number]):
                text = context[start:end].strip() if parts[token] == 1 else ""
                assert (windows.span_mask[place][token] == 1) == (bool(text) or token == 0)
                if not text:
                    assert (starts[token], ends[token]) == (-1, -1)
                else:
                    assert context[starts[token] : ends[token]] == text
            place += 1
    assert place == len(windows) > 6


def test_neighbours_share_the_stride_and_nothing_is_left_out(tokenizer):
    windows = make_windows(tokenizer, [QUESTION], [NOTE * 3], **SIZES)
    assert (windows.lengths[:-1] == 40).all()
    assert windows.lengths[-1] <= 40
    assert (windows.stop[:-1] - windows.first[1:] == 7).all()
    covered = np.zeros(len(NOTE * 3), dtype=bool)
    for starts, ends in windows.offsets:
        for start, end in zip(starts, ends, strict=True):
            covered[max(start, 0) : max(end, 0)] = True
    assert not [letter for letter, known in zip(NOTE * 3, covered, strict=True) if not known and letter.strip()]


def test_answers_come_back_from_their_tokens(tokenizer):
    answers = ["fever", "38.5", "amoxicillin 500 mg p.o.", "😀", "β-lactams", "12.1 K/uL", "consolidation"]
    given = [{"text": [text], "answer_start": [NOTE.index(text)]} for text in answers]
    questions = [QUESTION] * len(answers)
    windows = make_windows(tokenizer, questions, [NOTE] * len(answers), answers=given, max_length=80, doc_stride=30)
    assert windows.lost_answers == ()
    seen = set()
    for place in np.flatnonzero(windows.start_positions > 0):
        starts, ends = windows.offsets[place]
        start, end = starts[windows.start_positions[place]], ends[windows.end_positions[place]]
        row = windows.row[place]
        answer = answers[row]
        # A token may reach beyond the answer's rim, no further than its own word.
        assert answer in NOTE[start:end]
        assert len(NOTE[start:end]) <= len(answer) + 4
        seen.add(row)
    assert seen == set(range(len(answers)))


def test_the_gold_window_rule(bert):
    words = [f"w{i}" for i in range(30)]
    words[4], words[11], words[20] = "fever", "cough", "mg"
    context = " ".join(words)
    tokens = tokenize(bert, [context])
    at = {word: int(np.flatnonzero(tokens.starts == context.index(word))[0]) for word in ("fever", "cough", "mg")}

    def row(*texts):
        return {"text": list(texts), "answer_start": [context.index(text) for text in texts]}

    longest = " ".join(words[2:25])
    given = [row("cough", "fever"), row(), None, row(longest), row(longest, "mg"), row("fever")]
    questions = ["which one ?"] * len(given)
    windows = make_windows(
        bert,
        questions,
        [context] * len(given),
        answers=given,
        category_probs=np.eye(5)[[0, 1, 2, 3, 4, 0]] * [[1], [1], [1], [1], [1], [0]],
        max_length=30,
        doc_stride=5,
    )
    assert windows.lost_answers == (3,)
    for place in range(len(windows)):
        number, start, end = windows.row[place], windows.start_positions[place], windows.end_positions[place]
        held = {word for word, token in at.items() if windows.first[place] <= token < windows.stop[place]}
        expected = {
            0: "fever" if "fever" in held else "cough" if "cough" in held else 0,
            1: 0,
            2: -100,
            3: -100,
            4: "mg" if "mg" in held else 0,
            5: "fever" if "fever" in held else 0,
        }[number]
        if isinstance(expected, str):
            token = at[expected] - windows.first[place] + windows.heads[place]
            assert start == token
            # BERT's vocabulary here parts a word in its first letters and single ones.
            assert context[windows.offsets[place][0][start] : windows.offsets[place][1][end]] == expected
        else:
            assert (start, end) == (expected, expected)
    for number in range(len(given)):
        own = windows.row == number
        carried, holds = windows.carries_category[own], windows.start_positions[own] > 0
        assert carried.tolist() == (holds if holds.any() else np.arange(own.sum()) == 0).astype(int).tolist()
        expected = np.outer(carried, np.eye(5)[number] if number < 5 else np.zeros(5))
        np.testing.assert_array_equal(windows.category_probs[own], expected)


def test_the_question_alone(tokenizer):
    windows = make_windows(
        tokenizer,
        [QUESTION, "WBC?"],
        None,
        reads_context=False,
        category_probs=[[0, 0, 0.5, 0.5, 0], [0] * 5],
        **SIZES,
    )
    for place, question in enumerate([QUESTION, "WBC?"]):
        expected = tokenizer(question, truncation=True, max_length=12 + tokenizer.num_special_tokens_to_add())
        assert windows[place]["input_ids"] == expected["input_ids"]
        assert windows[place]["span_mask"] == [1] + [0] * (len(expected["input_ids"]) - 1)
        assert "start_positions" not in windows[place]
    assert windows.carries_category.tolist() == [1, 1]
    assert windows.category_probs.tolist() == [[0, 0, 0.5, 0.5, 0], [0] * 5]


def test_long_questions_are_cut_and_counted(tokenizer):
    windows = make_windows(tokenizer, [QUESTION * 4, "WBC?"] * 2, [NOTE] * 4, **SIZES)
    assert windows.cut_questions == 2
    expected = tokenizer(QUESTION * 4, add_special_tokens=False)["input_ids"][:12]
    before = len(windows.template.before)
    assert windows[0]["input_ids"][before : before + 12] == expected
    assert windows.lengths.max() <= 40


def test_a_text_is_tokenised_once(bert):
    class Counting:
        texts = 0

        def __getattr__(self, name):
            return getattr(bert, name)

        def __call__(self, texts, *args, **kwargs):
            self.texts += sum(text.startswith("Patient") for text in texts)
            return bert(texts, *args, **kwargs)

    counting = Counting()
    same = "".join(list(NOTE))
    windows = make_windows(counting, [f"question {i}?" for i in range(50)], [NOTE, same] * 25, **SIZES)
    assert counting.texts == 1
    assert windows.num_rows == 50


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_a_context_of_a_million_characters(name):
    tokenizer = family_tokenizer(name)
    context = (NOTE * (1_000_000 // len(NOTE) + 1))[:1_000_000]
    place = context.rindex("amoxicillin")
    answers = [{"text": ["amoxicillin"], "answer_start": [place]}, None, {"text": [], "answer_start": []}]
    windows = make_windows(tokenizer, ["drug?"] * 3, [context] * 3, answers=answers)
    assert len(windows) > 3000
    (positive, *_) = np.flatnonzero(windows.start_positions > 0)
    one = windows.take([positive])
    assert one.offsets[0][0][one.start_positions[0]] == place
    assert one.offsets[0][1][one.end_positions[0]] == place + len("amoxicillin")


def test_one_word_of_a_million_letters(bert):
    windows = make_windows(bert, ["drug?"], ["a" * 1_000_000])
    assert windows.offsets[0][1].max() == 1_000_000


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_collator_pads_as_the_windows_do(tokenizer, side):
    answers = [{"text": ["mg"], "answer_start": [NOTE.index("mg")]}, {"text": [], "answer_start": []}, None]
    windows = make_windows(
        tokenizer,
        [QUESTION, "WBC?", "CRP?"],
        [NOTE, NOTE[:30], NOTE[:50]],
        answers=answers,
        category_probs=np.eye(5)[:3],
        **SIZES,
    )
    tokenizer.padding_side = side
    chosen = np.random.default_rng(0).permutation(len(windows))
    before = [windows[i] for i in chosen]
    batch = WindowCollator(tokenizer)(before)
    assert before == [windows[i] for i in chosen]
    fill = {"pad_token_id": tokenizer.pad_token_id, "pad_token_type_id": tokenizer.pad_token_type_id}
    padded = windows.padded(chosen, padding_side=side, **fill)
    plain = [{"input_ids": windows[i]["input_ids"], "attention_mask": windows[i]["attention_mask"]} for i in chosen]
    expected = tokenizer.pad(plain, return_tensors="pt")
    assert torch.equal(batch["input_ids"], expected["input_ids"])
    assert torch.equal(batch["attention_mask"], expected["attention_mask"])
    for name, part in padded.items():
        np.testing.assert_array_equal(batch[name].numpy(), part)
    starts, _ = windows.padded_offsets(chosen, padding_side=side)
    first = batch["attention_mask"].argmax(dim=1)
    for row, place in enumerate(chosen):
        gold = windows.start_positions[place]
        position = batch["start_positions"][row].item()
        if gold < 0:
            assert position == -100
        else:
            assert batch["input_ids"][row, position] == windows[place]["input_ids"][gold]
            assert starts[row, position] == windows.offsets[place][0][gold]
            assert (position == first[row]) == (gold == 0)
    assert batch["category_probs"].dtype == torch.float32
    assert torch.equal(batch["category_probs"], torch.from_numpy(windows.category_probs[chosen]))
    wider = WindowCollator(tokenizer, pad_to_multiple_of=32)(before)
    assert wider["input_ids"].shape[1] % 32 == 0
    tokenizer.padding_side = "right"


def test_some_of_the_windows(bert):
    windows = make_windows(bert, [QUESTION, "WBC?"], [NOTE, NOTE], answers=[None, None], **SIZES)
    chosen = [4, 0, len(windows) - 1]
    some = windows.take(chosen)
    assert [some[i] for i in range(3)] == [windows[i] for i in chosen]
    assert some.row.tolist() == windows.row[chosen].tolist()
    assert windows[-1] == windows[len(windows) - 1]
    with pytest.raises(IndexError, match="there are 3 windows, but window 3 was asked for"):
        some[3]


def test_offsets_count_characters_and_never_change(tokenizer):
    draw = random.Random(0)
    for _ in range(20):
        context = "".join(draw.choice("ab é\n\t😀β–．ﬁ12.  İ") for _ in range(200)) + " fever"
        windows = make_windows(tokenizer, ["fever?"], [context], **SIZES)
        for starts, ends in windows.offsets:
            inside = starts >= 0
            assert ((starts < ends) | ~inside).all()
            assert ends.max() <= len(context)
            for start, end in zip(starts[inside], ends[inside], strict=True):
                assert context[start:end] == context[start:end].strip()
        assert context[windows.offsets[-1][0].max() :] in "fever"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"questions": ["fever?", " \n"]}, r"the question of row 1 is empty; leave the row out"),
        ({"contexts": ["", NOTE]}, r"the context of row 0 is empty"),
        ({"contexts": [NOTE, "\x00\x01"]}, r"the context of row 1 \(2 characters\) has no token"),
        ({"contexts": [NOTE, "\t \n"]}, r"the context of row 1 is empty"),
        ({"questions": ["fever?", None]}, r"the question of row 1 is a NoneType; expected a text"),
        ({"contexts": [NOTE, ["lines"]]}, r"the context of row 1 is a list; expected a text"),
        ({"contexts": NOTE}, r"contexts is a str; expected a list of texts"),
        ({"contexts": None}, r"contexts is a NoneType; expected a list of texts"),
        ({"contexts": [NOTE]}, r"1 contexts came for 2 questions"),
        ({"questions": [], "contexts": []}, r"there are no questions"),
        ({"contexts": [NOTE, "half \ud83d of it"]}, r"the context of row 1 holds half a surrogate pair at character 5"),
        ({"ids": ["n-1", "n-2"], "questions": ["fever?", ""]}, r"the question of row 1 \(id n-2\) is empty"),
        ({"answers": [None]}, r"1 answers came for 2 rows"),
        ({"category_probs": [[0.0] * 5]}, r"1 category_probs came for 2 rows"),
        ({"category_probs": [[0.0] * 5, [0.5] * 5]}, r"row 1: category_probs .* sum to 2.5"),
        ({"category_probs": [[1.5, -0.5, 0, 0, 0], [0] * 5]}, r"row 0: category_probs"),
        ({"category_probs": [[1.0, 0], [0] * 5]}, r"must be as many numbers for every row"),
        ({"category_probs": [[float("nan")] * 5, [0] * 5]}, r"row 0: category_probs"),
        ({"max_length": 20, "doc_stride": 15}, r"windows that share doc_stride 15 tokens must have room for more"),
        (
            {"max_length": 6},
            r"max_length 6 leaves 0 tokens for the context beside 3 special tokens and the question of ",
        ),
        ({"doc_stride": -1}, r"doc_stride is -1; expected a whole number of 0 or more"),
        ({"max_length": 40.0}, r"max_length is 40.0; expected a whole number"),
        ({"max_question_length": 0}, r"max_question_length is 0"),
    ],
)
def test_bad_rows_are_refused(bert, change, message):
    rows = {"questions": ["fever of whom?", "WBC?"], "contexts": [NOTE, NOTE]} | SIZES | change
    with pytest.raises(ValueError, match=message) as raised:
        make_windows(bert, rows.pop("questions"), rows.pop("contexts"), **rows)
    assert "amoxicillin" not in str(raised.value)


def test_a_room_that_is_too_small_names_one_that_is_not(bert):
    with pytest.raises(ValueError, match="raise max_length above 22"):
        make_windows(bert, ["a b c d"], [NOTE], max_length=20, doc_stride=15)
    assert len(make_windows(bert, ["a b c d"], [NOTE], max_length=23, doc_stride=15)) > 1


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            {"text": ["cold"], "answer_start": [3]},
            r"row 0: answer 0 \(4 characters\) is not what the context holds at ",
        ),
        (
            {"text": ["fever", "x"], "answer_start": [3, 99]},
            r"row 0: answer 1 \(1 characters\) stands at offset 99, out",
        ),
        ({"text": ["fever"], "answer_start": [-5]}, r"stands at offset -5, outside its context of 17 characters"),
        ({"text": ["fever"], "answer_start": []}, r"has 1 answer texts and 0 answer_start"),
        ({"text": [""], "answer_start": [3]}, r"answer 0 is empty; give empty lists"),
        ({"text": ["fever"], "answer_start": ["3"]}, r"answer 0 is a str at a str"),
        ({"text": [None], "answer_start": [3]}, r"answer 0 is a NoneType at a int"),
        ({"text": "fever", "answer_start": [3]}, r"must be lists"),
        ({"text": ["fever"]}, r"answers are \['text'\]; expected"),
        (["fever"], r"answers are list; expected"),
    ],
)
def test_answers_that_are_not_where_they_should_be(answers, message):
    with pytest.raises(ValueError, match=message) as raised:
        answer_spans(answers, "no fever or cough", "row 0")
    assert "cold" not in str(raised.value)


def test_answers_may_be_arrays(bert):
    answers = {"text": np.array(["fever"], dtype=object), "answer_start": np.array([3], dtype=np.int32)}
    windows = make_windows(bert, ["a?"], ["no fever"], answers=[answers], **SIZES)
    assert windows.start_positions[0] > 0


def test_a_slow_tokenizer_is_refused():
    class Slow:
        is_fast = False

    with pytest.raises(ValueError, match="Slow gives no character offsets"):
        make_windows(Slow(), ["fever?"], [NOTE])


def test_a_tokenizer_without_a_frame_for_pairs_is_refused():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordLevel({"[CLS]": 0, "?": 1}, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    plain = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="?")
    with pytest.raises(ValueError, match="0 special tokens ahead of the question and 0 between"):
        make_windows(plain, ["fever"], ["no fever"], max_length=8, doc_stride=1)
    backend.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 0)])
    plain = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="?")
    windows = make_windows(plain, ["fever"], None, max_length=8, reads_context=False)
    assert windows[0]["input_ids"] == [0, 1]
    with pytest.raises(ValueError, match="PreTrainedTokenizerFast has no padding token|has no padding token"):
        WindowCollator(plain)


def test_a_batch_of_unlike_windows_is_refused(bert):
    windows = make_windows(bert, ["a?"], [NOTE], **SIZES)
    labelled = make_windows(bert, ["a?"], [NOTE], answers=[None], **SIZES)
    with pytest.raises(ValueError, match="different fields"):
        WindowCollator(bert)([windows[0], labelled[0]])
    with pytest.raises(ValueError, match="expected 'left' or 'right'"):
        windows.padded(padding_side="top")
