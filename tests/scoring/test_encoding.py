"""Texts to padded tokens: the same as the tokenizer's own, long texts cut or in windows."""

import numpy as np
import pytest
from tiny_encoder import save_encoder

from secondopinion.core.errors import InputError
from secondopinion.scoring.encoding import EncodedTexts, LongTexts, Padder, TextEncoder, merged


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(save_encoder(tmp_path_factory.mktemp("encoder")))


@pytest.mark.parametrize("side", ["left", "right"])
def test_batches_are_those_of_the_tokenizer(tokenizer, texts, side):
    tokenizer.padding_side = side
    encoded = TextEncoder(tokenizer, 64)(texts)
    rows = [3, 0, 41, 7]
    ours = Padder(tokenizer, 8)(encoded, rows)
    theirs = tokenizer(
        [texts[row] for row in rows],
        truncation=True,
        max_length=64,
        padding=True,
        pad_to_multiple_of=8,
        return_tensors="np",
    )
    tokenizer.padding_side = "right"
    assert set(ours) == set(theirs)
    for name in ours:
        assert np.array_equal(ours[name], theirs[name]), name


def test_what_was_cut_is_known(tokenizer, texts):
    encoded = TextEncoder(tokenizer, 20)(texts)
    assert encoded.truncated.tolist() == [len(text.split()) > 18 for text in texts]
    assert encoded.lengths.max() == 20


def test_of_a_huge_text_only_the_beginning_is_tokenised(tokenizer):
    huge = "the pump alarm " * 700_000
    seen = []

    class Counting:
        model_input_names = tokenizer.model_input_names
        truncation_side = "right"

        def __call__(self, text, **options):
            seen.append(len(text) if isinstance(text, str) else max(map(len, text)))
            return tokenizer(text, **options)

    encoded = TextEncoder(Counting(), 64)([huge, "pump"])
    whole = tokenizer(huge[:10_000], truncation=True, max_length=64)["input_ids"]
    assert encoded.columns["input_ids"][0].tolist() == whole
    assert encoded.truncated.tolist() == [True, False]
    assert max(seen) < 10_000
    # Of words that are no tokens for long, as much is looked at as it takes.
    padded = " " * 900_000 + "the pump alarm " * 3
    assert TextEncoder(tokenizer, 64)([padded]).columns["input_ids"][0].tolist() == tokenizer(padded)["input_ids"]


def test_windows_cover_every_token_and_are_pooled(tokenizer, texts):
    encoded = TextEncoder(tokenizer, 20, LongTexts("mean", 4))(texts)
    assert encoded.texts == len(texts)
    assert encoded.lengths.max() <= 20
    assert np.bincount(encoded.owners).tolist() == [1 + max(0, -(-(len(text.split()) - 18) // 14)) for text in texts]
    rows = np.arange(len(encoded.owners), dtype=np.float32)[:, None]
    means = LongTexts("mean").pooled(rows, encoded.owners, len(texts))
    tops = LongTexts("max").pooled(rows, encoded.owners, len(texts))
    for text in range(len(texts)):
        own = rows[encoded.owners == text]
        assert means[text] == own.mean()
        assert tops[text] == own.max()


def test_parts_are_merged_as_if_encoded_together(tokenizer, texts):
    for long_texts in (LongTexts(), LongTexts("max", 3)):
        encode = TextEncoder(tokenizer, 24, long_texts)
        together = encode(texts)
        joined = merged([encode(texts[:10]), encode(texts[10:11]), encode(texts[11:])])
        assert joined.texts == together.texts
        assert np.array_equal(joined.lengths, together.lengths)
        assert np.array_equal(joined.truncated, together.truncated)
        if together.owners is not None:
            assert np.array_equal(joined.owners, together.owners)
        for name in together.columns:
            assert [row.tolist() for row in joined.columns[name]] == [row.tolist() for row in together.columns[name]]


def test_a_mask_that_one_part_has_is_filled_in_the_others():
    row = np.array([5, 6], dtype=np.int32)
    plain = EncodedTexts({"input_ids": [row], "attention_mask": []}, np.array([2]), np.array([False]), None, 1)
    masked = EncodedTexts({"input_ids": [row], "attention_mask": [row * 0]}, np.array([2]), np.array([False]), None, 1)
    assert [one.tolist() for one in merged([plain, masked]).columns["attention_mask"]] == [[1, 1], [0, 0]]


def test_wrong_settings(tokenizer):
    with pytest.raises(InputError, match="cut, mean or max, not 'median'"):
        LongTexts("median")
    with pytest.raises(InputError, match="stride is -1"):
        LongTexts("mean", -1)
    with pytest.raises(InputError, match=r"windows of 20 tokens cannot share 18; give a smaller --stride"):
        TextEncoder(tokenizer, 20, LongTexts("mean", 18))

    class Slow:
        model_input_names = ("input_ids",)

    with pytest.raises(InputError, match="Slow cuts no text into windows"):
        TextEncoder(Slow(), 20, LongTexts("mean", 4))
