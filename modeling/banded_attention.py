"""Longformer's attention in blocks: the same weights and numbers as transformers' own, for less time and memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.weak import WeakTensorKeyDictionary
from transformers import AutoModel, LongformerConfig, LongformerModel, PretrainedConfig, PreTrainedModel
from transformers.models.longformer.modeling_longformer import LongformerSelfAttention

BLOCK = 256


def encoder_from_config(config: PretrainedConfig) -> PreTrainedModel:
    """Return an encoder with fresh weights; a Longformer attends in blocks.

    >>> config = LongformerConfig(
    ...     hidden_size=8, num_attention_heads=2, num_hidden_layers=1, intermediate_size=8, vocab_size=20
    ... )
    >>> type(encoder_from_config(config)).__name__
    'BandedLongformerModel'
    """
    if config.model_type == "longformer":
        return BandedLongformerModel._from_config(config)
    return AutoModel.from_config(config)


class BandedSelfAttention(LongformerSelfAttention):
    """Sliding-window attention with global tokens (Beltagy et al. 2020, section 3.1), block after block of queries.

    A block of queries meets the keys of its own window and those of the global tokens in one call of
    `scaled_dot_product_attention`. The implementation of transformers multiplies overlapping chunks, pads every text
    to whole windows and keeps all probabilities in memory. Time and memory are linear in the length in both.
    """

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        is_index_masked: torch.Tensor | None = None,
        is_index_global_attn: torch.Tensor | None = None,
        is_global_attn: bool | None = None,
        output_attentions: bool = False,
    ) -> tuple[torch.Tensor, ...]:
        """Return hidden states (batch, sequence, hidden); with `output_attentions`, what transformers returns.

        Args:
            hidden_states: (batch, sequence, hidden), of any length.
            attention_mask: not read, the next two say it.
            is_index_masked: (batch, sequence); True for padding.
            is_index_global_attn: (batch, sequence); True for tokens that attend everywhere.
            is_global_attn: whether there is one.
            output_attentions: return probabilities too, by the slower way.
        """
        if output_attentions:
            return self._with_probabilities(
                hidden_states, attention_mask, is_index_masked, is_index_global_attn, is_global_attn
            )
        query, key, value = (self._heads(part(hidden_states)) for part in (self.query, self.key, self.value))
        places = reading_places(is_index_masked, is_index_global_attn if is_global_attn else None)
        output = self._local(query, key, value, places).flatten(2)
        if not is_global_attn:
            return (output,)
        queries = self._heads(self.query_global(hidden_states[places.rows, places.chosen]))
        keys, values = self._heads(self.key_global(hidden_states)), self._heads(self.value_global(hidden_states))
        everywhere = self._attend(queries, keys, values, places.readable).flatten(2)
        return (output.index_put(places.own, everywhere[places.filled]),)

    def _heads(self, states: torch.Tensor) -> torch.Tensor:
        return states.unflatten(-1, (self.num_heads, self.head_dim))

    def _attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Attend with tensors of (batch, tokens, heads, head size) and a mask that broadcasts to them."""
        output = nn.functional.scaled_dot_product_attention(
            query.transpose(1, 2),
            key.transpose(1, 2),
            value.transpose(1, 2),
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
        )
        return output.transpose(1, 2)

    def _local(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, places: ReadingPlaces
    ) -> torch.Tensor:
        """Return what each token reads in its window, and of the global tokens: (batch, sequence, heads, head size)."""
        length, blocks, side = places.length, places.blocks, self.one_sided_attn_window_size
        everywhere = None if places.chosen is None else [part[places.rows, places.chosen] for part in (key, value)]
        if blocks > 1:
            tail = blocks * BLOCK - length
            width = BLOCK + 2 * side
            query = nn.functional.pad(query, (0, 0, 0, 0, 0, tail)).unflatten(1, (blocks, BLOCK)).flatten(0, 1)
            key, value = (
                nn.functional.pad(part, (0, 0, 0, 0, side, side + tail))
                .unfold(1, width, BLOCK)
                .permute(0, 1, 4, 2, 3)
                .flatten(0, 1)
                for part in (key, value)
            )
        if everywhere is not None:
            key, value = (
                torch.cat([part.repeat_interleave(blocks, dim=0), own], dim=1)
                for part, own in zip(everywhere, (key, value), strict=True)
            )
        output = self._attend(query, key, value, places.window(side))
        if blocks > 1:
            output = output.unflatten(0, (-1, blocks)).flatten(1, 2)[:, :length]
        return output

    def _with_probabilities(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor,
        is_index_masked: torch.Tensor,
        is_index_global_attn: torch.Tensor,
        is_global_attn: bool,
    ) -> tuple[torch.Tensor, ...]:
        length = hidden_states.shape[1]
        tail = (0, -length % (2 * self.one_sided_attn_window_size))
        output, probabilities, *everywhere = super().forward(
            nn.functional.pad(hidden_states, (0, 0, *tail)),
            nn.functional.pad(attention_mask, tail, value=torch.finfo(attention_mask.dtype).min),
            nn.functional.pad(is_index_masked, tail, value=True),
            nn.functional.pad(is_index_global_attn, tail, value=False),
            is_global_attn,
            output_attentions=True,
        )
        return (output[:, :length], probabilities[:, :length], *(part[..., :length] for part in everywhere))


