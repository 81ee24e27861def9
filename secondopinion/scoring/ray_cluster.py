"""The same scoring over a Ray cluster: every worker reads its own shards and writes their parts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.progress import progress
from .job import Columns, Scored, ShardResult, ShardScorer, finished, job_facts, written_shards
from .opening import OpenModel
from .output_folder import OutputFolder
from .shards import Plan, Shard, ShardReader


class ClusterWorker:
    """An actor that scores groups of shards.

    Args:
        opener: opens the model; called once, on the worker.
        plan: of the corpus.
        columns: of the input.
        folder: that the driver has claimed.
    """

    def __init__(self, opener: Callable[[], OpenModel], plan: Plan, columns: Columns, folder: OutputFolder) -> None:
        self.folder = folder
        self.shards = {shard.number: shard for shard in plan.shards}
        reader = ShardReader(plan.sources, columns.id, columns.text, columns.keep)
        self.scorer = ShardScorer(opener(), reader)

    def __call__(self, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield what became of each shard of a group; those that a worker before it has written are not done again."""
        todo: list[Shard] = []
        for number in row["group"]:
            if self.folder.holds(number):
                yield asdict(ShardResult(number, self.shards[number].rows))
            else:
                todo.append(self.shards[number])
        for result in written_shards(self.scorer, todo, self.folder, lambda rows: None):
            yield asdict(result)


def score_on_ray(
    opener: Callable[[], OpenModel],
    plan: Plan,
    output: str | os.PathLike,
    columns: Columns | None = None,
    *,
    workers: int | None = None,
    force: bool = False,
) -> Scored:
    """Score every row of a corpus with the workers of a Ray cluster.

    Where `RAY_ADDRESS` names a cluster, it is used, and input and output must lie where all its machines see them;
    otherwise one is started on this machine. A worker that dies is replaced, and what it had not written is scored
    again; see `score_corpus` for everything else.

    Args:
        opener: opens the model; it is sent to the workers.
        plan: as `plan_shards` gives it.
        output: as of `score_corpus`.
        columns: of the input.
        workers: how many; one a GPU, or one a core, by default.
        force: replace an output that is there, or that is of another job.

    Raises:
        InputError: Ray is not installed, or as `score_corpus`.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise InputError(
            f"Ray is not installed; pip install 'secondopinion[ray]', or leave --engine out ({error})"
        ) from None
    if workers is not None and workers < 1:
        raise InputError(f"--workers is {workers}; give at least 1")
    columns = columns or Columns()
    folder = OutputFolder(Path(output).expanduser().absolute())
    # The driver opens the model too: what is wrong with it is told here, once, and the record names its backend.
    model = opener()
    job = job_facts(model, plan, columns)
    done = folder.claim(job, plan.identities(), force=force)
    groups = [[shard.number for shard in group if shard.number not in done] for group in plan.runs()]
    groups = [group for group in groups if group]
    scored = Scored(Path(output).expanduser())
    started = time.perf_counter()
    if groups:
        began = not ray.is_initialized()
        if began:
            ray.init(
                address=os.environ.get("RAY_ADDRESS"),
                include_dashboard=False,
                logging_level="ERROR",
                **({} if os.environ.get("RAY_ADDRESS") else {"num_cpus": workers}),
            )
        try:
            _score_groups(ray, scored, opener, plan, columns, folder, groups, workers, done)
        finally:
            if began:
                ray.shutdown()
    scored.seconds = time.perf_counter() - started
    return finished(folder, scored, job, plan, model)


def _score_groups(
    ray: Any,
    scored: Scored,
    opener: Callable[[], OpenModel],
    plan: Plan,
    columns: Columns,
    folder: OutputFolder,
    groups: list[list[int]],
    workers: int | None,
    done: set[int],
) -> None:
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0))
    size = min(workers or gpus or int(resources.get("CPU", 1)), len(groups))
    ray.data.DataContext.get_current().enable_progress_bars = False
    work = ray.data.from_items([{"group": group} for group in groups], override_num_blocks=len(groups))
    results = work.flat_map(
        ClusterWorker,
        fn_constructor_args=(opener, plan, columns, folder),
        compute=ray.data.ActorPoolStrategy(size=size),
        **({"num_gpus": 1} if gpus else {"num_cpus": 1}),
    )
    with progress(total=plan.rows, label=f"scoring on {size} workers") as bar:
        bar.update(sum(shard.rows for shard in plan.shards if shard.number in done))
        for row in results.iter_rows():
            scored.add(ShardResult(**row), first=not done)
            bar.update(row["rows"])


__all__ = ["ClusterWorker", "score_on_ray"]
