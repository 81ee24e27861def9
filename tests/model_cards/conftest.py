"""Small finished runs of models that answer questions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def qa_templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Runs of a question-answering model, each built once in a session and then copied."""
    from qa_run import build_qa_run, save_qa_model

    root, models, runs = tmp_path_factory.mktemp("qa_templates"), {}, {}

    def template(settings: dict[str, object], **options: object) -> Path:
        model, key = str(sorted(settings.items())), str((sorted(settings.items()), sorted(options.items())))
        if model not in models:
            models[model] = save_qa_model(root / "models" / str(len(models)), **settings)
        if key not in runs:
            runs[key] = build_qa_run(root / "runs" / str(len(runs)), models[model], **options)
        return runs[key]

    return template


@pytest.fixture
def make_qa_run(tmp_path: Path, qa_templates: Callable[..., Path]) -> Callable:
    """`make_qa_run(name=..., change=..., model={...}, **options)` writes a small finished run, returns its `RunFolder`.

    `model` holds fields of the model's configuration; options are those of `qa_run.build_qa_run`; `change` alters the
    facts before they are written.
    """
    from run_builder import copy_run

    def make(
        name: str = "questions",
        change: Callable | None = None,
        model: dict[str, object] | None = None,
        **options: object,
    ) -> object:
        return copy_run(qa_templates(model or {}, **options), tmp_path / "runs" / name, change)

    return make
