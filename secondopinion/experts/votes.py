"""Votes: what an expert answered for a row, and how votes lie on disk."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from ..core.errors import InputError
from ..core.files import atomic_file

VOTE_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("expert", pa.string()),
        ("label", pa.string()),
        ("probabilities", pa.list_(pa.float64())),
        ("prompt_sha1", pa.string()),
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("cost_usd", pa.float64()),
        ("latency_s", pa.float64()),
        ("error", pa.string()),
        ("raw", pa.string()),
        ("answered_by", pa.string()),
        ("answered_at", pa.string()),
    ]
)

_FACTS_KEY = b"secondopinion.expert"
_NUMBERS = {"input_tokens": int, "output_tokens": int, "cost_usd": float, "latency_s": float}
_ENDINGS = (".parquet", ".jsonl", ".csv")


@dataclass(frozen=True)
class Vote:
    """One expert's answer for one row.

    Attributes:
        id: of the row.
        expert: name of who was asked.
        label: a class, or None when the answer was unusable; never a guess.
        probabilities: in the order of the classes, where the expert gives them.
        prompt_sha1: of the prompt that was used, for language models.
        input_tokens: of the request.
        output_tokens: of the answer.
        cost_usd: what the call cost; a text that stands in several rows is asked once, and each row names that cost.
        latency_s: seconds from question to answer.
        error: why there is no label, in a few words without anything of the text.
        raw: the answer as it came.
        answered_by: the person who answered.
        answered_at: when, ISO 8601 in UTC.
    """

    id: str
    expert: str
    label: str | None
    probabilities: list[float] | None = None
    prompt_sha1: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    error: str | None = None
    raw: str | None = None
    answered_by: str | None = None
    answered_at: str | None = None


class Expert(Protocol):
    """Who gives a second opinion: a language model, a person, another model, or a record of votes."""

    name: str

    def __call__(self, texts: Sequence[str], ids: Sequence[str] | None = None) -> list[Vote]:
        """Return one vote a text, in the order given; `ids` default to the texts' numbers."""
        ...


@dataclass(frozen=True)
class Votes:
    """A file of votes: its rows, and what it says about who gave them (empty for CSV and JSONL)."""

    rows: list[Vote]
    facts: dict[str, Any] = field(default_factory=dict)


