"""The whole line on authored reports: prepare, train both phases, compare, publish, demonstrate."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from ..core.progress import say
from ..dataset_scripts import prepare
from ..model_cards import push_run
from ..training import train
from .show import prepared_summary, results_of

REPORTS, SEED = 800, 13


def run_demo(
    output: str | os.PathLike,
    *,
    launch: bool = True,
    port: int | None = None,
    reports: int = REPORTS,
    folds: list[int] | None = None,
) -> dict[str, Path]:
    """Walk the whole line; a second call continues or repeats only what is missing.

    Args:
        output: folder for everything that is made.
        launch: serve the Space at the end (until interrupted).
        port: of the Space.
        reports: how many to write.
        folds: which folds of phase 2 to train; all by default.

    Returns:
        The folders made: `data`, `baseline`, `run`, `published_baseline`, `published`.
    """
    started = time.monotonic()
    output = Path(output)
    folders = {
        "data": output / "data",
        "baseline": output / "runs" / "maude_demo_tfidf",
        "run": output / "runs" / "maude_demo",
        "published_baseline": output / "published" / "baseline",
        "published": output / "published" / "encoder",
    }
    say(f"1/5  preparing {reports} authored reports")
    facts = prepare("maude", "synthetic", folders["data"], reports=reports, seed=SEED)
    print(prepared_summary(facts, folders["data"]))
    say("2/5  phase 1: TF-IDF and logistic regression, 5 folds")
    train("maude_demo_tfidf", folders["data"], folders["baseline"])
    say("3/5  phase 2: fine-tuning the encoder")
    run = train("maude_demo", folders["data"], folders["run"], folds=folds, baseline=folders["baseline"])
    print("\n" + results_of(run, folders["baseline"]) + "\n")
    print(f"published fold: {run.facts['selection']['reason']}\n")
    say("4/5  publishing both to a folder, as they would go to the Hub")
    push_run(folders["baseline"], folders["published_baseline"])
    push_run(folders["run"], folders["published"])
    say("5/5  loading the published model as a stranger would")
    print(_first_prediction(folders["published"]))
    print(f"\ncard: {folders['published'] / 'README.md'}\nplots: {folders['run'] / 'plots'}")
    say(f"done in {(time.monotonic() - started) / 60:.1f} minutes")
    if launch:
        from .space import launch_space

        launch_space("maude_severity", model=folders["published"], baseline=folders["published_baseline"], port=port)
    return folders


STRANGER = """
import sys

sys.modules["secondopinion"] = None
import transformers

transformers.utils.logging.disable_progress_bar()
folder, report = sys.argv[1:]
classify = transformers.pipeline("text-classification", model=folder, trust_remote_code=True, top_k=None)
print(", ".join(f"{score['label']} {score['score']:.2f}" for score in classify([report])[0]))
"""


def _first_prediction(folder: Path) -> str:
    """Classify a report in a fresh process that cannot import this package, with the folder's own code."""
    report = "the infusion pump stopped without an alarm and the patient was found dead an hour later."
    answer = subprocess.run(
        [sys.executable, "-c", STRANGER, str(folder.resolve()), report], capture_output=True, text=True
    )
    if answer.returncode:
        raise RuntimeError(f"the published model does not load by itself:\n{answer.stderr[-2000:]}")
    return f"  {report!r}\n  → {answer.stdout.strip()}"
