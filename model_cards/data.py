"""What a card says, as plain data: facts of the run, what the caller gives, and what follows from both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from secondopinion.core.files import read_json
from secondopinion.core.run_folder import RunFolder

from . import problem_words, question_answering
from .deferral import TAGS, has_deferral, published_folder, system_metrics
from .hub_terms import is_repo_id
from .licences import known_licence, licence_flags, require_licence
from .limits import derive_limits
from .required import LIBRARIES, require_figures, require_same_labels
from .tables import describe_rule, figure_name, slug

DEVICE_REPORT_LABELS = frozenset({"Death", "Injury", "Malfunction", "Other"})
DEVICE_REPORT_EXAMPLES = (
    (
        "Alarm with no harm",
        "The pump alarmed during priming and was exchanged before use. No patient was connected.",
    ),
    (
        "Harm",
        "The catheter tip broke off on withdrawal; a second procedure was needed to retrieve the fragment.",
    ),
    (
        "Fatal outcome",
        "The ventilator stopped without an alarm. The patient could not be resuscitated and died.",
    ),
)


@dataclass(frozen=True)
class CardData:
    """Everything that the template reads.

    Attributes:
        repo_id: the repository on the Hub, or None for a folder.
        location: what `from_pretrained` is given: the repository, or the folder's name.
        revision: the tag that the loading lines pin, or None for a folder.
        license: as the Hub spells it.
        license_name: where `license` is `other`.
        language: ISO 639 code of the texts.
        dataset_id: the data set on the Hub, or None.
        examples: authored (title, text) pairs for the widget, (title, question, context) triples where the model
            answers questions; never rows of the data.
        facts: what run.json holds.
        config: what the config.json of the published model holds.
        limits: sentences derived from the facts.
        benchmark_task: the task that was measured, where the data set is a benchmark of the Hub; see `eval_results`.
    """

    repo_id: str | None
    location: str
    revision: str | None
    license: str
    license_name: str | None
    language: str
    dataset_id: str | None
    examples: tuple[tuple[str, ...], ...]
    facts: dict[str, Any]
    config: dict[str, Any]
    limits: tuple[str, ...]
    benchmark_task: str | None = None

    @property
    def title(self) -> str:
        """The run's name."""
        return self.facts["name"]

    @property
    def kind(self) -> str:
        """`pooled_encoder`, `tfidf` or `multitask_qa`."""
        return self.facts["model"]["kind"]

    @property
    def answers(self) -> bool:
        """Whether the model answers questions."""
        return question_answering.answers_questions(self.facts)

    @property
    def task(self) -> str:
        """The model's task, as the Hub calls it."""
        return "question-answering" if self.answers else "text-classification"

    @property
    def pipeline(self) -> str | None:
        """The name of the pipeline that comes with the model, where there is one of its own."""
        return next(iter(self.config.get("custom_pipelines") or {}), None)

    @property
    def rule(self) -> str:
        """The rule that selected the checkpoint, in words."""
        rule = self.facts["selection"]["rule"]
        return question_answering.rule_title(rule) if self.answers else describe_rule(rule)

    @property
    def labels(self) -> list[str]:
        """The classes, in the model's order."""
        return self.facts["task"]["label_names"]

    @property
    def numbers(self) -> bool:
        """Whether the model's outputs are numbers."""
        return problem_words.gives_numbers(self.facts)

    @property
    def defers(self) -> bool:
        """Whether what is published is a deferring system."""
        return has_deferral(self.facts)

    @property
    def expert_names(self) -> list[str]:
        """Who can be asked, in the model's order."""
        return list(self.config.get("expert_names") or [])

    @property
    def remote_code(self) -> bool:
        """Whether the repository brings code of its own."""
        return bool(self.config.get("auto_map"))

    @property
    def base_model(self) -> str | None:
        """The encoder's name on the Hub, where it is one."""
        name = self.facts["model"].get("base_model")
        return name if is_repo_id(name) else None

    @property
    def licence_flags(self) -> list[str]:
        """What someone who takes the model must know of the licences behind it."""
        return licence_flags(self.license, self.facts)

    def headline_metric(self) -> dict[str, Any]:
        """Return the entry of the model index that stands for the model, without an expert's help."""
        metrics = self._metrics()
        if self.answers:
            return metrics[0]
        title = figure_name(problem_words.headline_figures(self.facts)[0])
        own = [metric for metric in metrics if "deferring system" not in metric["name"]]
        return next(metric for metric in own if metric["name"].startswith(title))

    def metadata(self) -> dict[str, Any]:
        """Return the front matter as plain data, keys in the order they are written."""
        adapter = self.facts["model"].get("adapter")
        metadata = {
            "license": self.license,
            "license_name": self.license_name,
            "language": [self.language],
            "library_name": LIBRARIES[self.kind],
            "model_format": "skops" if self.kind == "tfidf" else None,
            "model_file": "model.skops" if self.kind == "tfidf" else None,
            "pipeline_tag": self.task,
            "base_model": self.base_model,
            "base_model_relation": "finetune" if self.base_model else None,
            "datasets": [self.dataset_id] if self.dataset_id else None,
            "metrics": sorted({metric["type"] for metric in self._metrics()}),
            "tags": sorted(
                {
                    "clinical-text",
                    "secondopinion",
                    slug(self.config.get("model_type", "") if "origin" in self.facts else self.kind),
                    slug(self.facts["dataset"]["name"]),
                    *(TAGS if self.defers else []),
                    *(question_answering.TAGS if self.answers else []),
                    *problem_words.TAGS.get(problem_words.kind_of(self.facts), ()),
                    *(["skops"] if self.kind == "tfidf" else []),
                    *(["lora"] if adapter else []),
                    *(["synthetic-data"] if self.facts["dataset"].get("synthetic") else []),
                }
                - {""}
            ),
            "model-index": [{"name": self.title, "results": [self._result()]}],
            "widget": question_answering.widget(self.examples)
            if self.answers
            else [{"example_title": title, "text": text} for title, text in self.examples],
        }
        return {key: value for key, value in metadata.items() if value not in (None, [])}

    def _result(self) -> dict[str, Any]:
        dataset = self.facts["dataset"]
        described = {
            "name": dataset["name"],
            "type": self.dataset_id or slug(dataset["name"]),
            "config": dataset.get("config"),
            "split": "out-of-fold",
            "args": {"fingerprint": dataset["fingerprint"], "folds_sha1": self.facts["folds"]["sha1"]},
        }
        return {
            "task": {"type": self.task, "name": self.task.replace("-", " ").capitalize()},
            "dataset": {key: value for key, value in described.items() if value is not None},
            "metrics": self._metrics(),
        }

    def _metrics(self) -> list[dict[str, Any]]:
        mean = self.facts["summary"]["mean"]
        trained = len(self.facts["folds"]["trained"])
        over = f"out-of-fold, mean over {trained} folds" if trained > 1 else "out-of-fold, one fold"
        if self.answers:
            return question_answering.model_metrics(self.facts, over)
        wanted = ["accuracy", "macro_f1", "weighted_f1", *(f"f1_{label}" for label in self.labels)]
        wanted += [*problem_words.FURTHER_FIGURES, *problem_words.NUMBER_FIGURES]
        if self.facts.get("missed"):
            wanted.append(f"recall_{self.facts['missed']['label']}")
        whose = ", classifier alone" if self.defers else ""
        entries = [
            {"type": _metric_type(key), "name": f"{figure_name(key)}{whose} ({over})", "value": float(mean[key])}
            for key in wanted
            if key in mean
        ]
        if self.defers:
            positive = self.facts["deferral"].get("positive_label")
            f1 = figure_name(f"f1_{positive}" if positive else "macro_f1")
            entries = [*system_metrics(self.facts, f1), *entries]
        return entries


