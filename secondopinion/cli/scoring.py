"""What `score` puts together: a model of any kind, an expert, and an engine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, closest
from ..core.files import read_json
from ..core.run_folder import RunFolder

if TYPE_CHECKING:
    from ..scoring.backends.tuning import Batching
    from ..scoring.corpus.output_folder import OutputFolder
    from ..scoring.corpus.shards import Plan
    from ..scoring.job import Columns, Scored
    from ..scoring.opening import OpenModel
    from .live_expert import LiveExpert

ENGINES = ("local", "ray")
_IN_ORDER = (
    "a budget and an expert follow the rows in their order, which the workers of {} do not keep; leave --budget and "
    "--expert-model out, and ask about the deferred rows afterwards"
)


def open_any(model: str, **options: Any) -> OpenModel:
    """Open a model of any kind for scoring: an encoder, a deferring system, or TF-IDF with a linear model.

    Args:
        model: a run, a folder, or a name on the Hub.
        **options: of `open_model`.

    Raises:
        InputError: nothing is there, or it does not score texts.
    """
    from ..scoring.opening import open_model

    folder = _words_folder(Path(model).expanduser())
    return open_model(model, **options) if folder is None else _open_words(folder)


def _words_folder(path: Path) -> Path | None:
    """Return the folder of a TF-IDF model, None where it is of another kind."""
    if (path / "run.json").exists() and not (path / "config.json").exists():
        run = RunFolder.open(path)
        return run.fold_folder(run.selected_fold) if run.facts["model"]["kind"] == "tfidf" else None
    return path if (path / "model.skops").exists() else None


def _open_words(folder: Path) -> OpenModel:
    from transformers import PreTrainedConfig

    from ..core.fingerprint import file_sha256
    from ..scoring.opening import OpenModel, PlainScorer
    from ..training.baseline import TfidfClassifier

    model = TfidfClassifier.load(folder)
    if "task" in read_json(folder / "config.json"):
        raise InputError(
            f"{folder} predicts something other than one class a text, which score does with an encoder only; train "
            "one, or evaluate this model on its own data: secondopinion evaluate"
        )
    config = PreTrainedConfig(id2label=dict(enumerate(model.label_names)), problem_type="single_label_classification")
    facts = {
        "model": folder.name,
        "weights": file_sha256(folder / "model.skops")[:16],
        "backend": {"name": "scikit-learn"},
        "deferring": False,
    }
    scorer = PlainScorer(lambda texts: model.logits(texts) / model.temperature)
    return OpenModel(scorer, config, False, facts)


def narratives_of(model: str) -> dict[str, Any] | None:
    """Return how the reports that a model was trained on were cleaned, so that others are cleaned alike."""
    facts = Path(model).expanduser() / "run.json"
    if not facts.is_file():
        return None
    return (read_json(facts)["dataset"].get("facts") or {}).get("options")


def batching_of(token_budget: int | None, streams: int | None) -> Batching | None:
    """Return what was asked for, None where it is to be measured.

    Raises:
        InputError: a number is below 1.
    """
    from ..scoring.backends.tuning import Batching

    for name, value in (("--token-budget", token_budget), ("--streams", streams)):
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}; give at least 1, or leave it out")
    return None if token_budget is None and streams is None else Batching(token_budget or 2048, streams or 1)


def backend_of(folder: OutputFolder, backend: str, precision: str, force: bool) -> dict[str, str]:
    """Return backend and precision as settings of `open_model`: those of the work that is gone on with.

    What `auto` takes may have changed since, by a measurement or another machine; rows of one output are computed
    alike.
    """
    from ..scoring.opening import backend_settings

    before = None if force or (backend, precision) != ("auto", "auto") else folder.begun_with()
    return {"backend": backend, "precision": precision, **backend_settings((before or {}).get("model") or {})}


def run_job(
    opener: Callable[[], OpenModel],
    plan: Plan,
    output: Path,
    columns: Columns,
    *,
    budget: float | None = None,
    expert: LiveExpert | None = None,
    engine: str = "local",
    workers: int | None = None,
    force: bool = False,
) -> Scored:
    """Score a corpus with an engine, asking an expert where one is named.

    Raises:
        InputError: the engine is unknown, or cannot do what is asked.
    """
    from ..scoring.job import score_corpus

    if engine not in ENGINES:
        raise InputError(f"unknown engine {engine!r}; {closest(engine, ENGINES)}")
    if engine == "ray":
        if budget is not None or expert is not None:
            raise InputError(_IN_ORDER.format("a cluster"))
        from ..scoring.ray_cluster import score_on_ray

        return score_on_ray(opener, plan, output, columns, workers=workers, force=force)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        if budget is not None or expert is not None:
            raise InputError(_IN_ORDER.format("several processes"))
        from ..scoring.several_processes import score_with_processes

        return score_with_processes(opener, plan, output, columns, force=force)
    model = opener()
    asker = _asker(model, output, budget, expert)
    asked = None if asker is None else {"budget": budget, "expert": expert and expert.model}
    try:
        return score_corpus(model, plan, output, columns=columns, asker=asker, asked=asked, force=force)
    finally:
        model.scorer.close()


def _asker(model: OpenModel, output: Path, budget: float | None, expert: LiveExpert | None) -> Any:
    from ..modeling import StreamingBudget
    from ..scoring.asker import Asker

    if budget is None and expert is None:
        return None
    if not 0 <= (budget or 0) <= 1:
        raise InputError(f"--budget is {budget}; expected a share from 0 to 1, such as 0.07")
    experts = None
    classes = [model.config.id2label[number] for number in range(model.config.num_labels)]
    if expert is not None:
        told = ((model.run_facts or {}).get("task") or {}).get("label_names")
        if told is not None and list(told) != classes:
            raise InputError(
                f"the model's classes are {', '.join(classes)}, its run.json names {', '.join(told)}: an expert would "
                "be asked for other labels than the policy was made for. Give the model as defer wrote it"
            )
        names = list(model.config.expert_names)
        if len(names) > 1:
            raise InputError(
                f"the model defers to {len(names)} experts ({', '.join(names)}), and --expert-model names one; score "
                "without it, and ask each about its own rows (column expert)"
            )
        store = output.absolute().with_name(f"{output.name}.votes.sqlite")
        experts = {names[0]: expert.collector(model.run_facts or {}, store)}
    rate = None if budget is None else StreamingBudget(budget)
    return Asker(experts, rate, classes)
