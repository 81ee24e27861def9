"""Traits read from token ids: the same text means the same to every kind of tokenizer."""

import copy
import functools
import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from secondopinion.modeling.text_cues import read_pieces, word_marks
from secondopinion.modeling.text_traits import TRAITS, TextTraits, count, count_sparsely

CORPUS = [
    "Patient denies pain. No fever, no NO, (no) not dizzy (dizzy) 18; was ruled out and negative for bleeding.",
    "Possible fever, possible, consistent with fever and may be unclear; (unclear) negative for it, failed to deliver.",
    "erythromycin 250 mg and lisinopril 5mg in April, April, then warfarin, warfarin. The 18mm and 1.5 ml of saline.",
    "erythromycin and lisinopril, warfarin; The device and the pump failed to deliver, consistent with it.",
    "Erythromycin and Lisinopril, 250 mg. 18 mm, 5 ml; 5mg and 18mm and 250mg, 34679 mg (3 ml).",
    "notion nothingness nose, nurses noted and ruled it possibleness of cough; " + "xvjkwzbqyg " * 2,
] * 5
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def wrap(tokenizer, **settings):
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names, **settings)


@functools.cache
def word_piece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=230, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return wrap(tokenizer)


@functools.cache
def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=560, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return wrap(tokenizer)


@functools.cache
def sentence_piece():
    whole = {f"▁{word}" for word in re.findall(r"\w+", " ".join(CORPUS)) if not re.search("(?i)eryth|dizzy", word)}
    parts = sorted(set("".join(CORPUS)) | {"▁", "▁ery", "thro", "mycin", "diz", "zy", "mg", "mm"})
    scores = [(name, 0.0) for name in SPECIAL] + [(word, -2.0) for word in sorted(whole)] + [(p, -9.0) for p in parts]
    tokenizer = Tokenizer(models.Unigram(scores, unk_id=1))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return wrap(tokenizer)


@functools.cache
def word_suffix():
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, end_of_word_suffix="</w>", show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return wrap(tokenizer)


MAKERS = {"prefix": word_piece, "bytes": byte_level, "space": sentence_piece, "suffix": word_suffix}


@pytest.fixture(scope="module", params=list(MAKERS))
def pair(request):
    tokenizer = MAKERS[request.param]()
    return request.param, tokenizer, TextTraits.from_tokenizer(tokenizer)


def read(tokenizer, traits, text):
    encoded = tokenizer(text, return_tensors="pt")
    row = traits(encoded["input_ids"], encoded["attention_mask"])[0]
    return dict(zip(TRAITS, row.tolist(), strict=True))


def counts(tokenizer, traits, text):
    row = read(tokenizer, traits, text)
    return [round(math.expm1(row[name])) for name in ("negation", "hedging", "measurements", "drugs")]


def test_the_style_is_read_from_the_tokenizer(pair):
    assert word_marks(pair[1])[0] == pair[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The device and the pump", [0, 0, 0, 0]),
        ("Patient denies pain. No fever, not dizzy.", [3, 0, 0, 0]),
        ("ruled out, negative for bleeding; failed to deliver", [3, 0, 0, 0]),
        ("notion nothingness nose", [0, 0, 0, 0]),
        ("(no) NO", [2, 0, 0, 0]),
        ("Possible, consistent with fever and may be unclear", [0, 4, 0, 0]),
        ("consistent fever with possibleness", [0, 0, 0, 0]),
        ("250 mg, 5mg, 1.5 ml, 18mm", [0, 0, 4, 0]),
        ("mg of ml; mm", [0, 0, 0, 0]),
        ("erythromycin and lisinopril", [0, 0, 0, 2]),
        ("erythromycins in April", [0, 0, 0, 0]),
        ("warfarin", [0, 0, 0, 1]),
    ],
)
def test_cues_are_counted_as_whole_words(pair, text, expected):
    _, tokenizer, traits = pair
    assert counts(tokenizer, traits, text) == expected


