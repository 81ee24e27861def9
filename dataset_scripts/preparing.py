"""One call from a source to a folder that `load_dataset` reads: Parquet, dataset card, facts."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import datasets

from secondopinion.core.errors import InputError
from secondopinion.core.files import PARTIAL, atomic_folder, disk_errors, read_json, write_json
from secondopinion.core.fingerprint import file_sha256
from secondopinion.core.progress import say

from .building import CorpusBuilder, CorpusConfig

MAX_SHARD_SIZE = "500MB"

WriteCard = Callable[[Path, Mapping[str, Any], datasets.DatasetInfo], None]


def prepare_folder(
    make: type[CorpusBuilder],
    write_card: WriteCard,
    source: str | Path,
    output: str | Path,
    *,
    force: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Write the data set of a source to a folder, whole or not at all.

    Args:
        make: the corpus's builder.
        write_card: writes its README.md from the facts.
        source: as the builder's configuration takes it.
        output: the folder to write: `README.md`, `prepare.json`, `data/*.parquet`.
        force: make it anew although it is there.
        **options: fields of the builder's configuration. Where it has a `work_dir`, unfinished work is kept beside
            the output, and the same call continues it.

    Returns:
        The facts, as in `prepare.json`.

    Raises:
        InputError: something that was given is wrong, or a source is damaged.
        DiskFullError: no room was left.
    """
    output = Path(output)
    work = output.absolute().with_name(f".{output.name}.work")
    config_class = make.BUILDER_CONFIG_CLASS
    config_class.check_options(options)
    options = {**options, "source": str(source)}
    if "work_dir" in {f.name for f in fields(config_class)}:
        options["work_dir"] = str(work / "read")
    if output.exists() and not force:
        stored = _already_there(output, config_class(**options))
        if stored is not None:
            say(f"{output} is already prepared ({stored['rows']:,} rows); force makes it anew")
            return stored
    for left in output.parent.glob(f".{output.name}.*{PARTIAL}"):
        shutil.rmtree(left, ignore_errors=True)
    for left in ("built", "built.incomplete"):
        shutil.rmtree(work / left, ignore_errors=True)
    began = time.perf_counter()
    with disk_errors(output), _own_bars_only():
        builder = make(cache_dir=str(work / "cache"), **options)
        try:
            builder.download_and_prepare(str(work / "built"), file_format="parquet", max_shard_size=MAX_SHARD_SIZE)
        except BaseException:
            if "work_dir" not in options:
                shutil.rmtree(work, ignore_errors=True)
            raise
    facts = dict(builder.facts or {})
    with atomic_folder(output) as folder:
        facts["data"] = _move_data(work / "built", folder / "data") | builder.write_beside(folder / "data")
        facts["seconds"] = round(time.perf_counter() - began, 3)
        facts["rows_per_second"] = round(facts["read"] / max(facts["seconds"], 1e-9), 1)
        facts["peak_memory_mb"] = round(peak_memory_mb(), 1)
        builder.info.download_size = sum(file["bytes"] for file in facts["data"].values())
        write_card(folder / "README.md", facts, builder.info)
        write_json(folder / "prepare.json", facts)
    shutil.rmtree(work, ignore_errors=True)
    return facts


def peak_memory_mb() -> float:
    """Return the largest resident memory of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


@contextmanager
def _own_bars_only() -> Iterator[None]:
    """Silence the bars of `datasets` for a while; ours say what is going on."""
    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def _already_there(output: Path, config: CorpusConfig) -> dict[str, Any] | None:
    """Return the facts of a finished output made with the same options.

    Raises:
        InputError: it was made with others, or is not ours.
    """
    if output.is_dir() and not any(output.iterdir()):
        return None
    facts_file = output / "prepare.json"
    if not facts_file.exists():
        raise InputError(
            f"{output} exists and was not made by prepare: choose another output, or use force to replace it"
        )
    stored = read_json(facts_file)
    if stored.get("corpus") != config.corpus:
        raise InputError(
            f"{output} holds the corpus {stored.get('corpus')!r}, not {config.corpus!r}; choose another output, "
            "or use force"
        )
    made_with = json.loads(json.dumps(config.options()))
    differing = sorted(k for k in {*made_with, *stored["options"]} if made_with.get(k) != stored["options"].get(k))
    if not differing and (changed := _changed_files(stored, config)):
        raise InputError(
            f"{output} was prepared from files that have changed since ({', '.join(changed)}); "
            "choose another output, or use force"
        )
    if differing:
        changes = ", ".join(f"{k}: {stored['options'].get(k)!r} there, {made_with.get(k)!r} now" for k in differing)
        raise InputError(f"{output} was prepared with other options ({changes}); choose another output, or use force")
    return stored


def _changed_files(stored: Mapping[str, Any], config: CorpusConfig) -> list[str]:
    """Return the names of local files that are no longer of the size they were read with."""
    files: dict[str, int] = {}
    for name in config.files:
        value = getattr(config, name)
        for given in value if isinstance(value, tuple) else (value,):
            path = Path(given).expanduser()
            if given and path.exists():
                found = [path] if path.is_file() else path.rglob("*")
                files |= {p.name: p.stat().st_size for p in found if p.is_file()}
    read = {Path(name).name: notes["bytes"] for name, notes in stored["files"].items() if "bytes" in notes}
    return sorted(name for name, size in read.items() if name in files and files[name] != size)


def _move_data(built: Path, data: Path) -> dict[str, Any]:
    """Move the builder's Parquet files to their published names; returns their SHA-256 and bytes."""
    data.mkdir()
    files = sorted(built.glob("*.parquet"))
    written = {}
    for number, file in enumerate(files, start=1):
        target = data / f"train-{number:05d}-of-{len(files):05d}.parquet"
        os.replace(file, target)
        written[f"data/{target.name}"] = {"sha256": file_sha256(target), "bytes": target.stat().st_size}
    return written
