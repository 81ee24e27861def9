"""From a configuration to the source that it names."""

from __future__ import annotations

import os
from pathlib import Path

from secondopinion.core.http import HttpClient
from secondopinion.core.progress import say

from .bulk import FileSource, IndexSource
from .configuration import MaudeConfig
from .source import Source, detect

USER_AGENT = "secondopinion (https://open.fda.gov/apis/device/event/)"


def open_source(config: MaudeConfig, work: Path) -> Source:
    """Return the source of a configuration; nothing is read yet.

    Args:
        config: what to read.
        work: folder for downloads and intermediate tables.

    Raises:
        InputError: nothing readable is there.
    """
    kind, files, left_out = detect(config.source, config.kind)
    if left_out:
        say(f"reading {len(files)} {kind} files; left out: {', '.join(sorted(left_out))}")
    if kind == "synthetic":
        from .synthetic import write_partition

        file = write_partition(work / "synthetic", reports=config.reports, seed=config.seed)
        return FileSource("synthetic", [Path(file)])
    if kind == "raw":
        from .raw import RawSource

        return RawSource(files, work / "raw", left_out)
    if files:
        return FileSource(kind, files, left_out)
    client = HttpClient(retries=config.retries, backoff=config.backoff, headers={"User-Agent": USER_AGENT})
    if kind == "bulk":
        return IndexSource(config.base_url, work / "downloads", config.partitions, client)
    from .api import ApiSource

    key = config.api_key or os.environ.get("OPENFDA_API_KEY")
    return ApiSource(config.base_url, config.search, config.page_size, key, client)
