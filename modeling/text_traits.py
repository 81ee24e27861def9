"""Traits of a text that a deferral policy reads, computed from nothing but its token ids."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .text_cues import KINDS, LONGEST_SEQUENCE, cue_sequences, read_pieces

TRAITS = ("length", "fragmentation", "digit_share", *KINDS, "truncated")

JOINS, OPEN, TOKEN, DIGIT = 1, 2, 4, 8
CODE_BITS, LENGTH_BITS, COUNT_BITS = 14, 3, 15
CONTEXT_SHIFT = LENGTH_BITS + CODE_BITS * LONGEST_SEQUENCE
CAPACITY = 8192
STEPS = np.arange(LONGEST_SEQUENCE)
PLACES = [1 << LENGTH_BITS + CODE_BITS * (LONGEST_SEQUENCE - 1 - n) for n in range(LONGEST_SEQUENCE)]
PREFIXES = np.triu(np.repeat(np.array(PLACES)[:, None], LONGEST_SEQUENCE, axis=1))
SHIFTS = [COUNT_BITS * i for i in range(len(KINDS))]
LAST = torch.iinfo(torch.int64).max


class TextTraits(nn.Module):
    """Reads traits of texts from token ids, through tables made from the tokenizer and saved with the weights.

    With n the text's tokens, special ones and padding left out:

    - `length`: ln(1 + n).
    - `fragmentation`: share of tokens that continue a word (a run of letters and digits) begun by another token.
    - `digit_share`: share of tokens that hold a digit.
    - `negation`, `hedging`, `measurements`, `drugs`: ln(1 + how often) a cue of that kind occurs (see `text_cues`):
      "no", "ruled out"; "possible", "consistent with"; a unit after a number; whole words that end like drugs.
    - `truncated`: 1 where the caller says that the text was cut, else 0.

    A cue is matched as a sequence of at most 4 token ids between word boundaries. The tables are integers, so that
    loading in bf16 leaves them as they are (but `_keep_in_fp32_modules_strict` casts integers too: it must not name
    them); a fresh instance has empty tables (every token plain, no cue), to be
    filled by a checkpoint or made by `from_tokenizer`.

    Args:
        vocab_size: rows of the token table. Ids beyond it count as plain words.
    """

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.register_buffer("tokens", torch.full((vocab_size + 1,), TOKEN, dtype=torch.int64), persistent=True)
        self.register_buffer("cue_keys", torch.full((CAPACITY,), LAST, dtype=torch.int64), persistent=True)
        self.register_buffer("cue_counts", torch.zeros(CAPACITY, dtype=torch.int64), persistent=True)

    @classmethod
    def from_tokenizer(cls, tokenizer: Any, vocab_size: int | None = None) -> "TextTraits":
        """Make the tables of a tokenizer.

        Args:
            tokenizer: of transformers; WordPiece, byte-level BPE, SentencePiece or whole words.
            vocab_size: rows of the table, the model's own vocabulary; by default the tokenizer's.

        Raises:
            ValueError: the tokenizer gives no vocabulary.
        """
        pieces = read_pieces(tokenizer)
        if not any(piece.text for i, piece in pieces.items() if i != tokenizer.unk_token_id):
            raise ValueError(
                f"{type(tokenizer).__name__} has no vocabulary to read traits from; "
                "use a policy without traits (traits=[]) or another tokenizer"
            )
        if vocab_size is None:
            vocab_size = max(tokenizer.get_vocab().values()) + 1
        traits = cls(vocab_size)
        traits.tokens[:vocab_size] = 0
        for i, (text, joins, is_open) in pieces.items():
            if i < vocab_size:
                digit = DIGIT if any(character.isdigit() for character in text) else 0
                traits.tokens[i] = TOKEN | (JOINS if joins else 0) | (OPEN if is_open else 0) | digit
        codes: dict[int, int] = {}
        counts: dict[int, int] = {}
        for kind, contexts, ids in cue_sequences(tokenizer, pieces):
            if max(ids) >= vocab_size or len(counts) + len(contexts) >= CAPACITY:
                continue
            if len(codes.keys() | set(ids)) >= 1 << CODE_BITS:
                continue
            numbers = [codes.setdefault(i, len(codes) + 1) for i in ids]
            for context in contexts:
                counts.setdefault(sequence_key(context, numbers), 1 << COUNT_BITS * KINDS.index(kind))
        for i, code in codes.items():
            traits.tokens[i] += code << 4
        keys = sorted(counts)
        traits.cue_keys[: len(keys)] = torch.tensor(keys, dtype=torch.int64)
        traits.cue_counts[: len(keys)] = torch.tensor([counts[key] for key in keys], dtype=torch.int64)
        return traits

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        truncated: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the traits of a batch; the same for either padding side and any batch.

        Args:
            input_ids: (batch, sequence) token ids.
            attention_mask: (batch, sequence); 1 for tokens, 0 for padding. By default special tokens alone are left
                out, the padding token among them.
            truncated: (batch,) 0/1 or bool.

        Returns:
            (batch, traits) float32, columns as in `TRAITS`.
        """
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask.long()
        arrays = (self.tokens, self.cue_keys, self.cue_counts, input_ids, mask)
        if input_ids.device.type == "cpu" and not torch.compiler.is_compiling():
            counts = count_sparsely(*(array.numpy() for array in arrays))
            traits = np.zeros((len(counts), len(TRAITS)), dtype=np.float32)
            np.log1p(counts, out=traits[:, :-1])
            np.divide(counts[:, 1:3], np.maximum(counts[:, :1], 1), out=traits[:, 1:3])
            if truncated is not None:
                traits[:, -1] = truncated.numpy()
            return torch.from_numpy(traits)
        counts = count(*arrays).float()
        logs = counts.log1p()
        shares = counts[:, 1:3] / counts[:, :1].clamp(min=1.0)
        last = torch.zeros_like(logs[:, :1]) if truncated is None else truncated.float().view(-1, 1)
        return torch.cat([logs[:, :1], shares, logs[:, 3:], last], dim=1)


