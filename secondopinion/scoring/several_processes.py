"""The same scoring by the processes that `accelerate launch` or `torchrun` started, one a GPU."""

from __future__ import annotations

import os
from collections.abc import Callable

from .corpus.shards import Plan
from .job import Columns, Scored, ScoringJob
from .opening import OpenModel
from .shard_scorer import written_shards


def score_with_processes(
    opener: Callable[[], OpenModel],
    plan: Plan,
    output: str | os.PathLike,
    columns: Columns | None = None,
    *,
    force: bool = False,
) -> Scored:
    """Score this process's share of a corpus; the first process then finishes the output.

    Args:
        opener: opens the model, on this process's device.
        plan: as `plan_shards` gives it, the same in every process.
        output: as of `score_corpus`, where all processes see it.
        columns: of the input.
        force: replace an output that is there, or that is of another job.

    Returns:
        Counts of the whole output in the first process; of its own share in the others.

    Raises:
        InputError: as `score_corpus`.
    """
    import torch
    from accelerate import PartialState

    process = PartialState(cpu=not torch.cuda.is_available())
    if torch.cuda.is_available():
        torch.cuda.set_device(process.local_process_index)
    # The first converts and measures what the others then find.
    with process.main_process_first():
        model = opener()
    job = ScoringJob(model, plan, output, columns)
    with process.main_process_first():
        job.claim(force=force and process.is_main_process)
    # Before any process writes its first part.
    process.wait_for_everyone()
    own = plan.runs()[process.process_index :: process.num_processes]
    shards = job.left(shard for group in own for shard in group)
    label = f"scoring, process {process.process_index + 1} of {process.num_processes}"
    with job.shown(label, sum(shard.rows for shard in shards)) as bar:
        for result in written_shards(job.worker(), shards, job.folder, bar.update):
            job.add(result)
        process.wait_for_everyone()
    if not process.is_main_process:
        return job.scored
    # This process counted its own rows; what the others scored is on the disk.
    job.scored.scored = sum(shard.rows for shard in job.left(plan.shards) if job.folder.holds(shard.number))
    return job.finish()


__all__ = ["score_with_processes"]
