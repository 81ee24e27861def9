"""The same scoring over a Ray cluster: every worker reads its own shards and writes their parts."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from .corpus.output_folder import OutputFolder
from .corpus.shards import Plan, Shard, ShardReader
from .job import Columns, Scored, ScoringJob
from .opening import OpenModel
from .shard_scorer import ShardResult, ShardScorer, written_shards


class ClusterWorker:
    """An actor that scores groups of shards.

    Args:
        opener: opens the model; called once, on the worker.
        plan: of the corpus.
        columns: of the input.
        folder: that the driver has claimed.
    """

    def __init__(self, opener: Callable[..., OpenModel], plan: Plan, columns: Columns, folder: OutputFolder) -> None:
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
    opener: Callable[..., OpenModel],
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
        opener: opens the model, with settings of `open_model` where it is given some; it is sent to the workers.
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
    # The driver opens the model too: what is wrong with it is told here, once, and all workers compute as it would.
    model = opener()
    opener = functools.partial(opener, **model.chosen)
    # Workers may stand in other folders.
    job = ScoringJob(model, plan, Path(output).expanduser().absolute(), columns)
    job.claim(force=force)
    groups = [[shard.number for shard in job.left(group)] for group in plan.runs()]
    groups = [group for group in groups if group]
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
            _score_groups(ray, job, opener, groups, workers)
        finally:
            if began:
                ray.shutdown()
    return job.finish()


def _score_groups(
    ray: Any, job: ScoringJob, opener: Callable[..., OpenModel], groups: list[list[int]], workers: int | None
) -> None:
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0))
    size = min(workers or gpus or int(resources.get("CPU", 1)), len(groups))
    ray.data.DataContext.get_current().enable_progress_bars = False
    work = ray.data.from_items([{"group": group} for group in groups], override_num_blocks=len(groups))
    results = work.flat_map(
        ClusterWorker,
        fn_constructor_args=(opener, job.plan, job.columns, job.folder),
        compute=ray.data.ActorPoolStrategy(size=size),
        **({"num_gpus": 1} if gpus else {"num_cpus": 1}),
    )
    with job.shown(f"scoring on {size} workers") as bar:
        for row in results.iter_rows():
            job.add(ShardResult(**row))
            bar.update(row["rows"])


__all__ = ["ClusterWorker", "score_on_ray"]