def test_length_digits_and_fragmentation_follow_the_pieces(pair):
    _, tokenizer, traits = pair
    text = "Patientdenies feverpain580 (dizzypump) 18"
    words = [word for word, _ in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(text)]
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    texts = [read_pieces(tokenizer)[i].text for i in ids]
    row = read(tokenizer, traits, text)
    assert row["length"] == pytest.approx(math.log1p(len(ids)), abs=1e-6)
    shown = [piece for piece in texts if any(map(str.isdigit, piece))]
    assert row["digit_share"] == pytest.approx(len(shown) / len(ids), abs=1e-6)
    # Every piece but the first of each word continues one, whatever the marks; bare marks begin none.
    bare = sum(not piece for piece in texts)
    assert row["fragmentation"] == pytest.approx((len(ids) - bare - len(words)) / len(ids), abs=1e-6)
    assert row["fragmentation"] > 0.3


def test_a_word_split_in_two_pieces():
    """Traits worked out by hand: [CLS] no ##ise 5 mm rash no [SEP]."""
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, "no", "##ise", "5", "mm", "rash", "a", "("])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    traits = TextTraits.from_tokenizer(wrap(tokenizer))
    row = traits(torch.tensor([[2, 4, 5, 6, 7, 8, 4, 3]]), truncated=torch.tensor([True]))
    expected = [math.log(7), 1 / 6, 1 / 6, math.log(2), 0.0, math.log(2), 0.0, 1.0]
    assert row[0].tolist() == pytest.approx(expected, abs=1e-6)


def test_unknown_words_match_no_cue():
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, "the", "pump"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    wrapped = wrap(tokenizer)
    assert word_marks(wrapped) == ("words", "")
    row = read(wrapped, TextTraits.from_tokenizer(wrapped), "no pump denies possible")
    assert row["length"] == pytest.approx(math.log(5))
    assert sum(value for name, value in row.items() if name != "length") == 0


def test_padding_batch_and_mask_change_nothing(pair):
    _, tokenizer, traits = pair
    texts = ["No fever", "", "Given erythromycin 250 mg, not 5mg; possible " * 3, "warfarin"]
    alone = torch.cat([traits(**tokenizer(text, return_tensors="pt")) for text in texts])
    for side in ("left", "right"):
        batch = tokenizer(texts, return_tensors="pt", padding=True, padding_side=side)
        assert torch.equal(traits(batch["input_ids"], batch["attention_mask"]), alone)
        assert torch.equal(traits(batch["input_ids"]), alone)
        other = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, 40)
        assert torch.equal(traits(other, batch["attention_mask"].bool()), alone)
    assert alone[1].tolist() == [0.0] * len(TRAITS)


def test_ids_beyond_the_table_are_plain_words():
    traits = TextTraits.from_tokenizer(word_piece(), vocab_size=60)
    row = traits(torch.tensor([[59, 60, 61, 10_000]]))
    assert row[0, 0].item() == pytest.approx(math.log(5), abs=1e-6)
    assert torch.isfinite(row).all()
    assert torch.isfinite(TextTraits(10)(torch.tensor([[0, 5, 99]]))).all()


def test_added_tokens_count_as_words():
    tokenizer = copy.deepcopy(word_piece())
    tokenizer.add_tokens(["infusionpump", "stat5"])
    row = read(tokenizer, TextTraits.from_tokenizer(tokenizer), "infusionpump stat5")
    assert row["length"] == pytest.approx(math.log(3))
    assert row["fragmentation"] == 0
    assert row["digit_share"] == 0.5


def test_the_table_of_a_model_may_be_larger_than_the_vocabulary():
    tokenizer = byte_level()
    small, large = TextTraits.from_tokenizer(tokenizer), TextTraits.from_tokenizer(tokenizer, vocab_size=1000)
    ids = tokenizer(CORPUS[2], return_tensors="pt")["input_ids"]
    assert torch.equal(small(ids), large(ids))


