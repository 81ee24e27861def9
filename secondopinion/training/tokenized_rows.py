"""Rows as tokens in memory-mapped Arrow, made once."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from .data import TrainingData


def tokenize(data: TrainingData, tokenizer: Any, max_length: int, cache: Path) -> Any:
    """Return the tokenised rows: made once for all folds, epochs, processes and runs that share `cache`.

    The file is named after the rows, their order and the tokenizer's own content, so that whatever would give other
    tokens has a file of its own. Columns: those of the tokenizer or processor, `length` (tokens), `labels`, and
    `global_tokens` where there is a mask of global attention.

    Args:
        data: the rows.
        tokenizer: or processor.
        max_length: tokens after which a text is cut.
        cache: folder of the Arrow files, which hold clinical text in the form of tokens: whoever names it removes it.
    """
    import datasets

    # The rows' own fingerprint is the same in every order.
    order = hashlib.sha256("\n".join(data.ids).encode()).hexdigest()[:16]
    name = f"{data.fingerprint[:16]}-{order}-{tokenizer_digest(tokenizer)}-{max_length}"

    def encode(batch: dict[str, list]) -> dict[str, list]:
        encoded = tokenizer(batch[data.text_column], truncation=True, max_length=max_length)
        columns = {**encoded, "length": [len(ids) for ids in encoded["input_ids"]]}
        if "global_attention_mask" in encoded:
            columns["global_tokens"] = [sum(mask) for mask in encoded["global_attention_mask"]]
        return columns

    datasets.disable_progress_bars()
    cache.mkdir(parents=True, exist_ok=True)
    encoded = data.dataset.map(
        encode,
        batched=True,
        remove_columns=data.dataset.column_names,
        cache_file_name=str(cache / f"tokens-{name}.arrow"),
        load_from_cache_file=True,
        new_fingerprint=name,
    )
    return encoded.add_column("labels", data.problem.targets(data.labels), new_fingerprint=f"{name}-labels")


def tokenizer_digest(tokenizer: Any) -> str:
    """Return a digest of all that a tokenizer or processor saves, words, rules and tables, and of where it cuts.

    What a fast tokenizer remembers of the last call, how it cut and padded, is no part of it.
    """
    digest = hashlib.sha256(tokenizer.truncation_side.encode())  # not saved where it was set after loading
    with tempfile.TemporaryDirectory(prefix="secondopinion-") as folder:
        tokenizer.save_pretrained(folder)
        for path in sorted(Path(folder).rglob("*")):
            if not path.is_file():
                continue
            content = path.read_bytes()
            if path.name == "tokenizer.json":
                plain = json.loads(content) | {"truncation": None, "padding": None}
                content = json.dumps(plain, sort_keys=True).encode()
            digest.update(f"{path.relative_to(folder)} {len(content)} ".encode() + content)
    return digest.hexdigest()[:16]


__all__ = ["tokenize", "tokenizer_digest"]
