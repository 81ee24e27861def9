"""The recipe of a model that answers questions: its sections differ from a classifier's where the task does."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..core.errors import InputError, closest
from .qa_deferral_recipe import AnswerDeferralSpec
from .recipe import EncoderSpec, LoraSpec, Recipe, require_frozen_layers
from .selection import SelectionRule
from .training_recipe import TrainingSpec

TITLES = {
    "f1": "answer F1",
    "exact": "exact match",
    "joint_accuracy": "joint accuracy",
    "category_macro_f1": "category macro F1",
    "category_accuracy": "category accuracy",
}
NEEDS = {
    "f1": {"span"},
    "exact": {"span"},
    "joint_accuracy": {"span", "category"},
    "category_macro_f1": {"category"},
    "category_accuracy": {"category"},
}
SingleTask = Literal["span_only", "category_only", "question_only"]


@dataclass(frozen=True)
class AnswerRule(SelectionRule):
    """What decides between folds, or epochs, of a model that answers questions.

    Attributes:
        metric: `f1` and `exact` of the answer, `category_macro_f1`, `category_accuracy`, or `joint_accuracy` (span
            and category both right).
        label: always None: no figure is of one category.
        mode: `max` or `min`.

    Raises:
        InputError: the metric is unknown, or a label is given.

    >>> AnswerRule(metric="joint_accuracy").title
    'joint accuracy'
    """

    metric: str = "f1"
    label: str | None = None

    def __post_init__(self) -> None:
        if self.mode not in ("max", "min"):
            raise InputError(f"selection: mode is {self.mode!r}; give max or min")
        if self.metric not in TITLES:
            raise InputError(f"selection: unknown metric {self.metric!r}; {closest(self.metric, TITLES)}")
        if self.label is not None:
            raise InputError(
                f"selection: {self.metric!r} of questions and answers is of all rows, not of {self.label!r}; leave "
                "label out"
            )

    @property
    def figure(self) -> str:
        """The name of the figure."""
        return self.metric

    @property
    def title(self) -> str:
        """The figure in words."""
        return TITLES[self.metric]

    def require_tasks(self, tasks: Sequence[str], where: str) -> None:
        """Check that a model of these tasks has the figure.

        Raises:
            InputError: it has not.
        """
        if not NEEDS[self.metric] <= set(tasks):
            fitting = [name for name, needed in NEEDS.items() if needed <= set(tasks)]
            raise InputError(
                f"{where}: {self.metric} needs the tasks {', '.join(sorted(NEEDS[self.metric]))}, but the recipe "
                f"trains {', '.join(tasks)}; use one of {', '.join(fitting)}"
            )

    def value(self, figures: Mapping[str, Any]) -> float:
        """Return the figure that the rule looks at.

        Raises:
            InputError: the rows could not be measured by it: none of them has the labels it needs.
        """
        if self.metric not in figures:
            raise InputError(
                f"selection: {self.title} cannot be measured, for no row has the labels it needs; choose another "
                "metric, or label rows"
            )
        return super().value({self.metric: figures[self.metric]})


@dataclass(frozen=True)
class AnswerDatasetSpec:
    """Which rows to train on; the columns are those of SQuAD, with categories where there are any.

    Attributes:
        path: a folder that `secondopinion prepare` wrote, any folder or repository that `datasets` loads.
        config: its configuration, where it has several.
        split: the split whose rows go into the folds.
        revision: branch, tag or commit of a repository on the Hub.
        id_column: unique ids; row numbers where the column is missing.
        group_column: what must not straddle folds; where the column is missing, rows of one context are a group.
        sample: how many questions to draw, without replacement, before rows go into folds; all when left out.
        sample_seed: of the draw.

    Raises:
        InputError: `sample` is below 1.
    """

    path: str | None = None
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    id_column: str = "id"
    group_column: str = "group"
    sample: int | None = None
    sample_seed: int = 13

    def __post_init__(self) -> None:
        if self.sample is not None and self.sample < 1:
            raise InputError(f"dataset: sample is {self.sample}; give 1 or more questions, or leave it out for all")


@dataclass(frozen=True)
class QuestionAnsweringSpec:
    """A pretrained encoder that learns to find an answer in a text and to name its category.

    Attributes:
        encoder: as in `EncoderSpec`; so are `revision`, `encoder_sha256`, `base_model` and `base_license`.
        tasks: `span` and `category`, or one of them.
        num_shared_layers: lower layers that serve both tasks; two thirds of them when left out.
        category_from: what the category head reads: the pooled `text`, or the answer's `span`.
        category_pooling: of the text.
        category_targets: `soft` trains on the probabilities as they are, `hard` on the highest one (shared equally
            by those that tie).
        task_weighting: `fixed` by `task_weights`, or learnt by `uncertainty`.
        task_weights: of the two losses.
        classifier_dropout: on what the category head reads.
        max_length: tokens of a window.
        doc_stride: tokens that neighbouring windows share.
        max_question_length: tokens after which a question is cut.
        max_answer_length: tokens of the longest answer given.
        n_best: answers of a row kept before one is chosen.
        negative_windows: windows without an answer in training, for each one with an answer; all when left out.
        single_task: baselines trained beside the model on the same folds, windows and seeds: `span_only`,
            `category_only`, `question_only` (the category from the question alone).
        lora: adapter settings; full fine-tuning when left out.
        frozen_layers: as in `EncoderSpec`; so is `frozen_embeddings`. A layer that is there once for each task is
            frozen for both.
        gradient_checkpointing: trade time for memory.
        trust_remote_code: whether code in the encoder's repository may run.

    Raises:
        InputError: `tasks` names none or one twice, `single_task` has no model of both tasks to compare with, or
            `negative_windows` or `frozen_layers` is negative.
    """

    kind: Literal["multitask_qa"] = "multitask_qa"
    encoder: str = "emilyalsentzer/Bio_ClinicalBERT"
    revision: str | None = None
    encoder_sha256: str | None = None
    base_model: str | None = None
    base_license: str | None = None
    tasks: list[Literal["span", "category"]] = field(default_factory=lambda: ["span", "category"])
    num_shared_layers: int | None = None
    category_from: Literal["text", "span"] = "text"
    category_pooling: Literal["cls", "mean", "max", "cls_mean_concat"] = "cls_mean_concat"
    category_targets: Literal["soft", "hard"] = "soft"
    task_weighting: Literal["fixed", "uncertainty"] = "fixed"
    task_weights: dict[str, float] = field(default_factory=lambda: {"span": 1.0, "category": 1.0})
    classifier_dropout: float = 0.1
    max_length: int = 384
    doc_stride: int = 128
    max_question_length: int = 64
    max_answer_length: int = 30
    n_best: int = 20
    negative_windows: float | None = 1.0
    single_task: list[SingleTask] = field(default_factory=list)
    lora: LoraSpec | None = None
    frozen_layers: int = 0
    frozen_embeddings: bool = False
    gradient_checkpointing: bool = False
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        require_frozen_layers(self.frozen_layers)
        if not self.tasks or len(set(self.tasks)) != len(self.tasks):
            raise InputError(f"model: tasks is {list(self.tasks)}; name span, category, or each of them once")
        if self.negative_windows is not None and self.negative_windows < 0:
            raise InputError(
                f"model: negative_windows is {self.negative_windows}; give 0 or more windows without an answer for "
                "each one with an answer, or leave it null for all"
            )
        if self.single_task and len(self.tasks) == 1:
            raise InputError(
                f"model: single_task compares with a model of both tasks, but tasks is {list(self.tasks)}; leave one "
                "of them out"
            )

    @property
    def source(self) -> EncoderSpec:
        """The encoder and its tokenizer, as the functions that load them take it."""
        names = ("encoder", "revision", "encoder_sha256", "base_model", "base_license", "trust_remote_code")
        return EncoderSpec(max_length=self.max_length, **{name: getattr(self, name) for name in names})

    def alone(self, name: SingleTask) -> QuestionAnsweringSpec:
        """Return the model of a single-task baseline.

        >>> QuestionAnsweringSpec().alone("span_only").tasks
        ['span']
        """
        tasks = ["span"] if name == "span_only" else ["category"]
        return dataclasses.replace(self, tasks=tasks, single_task=[], category_from="text", task_weighting="fixed")


@dataclass(frozen=True)
class AnswerTrainingSpec(TrainingSpec):
    """How the model is fine-tuned: the usual settings for reading comprehension; fields as in `TrainingSpec`."""

    learning_rate: float = 3e-5
    epochs: int = 2
    monitor: AnswerRule = field(default_factory=AnswerRule)


@dataclass(frozen=True)
class QuestionAnsweringRecipe(Recipe):
    """A whole training of a model that answers questions; fields as in `Recipe`.

    >>> recipe = QuestionAnsweringRecipe("r")
    >>> recipe.model.tasks, recipe.selection.title
    (['span', 'category'], 'answer F1')
    """

    dataset: AnswerDatasetSpec = field(default_factory=AnswerDatasetSpec)
    model: QuestionAnsweringSpec = field(default_factory=QuestionAnsweringSpec)
    training: AnswerTrainingSpec = field(default_factory=AnswerTrainingSpec)
    selection: AnswerRule = field(default_factory=AnswerRule)
    deferral: AnswerDeferralSpec | None = None

    @property
    def stated_deferral(self) -> AnswerDeferralSpec:
        """The `deferral` section, or its defaults."""
        return self.deferral or AnswerDeferralSpec()

    def __post_init__(self) -> None:
        self.selection.require_tasks(self.model.tasks, "selection")
        self.training.monitor.require_tasks(self.model.tasks, "training.monitor")
        if self.joint is not None:
            raise InputError(
                "joint: a policy is trained along with a classifier, not with a model that answers questions; leave "
                "the section out"
            )
        if self.baseline is not None:
            raise InputError(
                "baseline: a phase-1 classifier cannot be compared with answers; name baselines as model.single_task "
                "(span_only, category_only, question_only)"
            )
