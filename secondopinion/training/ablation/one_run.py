"""One training in a process of its own, so that its peak memory is its own: `python -m … JOB.json`."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from ...core.files import read_json, write_json
from ..recipe import load_recipe
from ..run import train


def main(job_file: str) -> None:
    """Train what a job file says and record the memory that it took.

    The job: `recipe` (plain data), `data`, `output` (the run folder), `folds` (or null), `tokens` (the folder of
    tokenised rows that runs share, where they do) and `record`, the file that is written at the end: `peak_memory_mb`
    of this process, and of the device where there is one.
    """
    job = read_json(job_file)
    recipe = load_recipe(job["recipe"])
    if recipe.model.kind != "tfidf":
        import transformers

        transformers.utils.logging.disable_progress_bar()
        transformers.utils.logging.set_verbosity_error()
    train(recipe, job["data"], job["output"], folds=job["folds"], tokens=job.get("tokens"))
    before = read_json(job["record"]) if Path(job["record"]).exists() else {}
    found = {"peak_memory_mb": peak_memory_mb(), "device_peak_memory_mb": device_peak_memory_mb()}
    write_json(job["record"], {k: max(v, before.get(k) or 0) if v is not None else None for k, v in found.items()})


def peak_memory_mb() -> float:
    """Return the largest resident memory of this process so far, in MiB.

    On Linux `ru_maxrss` of a child starts at its parent's peak, so the kernel's mark for the program is read instead.
    """
    status = Path("/proc/self/status")
    if status.exists():
        marks = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        if marks:
            return round(int(marks[0].split()[1]) / 1024, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


def device_peak_memory_mb() -> float | None:
    """Return the most memory that tensors took on the accelerator, in MiB; None without one."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return round(torch.cuda.max_memory_allocated() / 1024**2, 1)


if __name__ == "__main__":
    from secondopinion.core.errors import DiskFullError, InputError

    try:
        main(sys.argv[1])
    except (InputError, DiskFullError) as error:
        sys.exit(f"secondopinion: {error}")