def count(
    table: torch.Tensor, cue_keys: torch.Tensor, cue_counts: torch.Tensor, input_ids: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Return (batch, 3 + kinds of cues) integers: tokens, those that continue a word, those with a digit, the cues.

    Args:
        table: (vocabulary + 1,) of the tokens.
        cue_keys: (capacity,) sorted.
        cue_counts: (capacity,).
        input_ids: (batch, sequence).
        mask: (batch, sequence), int64.
    """
    length = input_ids.shape[1]
    rows = table.take(input_ids.clamp(0, len(table) - 1)) * mask
    padded = functional.pad(rows, (1, LONGEST_SEQUENCE))
    ahead = padded[:, 1:]
    # One shift moves OPEN under JOINS and DIGIT under TOKEN: what the piece before says about this one.
    context = ahead & (padded[:, :-1] >> 1) & (JOINS | TOKEN)
    continues = context & JOINS
    codes = ahead >> 4
    key = context[:, :length] << CONTEXT_SHIFT
    prefixes = []
    for n, place in enumerate(PLACES):
        key = torch.add(key, codes[:, n : n + length], alpha=place)
        prefixes.append(key + (n + 1))
    keys = torch.stack(prefixes, dim=-1)
    places = torch.searchsorted(cue_keys, keys)
    found = (cue_keys.take(places) == keys) & (continues[:, 1:].unfold(1, LONGEST_SEQUENCE, 1) == 0)
    packed = (cue_counts.take(places) * found).sum(dim=(1, 2))
    cues = [(packed >> shift) & ((1 << COUNT_BITS) - 1) for shift in SHIFTS]
    marked = torch.stack([ahead, continues, ahead & DIGIT], dim=1)
    return torch.cat([torch.count_nonzero(marked, dim=2), torch.stack(cues, dim=1)], dim=1)


def count_sparsely(
    table: np.ndarray, cue_keys: np.ndarray, cue_counts: np.ndarray, input_ids: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """Return what `count` does, in float32, on CPU.

    For a few short texts the number of operations is what costs: numpy's are cheaper than torch's, and looking up
    only the places where a cue can begin touches less memory between two forwards of the encoder.
    """
    batch, length = input_ids.shape
    padded = np.zeros((batch, length + 1 + LONGEST_SEQUENCE), dtype=np.int64)
    padded[:, 1 : length + 1] = table.take(input_ids, mode="clip") * mask
    ahead = padded[:, 1:]
    context = ahead & (padded[:, :-1] >> 1) & (JOINS | TOKEN)
    continues = context & JOINS
    codes = ahead >> 4
    row, column = codes.nonzero()
    places = row * (length + LONGEST_SEQUENCE) + column
    windows = places[:, None] + STEPS
    keys = codes.take(windows, mode="clip") @ PREFIXES + (STEPS + 1)
    keys += (context.take(places) << CONTEXT_SHIFT)[:, None]
    entries = cue_keys.searchsorted(keys)
    found = (cue_keys.take(entries) == keys) & (continues.take(windows + 1, mode="clip") == 0)
    each = np.zeros((batch, length + LONGEST_SEQUENCE), dtype=np.int64)
    each.put(places, (cue_counts.take(entries) * found).sum(axis=1))
    packed = each.sum(axis=1)
    counts = np.empty((batch, 3 + len(KINDS)), dtype=np.float32)
    np.add.reduce(ahead != 0, axis=1, out=counts[:, 0])
    np.add.reduce(continues, axis=1, out=counts[:, 1])
    np.add.reduce((ahead & DIGIT) != 0, axis=1, out=counts[:, 2])
    counts[:, 3:] = (packed[:, None] >> SHIFTS) & ((1 << COUNT_BITS) - 1)
    return counts


def sequence_key(context: int, codes: list[int]) -> int:
    """Return the number that stands for a sequence of piece codes after a context: sorted, searched, compared."""
    key = (context << CONTEXT_SHIFT) + len(codes)
    for n, code in enumerate(codes):
        key += code * PLACES[n]
    return key


__all__ = ["TRAITS", "TextTraits"]