class ReadingPlaces:
    """Which tokens of a batch read which. All layers of a forward pass share them.

    Args:
        is_masked: (batch, sequence); True for padding.
        is_global: (batch, sequence); True for tokens that attend everywhere; None where there is none.

    Attributes:
        is_global: as given.
        length: tokens of a row.
        blocks: into how many a row is cut; a short one is one.
        chosen: (batch, most of a row) the places of the global tokens, or None; `rows`, (batch, 1), goes with them.
        filled: where `chosen` is no filler, as an index of it.
        own: the same tokens as an index of (batch, sequence).
        readable: (batch, 1, 1, sequence) what a global token reads.
    """

    def __init__(self, is_masked: torch.Tensor, is_global: torch.Tensor | None) -> None:
        self.is_global, self.length = is_global, is_masked.shape[1]
        self.blocks = 1 if self.length <= 2 * BLOCK else -(-self.length // BLOCK)
        self.chosen: torch.Tensor | None = None
        self._near, self._windows = ~is_masked, {}
        if is_global is not None:
            self.chosen, self._valid = global_places(is_global)
            self.rows = torch.arange(len(is_masked), device=is_masked.device)[:, None]
            self.filled = self._valid.nonzero(as_tuple=True)
            self.own = (self.filled[0], self.chosen[self.filled])
            self.readable = (self._near | is_masked.all(dim=1, keepdim=True))[:, None, None]
            self._near = self._near & ~is_global

    def window(self, side: int) -> torch.Tensor:
        """Return what each token of a block reads, (batch * blocks, 1, tokens of a block, keys); global ones first.

        Args:
            side: how many tokens it sees to the left and to the right.
        """
        if side not in self._windows:
            mask = self._band(side)
            if self.chosen is not None:
                valid = self._valid.repeat_interleave(self.blocks, dim=0)[:, None].expand(-1, mask.shape[1], -1)
                mask = torch.cat([valid, mask], dim=2)
            self._windows[side] = mask[:, None]
        return self._windows[side]

    def _band(self, side: int) -> torch.Tensor:
        device = self._near.device
        if self.blocks == 1:
            place = torch.arange(self.length, device=device)
            near = (place[:, None] - place).abs() <= side
            # A padding token reads itself, for a row that reads nothing is not a number.
            return near & (self._near[:, None] | torch.eye(self.length, dtype=torch.bool, device=device))
        width = BLOCK + 2 * side
        tail = self.blocks * BLOCK - self.length
        seen = nn.functional.pad(self._near, (side, side + tail)).unfold(1, width, BLOCK).flatten(0, 1)
        ahead = torch.arange(width, device=device) - torch.arange(BLOCK, device=device)[:, None]
        return (ahead >= 0) & (ahead <= 2 * side) & (seen[:, None] | (ahead == side))


# By the padding mask, which transformers makes anew in each forward pass and hands to all layers.
_PLACES: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def reading_places(is_masked: torch.Tensor, is_global: torch.Tensor | None) -> ReadingPlaces:
    """Return the places of a batch; those of the same two tensors are made once, and kept while the first is.

    >>> padding = torch.tensor([[False, False, True]])
    >>> reading_places(padding, None) is reading_places(padding, None)
    True
    """
    if torch.compiler.is_compiling():
        return ReadingPlaces(is_masked, is_global)
    places = _PLACES.get(is_masked)
    if places is None or places.is_global is not is_global:
        places = _PLACES[is_masked] = ReadingPlaces(is_masked, is_global)
    return places


class BandedLongformerModel(LongformerModel):
    """A Longformer that attends in blocks and pads nothing; weights and configuration are those of `LongformerModel`.

    Attributes:
        pads_nothing: says to those who make batches that whole windows are not needed.
    """

    pads_nothing = True

    def __init__(self, config: LongformerConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config, add_pooling_layer)
        for number, layer in enumerate(self.encoder.layer):
            layer.attention.self = BandedSelfAttention(config, number)
        self.post_init()

    def _pad_to_window_size(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor,
        position_ids: torch.Tensor,
        inputs_embeds: torch.Tensor,
        pad_token_id: int,
    ) -> tuple[Any, ...]:
        return 0, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds


def global_places(is_global: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where each row's global tokens are, and which of those places are no filler; (batch, most of a row).

    >>> places, valid = global_places(torch.tensor([[True, False, True], [False, True, False]]))
    >>> places.tolist(), valid.tolist()
    ([[0, 2], [1, 0]], [[True, True], [True, False]])
    """
    counts = is_global.sum(dim=1)
    most = int(counts.max())
    order = is_global.int().argsort(dim=1, descending=True, stable=True)
    return order[:, :most], torch.arange(most, device=is_global.device) < counts[:, None]


__all__ = [
    "BLOCK",
    "BandedLongformerModel",
    "BandedSelfAttention",
    "ReadingPlaces",
    "encoder_from_config",
    "global_places",
    "reading_places",
]