class Holder(PreTrainedModel):
    config_class = PretrainedConfig
    # As in a deferring model. Whatever this names is cast, integers too, so it must not name the tables.
    _keep_in_fp32_modules_strict = ("linear",)

    def __init__(self, config):
        super().__init__(config)
        self.traits = TextTraits(config.rows)
        self.linear = torch.nn.Linear(2, 2)
        self.post_init()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_checkpoint_brings_the_tables_back_in_any_dtype(pair, tmp_path, dtype):
    _, tokenizer, traits = pair
    holder = Holder(PretrainedConfig(rows=len(traits.tokens) - 1))
    holder.traits = traits
    holder.save_pretrained(tmp_path)
    loaded = Holder.from_pretrained(tmp_path, dtype=dtype)
    for name, table in traits.named_buffers():
        assert loaded.traits.get_buffer(name).dtype == torch.int64
        assert torch.equal(loaded.traits.get_buffer(name), table)
        assert torch.equal(loaded.half().traits.get_buffer(name), table)
    encoded = tokenizer(CORPUS[:4], return_tensors="pt", padding=True)
    assert torch.equal(
        loaded.traits(encoded["input_ids"], encoded["attention_mask"]),
        traits(encoded["input_ids"], encoded["attention_mask"]),
    )


def test_tables_are_plain_tensors(tmp_path):
    traits = TextTraits.from_tokenizer(word_piece())
    save_file(traits.state_dict(), tmp_path / "traits.safetensors")
    fresh = TextTraits(len(traits.tokens) - 1)
    fresh.load_state_dict(load_file(tmp_path / "traits.safetensors"))
    ids = torch.randint(0, len(traits.tokens), (3, 50), generator=torch.Generator().manual_seed(0))
    assert torch.equal(fresh(ids), traits(ids))
    assert not torch.equal(TextTraits(len(traits.tokens) - 1)(ids), traits(ids))


TABLES = TextTraits.from_tokenizer(word_piece())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(TABLES.tokens) + 3), min_size=1, max_size=30), st.integers(0, 6), st.booleans())
def test_any_ids_give_numbers_whatever_the_padding(ids, padding, left):
    row = TABLES(torch.tensor([ids]))
    assert torch.isfinite(row).all()
    blank = [9] * padding
    padded = torch.tensor([blank + ids if left else ids + blank])
    mask = torch.tensor([[0] * padding + [1] * len(ids) if left else [1] * len(ids) + [0] * padding])
    assert torch.equal(TABLES(padded, mask), row)


def test_a_tokenizer_without_words_is_refused():
    class Characters:
        all_special_ids = (0,)
        unk_token_id = 0

        def get_vocab(self):
            return {"[UNK]": 0}

    with pytest.raises(ValueError, match="Characters has no vocabulary to read traits from"):
        TextTraits.from_tokenizer(Characters())


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_both_ways_of_counting_agree(data):
    """On CPU the traits are counted by numpy where a cue can begin, elsewhere by torch at every place."""
    vocabulary = st.integers(0, len(TABLES.tokens) + 3)
    batch, length = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 40))
    cues = TABLES.tokens.gt(15).nonzero().flatten().tolist()
    row = st.lists(st.sampled_from(cues) | vocabulary, min_size=length, max_size=length)
    ids = torch.tensor(data.draw(st.lists(row, min_size=batch, max_size=batch)))
    mask = torch.tensor(
        data.draw(
            st.lists(st.lists(st.integers(0, 1), min_size=length, max_size=length), min_size=batch, max_size=batch)
        )
    )
    arrays = (TABLES.tokens, TABLES.cue_keys, TABLES.cue_counts, ids, mask)
    assert count(*arrays).tolist() == count_sparsely(*(array.numpy() for array in arrays)).tolist()