def write_votes(path: str | os.PathLike, votes: Iterable[Vote], facts: Mapping[str, Any] | None = None) -> Path:
    """Write votes whole or not at all; the ending chooses Parquet, CSV or JSON Lines.

    Args:
        path: ends in `.parquet`, `.csv` or `.jsonl`.
        votes: the rows.
        facts: plain data about the expert, kept in the Parquet file's metadata; the other two have no place for it.

    Raises:
        InputError: the ending is none of these, or `facts` is not plain data.
    """
    path, ending = Path(path), _ending(path)
    rows = [asdict(vote) for vote in votes]
    try:
        encoded = json.dumps(dict(facts or {}), sort_keys=True, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InputError(f"the facts of an expert must be plain data that JSON can write: {error}") from None
    with atomic_file(path) as temporary:
        if ending == ".parquet":
            table = pa.Table.from_pylist(rows, schema=VOTE_SCHEMA.with_metadata({_FACTS_KEY: encoded}))
            pq.write_table(table, temporary, compression="zstd")
        elif ending == ".jsonl":
            with open(temporary, "w", encoding="utf-8") as handle:
                handle.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        else:
            with open(temporary, "w", encoding="utf-8", newline="") as handle:
                writer = csv.DictWriter(handle, VOTE_SCHEMA.names)
                writer.writeheader()
                for row in rows:
                    if row["probabilities"] is not None:
                        row["probabilities"] = json.dumps(row["probabilities"])
                    writer.writerow(row)
    return path


def read_votes(path: str | os.PathLike) -> Votes:
    """Read votes from Parquet, CSV or JSON Lines.

    `id` and `label` are needed; `expert` defaults to the name in the file's facts, else to the file's own name. An
    empty label is an unusable vote. Columns that a vote does not have are left out.

    Raises:
        InputError: no file is there, it is damaged, a column is missing, or a value has the wrong type.
    """
    path, ending = Path(path), _ending(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist; collect votes with: secondopinion ask")
    facts: dict[str, Any] = {}
    try:
        if ending == ".parquet":
            table = pq.read_table(path)
            facts = json.loads((table.schema.metadata or {}).get(_FACTS_KEY, b"{}"))
            columns, rows = table.column_names, table.to_pylist()
        elif ending == ".jsonl":
            columns, rows = _read_jsonl(path)
        else:
            with open(path, encoding="utf-8", newline="") as handle:
                reader = csv.DictReader(handle, strict=True)
                rows = list(reader)
                columns = reader.fieldnames or []
    except (pa.ArrowException, OSError, csv.Error, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            f"{path} cannot be read as {ending[1:]} ({type(error).__name__}): it is damaged or cut off. "
            "Write it again with: secondopinion ask (answers that are in the store are not paid again)"
        ) from None
    missing = [name for name in ("id", "label") if name not in columns]
    if missing:
        raise InputError(
            f"{path} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; it has "
            f"{', '.join(columns) or 'none'}. A votes file needs id and label, and may have the rest of: "
            + ", ".join(VOTE_SCHEMA.names)
        )
    default = str(facts.get("name") or path.stem)
    return Votes([_vote(row, default, f"{path}, row {number}") for number, row in enumerate(rows, 1)], facts)


def check_votes(
    votes: Votes | Iterable[Vote],
    ids: Iterable[str],
    label_names: Sequence[str],
    prompt_sha1: str | None = None,
) -> dict[str, int]:
    """Check votes against the rows and classes they are for, and count them.

    Args:
        votes: of one or of several experts.
        ids: of all rows; a row without a vote is no error, it is counted as missing.
        label_names: the classes.
        prompt_sha1: the prompt that the votes must have been asked with; votes that name no prompt pass.

    Returns:
        {rows, usable, unusable, missing}: counted over all experts.

    Raises:
        InputError: unknown ids, two votes of one expert for a row, labels outside the classes, probabilities of
            another number of classes, an expert without a usable vote, or votes asked with another prompt.
    """
    rows = list(votes.rows if isinstance(votes, Votes) else votes)
    known, classes = set(map(str, ids)), list(label_names)
    unknown = [vote.id for vote in rows if vote.id not in known]
    if unknown:
        raise InputError(
            f"{len(unknown)} of {len(rows)} votes are for ids that the data set does not have: {_some(unknown)}. "
            "Ask the experts about these rows, or name the data set that the votes were collected for"
        )
    repeated = [name[0] for name, n in Counter((vote.id, vote.expert) for vote in rows).items() if n > 1]
    if repeated:
        raise InputError(
            f"{len(repeated)} rows have more than one vote of the same expert: {_some(repeated)}. "
            "Keep one of each, or give the second collection another expert name"
        )
    strange = [vote.label for vote in rows if vote.label is not None and vote.label not in classes]
    if strange:
        raise InputError(
            f"{len(strange)} of {len(rows)} votes have a label outside the classes: {_some(sorted(set(strange)))}. "
            f"The classes are {', '.join(map(repr, classes))}: rename the labels in the votes file, or leave the label "
            "of an unusable answer empty"
        )
    uneven = [v.id for v in rows if v.probabilities is not None and len(v.probabilities) != len(classes)]
    if uneven:
        raise InputError(
            f"{len(uneven)} votes do not have {len(classes)} probabilities, one a class: {_some(uneven)}. "
            "Give one number a class, in the order of the classes, or leave them empty"
        )
    for expert in sorted({vote.expert for vote in rows}):
        _check_expert(expert, [vote for vote in rows if vote.expert == expert], prompt_sha1)
    if not rows:
        raise InputError("there is no vote at all; collect some with: secondopinion ask")
    usable = sum(vote.label is not None for vote in rows)
    experts = len({vote.expert for vote in rows})
    return {
        "rows": len(rows),
        "usable": usable,
        "unusable": len(rows) - usable,
        "missing": len(known) * experts - len(rows),
    }


def _check_expert(expert: str, rows: list[Vote], prompt_sha1: str | None) -> None:
    if all(vote.label is None for vote in rows):
        reasons = Counter(vote.error or "no reason given" for vote in rows).most_common(3)
        raise InputError(
            f"none of the {len(rows)} votes of {expert!r} is usable ({', '.join(f'{w} {n}' for w, n in reasons)}). "
            "Look at the column raw of its votes; change its prompt, its max_tokens or the model, or drop the expert"
        )
    hashes = Counter(vote.prompt_sha1 for vote in rows if vote.prompt_sha1 is not None)
    other = {name: n for name, n in hashes.items() if name != prompt_sha1} if prompt_sha1 else {}
    if other:
        shown = ", ".join(name[:10] for name in sorted(other)[:3])
        raise InputError(
            f"{sum(other.values())} of {len(rows)} votes of {expert!r} were asked with another prompt: {shown}, "
            f"expected {prompt_sha1[:10]}. Ask again with the present prompt, or name the votes' prompt in the recipe"
        )
    if len(hashes) > 1:
        raise InputError(
            f"the votes of {expert!r} were asked with {len(hashes)} different prompts: "
            f"{', '.join(f'{name[:10]} {n}' for name, n in hashes.most_common(3))}. Keep the votes of one prompt"
        )


def _some(values: Sequence[str]) -> str:
    shown = ", ".join(repr(value if len(value) <= 40 else value[:40] + "…") for value in values[:3])
    return shown + (f" and {len(values) - 3} more" if len(values) > 3 else "")


def _ending(path: str | os.PathLike) -> str:
    ending = Path(path).suffix.lower()
    if ending not in _ENDINGS:
        raise InputError(f"{path}: a votes file ends in {', '.join(_ENDINGS)}, not in {ending or 'nothing'!r}")
    return ending


def _read_jsonl(path: Path) -> tuple[list[str], list[dict[str, Any]]]:
    rows, columns = [], {}
    with open(path, encoding="utf-8") as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                row = None
            if not isinstance(row, dict):
                raise InputError(f"{path}, line {number} is not a JSON object; each line holds one vote")
            rows.append(row)
            columns.update(dict.fromkeys(row))
    return list(columns), rows


def _vote(row: Mapping[str, Any], expert: str, where: str) -> Vote:
    values: dict[str, Any] = {}
    for name in (item.name for item in fields(Vote)):
        value = row.get(name)
        if value is None or value == "":
            values[name] = None
        elif name == "probabilities":
            values[name] = _floats(value, where)
        elif name in _NUMBERS:
            try:
                values[name] = _NUMBERS[name](value)
            except (TypeError, ValueError):
                raise InputError(f"{where}: {name} must be a number or empty") from None
        else:
            values[name] = str(value)
    if values["id"] is None:
        raise InputError(f"{where} has no id; every vote names the row it is for")
    return Vote(**{**values, "expert": values["expert"] or expert})


def _floats(value: Any, where: str) -> list[float]:
    try:
        return [float(item) for item in (json.loads(value) if isinstance(value, str) else value)]
    except (TypeError, ValueError):
        raise InputError(f"{where}: probabilities must be a list of numbers, such as [0.9, 0.1], or empty") from None
