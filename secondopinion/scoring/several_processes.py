"""The same scoring by the processes that `accelerate launch` or `torchrun` started, one a GPU."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ..core.progress import progress
from .job import Columns, Scored, ShardScorer, finished, job_facts, written_shards
from .opening import OpenModel
from .output_folder import OutputFolder
from .shards import Plan, ShardReader


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
    columns = columns or Columns()
    folder = OutputFolder(Path(output).expanduser())
    if torch.cuda.is_available():
        torch.cuda.set_device(process.local_process_index)
    with process.main_process_first():
        model = opener()
    job = job_facts(model, plan, columns)
    with process.main_process_first():
        done = folder.claim(job, plan.identities(), force=force and process.is_main_process)
    # Before any process writes its first part.
    process.wait_for_everyone()
    shards = [
        shard
        for group in plan.runs()[process.process_index :: process.num_processes]
        for shard in group
        if shard.number not in done
    ]
    worker = ShardScorer(model, ShardReader(plan.sources, columns.id, columns.text, columns.keep))
    scored = Scored(folder.target)
    started = time.perf_counter()
    label = f"scoring, process {process.process_index + 1} of {process.num_processes}"
    with progress(total=sum(shard.rows for shard in shards), label=label) as bar:
        for result in written_shards(worker, shards, folder, bar.update):
            scored.add(result, first=not done)
    process.wait_for_everyone()
    scored.seconds = time.perf_counter() - started
    if not process.is_main_process:
        return scored
    # This process counted its own rows; what the others scored is on the disk.
    scored.scored = sum(shard.rows for shard in plan.shards if shard.number not in done and folder.holds(shard.number))
    return finished(folder, scored, job, plan, model)


__all__ = ["score_with_processes"]
