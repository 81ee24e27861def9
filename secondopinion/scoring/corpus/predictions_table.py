"""What a model says of the rows of a shard, as an Arrow table in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..dragon_predictions import MULTI_LABEL_MULTI_CLASS, as_predictions, kind_of_model
from .shards import Rows


def scored_columns(config: Any, outputs: Mapping[str, np.ndarray], rows: int) -> dict[str, Any]:
    """Return label, probabilities and, of a deferring system, its decision for the texts that were scored.

    Args:
        config: of the model.
        outputs: as `Scorer.score_encoded` gives them.
        rows: how many texts.
    """
    found = as_predictions([""] * rows, outputs["logits"], config, kind_of_model(config)).columns
    if "deferral_score" in outputs:
        names = np.array(list(config.expert_names), dtype=object)
        found = {
            **found,
            "deferral_score": outputs["deferral_score"].astype(np.float64).tolist(),
            "deferred": outputs["deferred"].astype(bool).tolist(),
            "expert": names[outputs["expert"]].tolist(),
        }
    return found


def table_of(
    rows: Rows,
    scored: Sequence[int],
    columns: Mapping[str, Sequence[Any]],
    types: Mapping[str, Any],
    kept_types: Mapping[str, Any],
) -> Any:
    """Return the table of a shard; rows without a text have nulls.

    A kept column that is called as one of the model's is written as `input_<name>`.

    Args:
        rows: of the shard; their texts are not looked at.
        scored: (texts,) places of the rows that were scored.
        columns: name → (texts,) values.
        types: Arrow type of each of these columns, as `column_types` gives them.
        kept_types: Arrow types of kept columns; the others are text.
    """
    import pyarrow as pa

    whole = len(scored) == len(rows.ids)
    arrays: dict[str, Any] = {"id": pa.array(rows.ids, pa.string())}
    for name, values in rows.kept.items():
        arrays[f"input_{name}" if name in types or name == "id" else name] = pa.array(
            values, kept_types.get(name, pa.string())
        )
    for name, kind in types.items():
        values = columns[name]
        if not whole:
            spread: list[Any] = [None] * len(rows.ids)
            for place, value in zip(scored, values, strict=True):
                spread[place] = value
            values = spread
        arrays[name] = pa.array(values, kind)
    return pa.table(arrays)


def column_types(config: Any, deferring: bool, asked: bool) -> dict[str, Any]:
    """Return the Arrow type of each column that a model's table has besides ids and kept columns.

    Args:
        config: of the model.
        deferring: whether it decides what to defer.
        asked: whether experts are asked for what it defers.

    >>> from transformers import PreTrainedConfig
    >>> list(column_types(PreTrainedConfig(id2label={0: "no", 1: "yes"}), False, False))
    ['label', 'p_no', 'p_yes']
    """
    import pyarrow as pa

    sizes = getattr(config, "label_groups", None) if kind_of_model(config) == MULTI_LABEL_MULTI_CLASS else None
    empty = np.zeros((1, sum(sizes) if sizes else config.num_labels))
    names = as_predictions([""], empty, config, kind_of_model(config)).columns
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    types = {name: kinds[type(values[0])] for name, values in names.items()}
    if deferring:
        types |= {"deferral_score": pa.float64(), "deferred": pa.bool_(), "expert": pa.string()}
    if asked:
        types |= {"expert_label": pa.string(), "expert_error": pa.string(), "final_label": pa.string()}
    return types


__all__ = ["column_types", "scored_columns", "table_of"]
