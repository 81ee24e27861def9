"""A published question-answering model in a folder: tiny and random, with the card and facts of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qa_run import build_qa_run, save_qa_model


def qa_folder(path: Path, **settings: Any) -> Path:
    """Publish a run into `path` and return it.

    Args:
        path: to make.
        **settings: fields of the model's configuration.
    """
    from secondopinion.core.run_folder import RunFolder
    from secondopinion.model_cards import publish

    model = save_qa_model(path.with_name(f"{path.name}-model"), **settings)
    run = build_qa_run(path.with_name(f"{path.name}-run"), model, synthetic=True, trained=[1], resamples=20)
    publish(RunFolder.open(run), path)
    return path