def _metric_type(key: str) -> str:
    named = {"auc": "roc_auc", "r2": "r_squared", "pearson": "pearsonr"}
    if key in (*problem_words.FURTHER_FIGURES, *problem_words.NUMBER_FIGURES):
        return named.get(key, key)
    kind = key.split("_")[0]
    return kind if kind in ("accuracy", "precision", "recall", "f1") else "f1"


def card_data(
    run: RunFolder,
    repo_id: str | None = None,
    revision: str | None = None,
    *,
    folder_name: str | None = None,
    license: str | None = None,
    language: str = "en",
    dataset_id: str | None = None,
    examples: Sequence[tuple[str, ...]] | None = None,
    benchmark_task: str | None = None,
) -> CardData:
    """Gather what a card says.

    Args:
        run: a finished run.
        repo_id: `namespace/name` on the Hub; None for a folder.
        revision: what the loading lines pin.
        folder_name: name of the folder that is written, without `repo_id`.
        license: of the model; by default the recipe's `license`, else the base model's, else `unknown`.
        language: ISO 639 code of the texts.
        dataset_id: the data set on the Hub; by default the run's data set where it is named `namespace/name`.
        examples: authored (title, text) pairs for the widget, or (title, question, context) triples where the model
            answers questions. By default three for such a model and for device-report severity, none for other
            classes.
        benchmark_task: the task of the data set's `eval.yaml` that was measured, where it is a benchmark of the Hub.

    Raises:
        InputError: the run lacks its selection or figures, they do not fit together, or the encoder's licence forbids
            the model's.
    """
    facts = run.facts
    require_figures(facts, run)
    folder = published_folder(run, facts)
    config = read_json(folder / "config.json")
    require_same_labels(config, facts, folder)
    dataset_name = facts["dataset"]["name"]
    if question_answering.answers_questions(facts):
        question_answering.require_same_model(folder, facts)
    if examples is None and question_answering.answers_questions(facts):
        examples = question_answering.EXAMPLES
    elif examples is None:
        same = set(facts["task"]["label_names"]) == DEVICE_REPORT_LABELS
        examples = DEVICE_REPORT_EXAMPLES if same else ()
    stated = license or facts["recipe"].get("license") or facts["model"].get("base_license") or "unknown"
    licence, licence_name = known_licence(stated)
    require_licence(licence, facts)
    return CardData(
        repo_id=repo_id,
        location=repo_id or f"./{folder_name or run.name}",
        revision=revision,
        license=licence,
        license_name=licence_name,
        language=language,
        dataset_id=dataset_id or (dataset_name if is_repo_id(dataset_name) else None),
        examples=tuple(tuple(map(str, example)) for example in examples),
        facts=facts,
        config=config,
        limits=tuple(derive_limits(facts)),
        benchmark_task=benchmark_task,
    )
