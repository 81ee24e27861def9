"""Configuration of a model that answers a question with a span of the context and the answer's category."""

from .supported_versions import OLDEST  # noqa: F401  (first, for an older transformers lacks what follows)

# isort: split

import math
from typing import Any, Literal, get_args

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig

from .configuration_pooled_encoder import Pooling
from .qa_deferral_settings import deferral_settings

CATEGORIES = ("Diagnosis", "Medication", "Symptoms", "Procedure", "Lab Reports")
Task = Literal["span", "category"]
TASKS = get_args(Task)


@strict
class MultiTaskQAConfig(PreTrainedConfig):
    r"""
    encoder_config (`dict` or `PreTrainedConfig`, *optional*, defaults to a BERT configuration):
        Configuration of the encoder. The model is rebuilt from it alone: no other repository is needed at load.
    num_shared_layers (`int`, *optional*):
        How many of the lower layers serve both tasks; the layers above exist once a task. Two thirds of the layers,
        rounded down, by default (4 of 6, 8 of 12); all of them = hard sharing, only the heads differ. With one task
        there is nothing to branch: it is then the number of layers.
    tasks (`list[str]`, *optional*, defaults to `["span", "category"]`):
        What is learnt. One of them alone is a single-task baseline: no branching, no other head.
    reads_context (`bool`, *optional*, defaults to `True`):
        Whether the context is read. `False` reads the question alone: a baseline, for `["category"]` only.
    category_from (`str`, *optional*, defaults to `"text"`):
        What the category head reads: `"text"`, the pooled question and context; or `"span"`, the mean over the tokens
        of the answer (the gold answer while training, otherwise the predicted one), and the pooled text where there
        is no answer.
    category_pooling (`str`, *optional*, defaults to `"cls_mean_concat"`):
        How the text becomes one vector: `"cls"`, `"mean"`, `"max"` or `"cls_mean_concat"`. Of a span the mean is
        taken; `"cls_mean_concat"` puts the first token beside it.
    task_weighting (`str`, *optional*, defaults to `"fixed"`):
        `"fixed"`: the sum of the losses times `task_weights`. `"uncertainty"`: learnt weights (see
        `UncertaintyWeighting`).
    task_weights (`dict[str, float]`, *optional*, defaults to 1.0 each):
        The fixed weights.
    classifier_dropout (`float`, *optional*, defaults to 0.1):
        Dropout on what the category head reads.
    max_length (`int`, *optional*, defaults to 384):
        Tokens of a window: question, special tokens and a piece of the context.
    doc_stride (`int`, *optional*, defaults to 128):
        Tokens that neighbouring windows of a context share.
    max_question_length (`int`, *optional*, defaults to 64):
        Tokens after which a question is cut.
    max_answer_length (`int`, *optional*, defaults to 30):
        Tokens of the longest answer that is given.
    n_best (`int`, *optional*, defaults to 20):
        Answers of a row that are kept before one is chosen.
    no_answer_threshold (`float`, *optional*):
        There is no answer when the null answer scores higher than the best span by more than this; `None` means 0.
    no_answer_record (`dict`, *optional*):
        How the threshold was chosen, and on how many rows.
    category_temperature (`float`, *optional*, defaults to 1.0):
        The category logits are divided by it (Guo et al. 2017, "On Calibration of Modern Neural Networks").
    deferral (`dict`, *optional*):
        A policy that says of which questions a second opinion is worth asking, and its threshold; see
        `deferral_settings` for what it holds. `None`: the model has none.

    Example:

    >>> from secondopinion.modeling import MultiTaskQAConfig
    >>> from transformers import BertConfig

    >>> config = MultiTaskQAConfig(encoder_config=BertConfig(num_hidden_layers=6))
    >>> config.num_shared_layers, config.num_labels, config.id2label[4]
    (4, 5, 'Lab Reports')
    >>> MultiTaskQAConfig(tasks=["category"], reads_context=False).is_branched
    False
    """

    model_type = "multitask_qa"
    sub_configs = {"encoder_config": AutoConfig}  # noqa: RUF012
    keys_to_ignore_at_inference = ["span_loss", "category_loss", "hidden_states", "attentions"]  # noqa: RUF012

    encoder_config: dict | PreTrainedConfig | None = None
    num_shared_layers: int | None = None
    tasks: list[str] | None = None
    reads_context: bool = True
    category_from: Literal["text", "span"] = "text"
    category_pooling: Pooling = "cls_mean_concat"
    task_weighting: Literal["fixed", "uncertainty"] = "fixed"
    task_weights: dict[str, float | int] | None = None
    classifier_dropout: float | int = 0.1
    max_length: int = 384
    doc_stride: int = 128
    max_question_length: int = 64
    max_answer_length: int = 30
    n_best: int = 20
    no_answer_threshold: float | int | None = None
    no_answer_record: dict | None = None
    category_temperature: float | int = 1.0
    deferral: dict | None = None
    pad_token_id: int | None = None
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        if self.encoder_config is None:
            self.encoder_config = AutoConfig.for_model("bert")
        elif isinstance(self.encoder_config, dict):
            settings = dict(self.encoder_config)
            self.encoder_config = AutoConfig.for_model(settings.pop("model_type", "bert"), **settings)
        if self.pad_token_id is None:
            self.pad_token_id = getattr(self.encoder_config, "pad_token_id", None)
        if self.id2label is None and "num_labels" not in kwargs:
            self.id2label = dict(enumerate(CATEGORIES))
            self.label2id = {name: number for number, name in enumerate(CATEGORIES)}
        super().__post_init__(**kwargs)
        self._check_tasks()
        self._check_layers()
        self._check_numbers()
        if self.deferral is not None:
            self.deferral = deferral_settings(self.deferral, self.tasks)

    def _check_tasks(self) -> None:
        tasks = list(TASKS) if self.tasks is None else self.tasks
        unknown = sorted(set(tasks) - set(TASKS))
        if unknown or not tasks or len(set(tasks)) != len(tasks):
            raise ValueError(f"tasks is {tasks}; name one or both of {', '.join(TASKS)}, each of them once")
        self.tasks = [task for task in TASKS if task in tasks]
        if not self.reads_context and "span" in self.tasks:
            raise ValueError(
                f"reads_context is False with tasks {self.tasks}: a span is found in the context. "
                'Set tasks=["category"] for the question-only baseline, or leave reads_context True'
            )
        if self.category_from == "span" and self.tasks == ["category"]:
            raise ValueError(
                'category_from is "span", but no span is predicted with tasks ["category"]; set category_from="text"'
            )
        names = [self.id2label[number] for number in sorted(self.id2label)]
        if names != list(CATEGORIES):
            raise ValueError(
                f"id2label has {len(names)} labels ({', '.join(map(str, names))}); the categories are always "
                f"{', '.join(CATEGORIES)}, in this order. Leave id2label and num_labels out"
            )
        weights = {} if self.task_weights is None else self.task_weights
        if set(weights) - set(TASKS):
            raise ValueError(f"task_weights names {sorted(set(weights) - set(TASKS))}; known tasks: {', '.join(TASKS)}")
        self.task_weights = {task: weights.get(task, 1.0) for task in TASKS}
        for task, weight in self.task_weights.items():
            if not 0 <= weight < math.inf:
                raise ValueError(f"task_weights[{task!r}] is {weight}; weights must be finite and not negative")
        if not any(self.task_weights[task] for task in self.tasks):
            raise ValueError(f"task_weights are 0 for {' and '.join(self.tasks)}: nothing would be learnt")
        if len(self.tasks) == 1:
            self.task_weighting = "fixed"

    def _check_layers(self) -> None:
        layers = getattr(self.encoder_config, "num_hidden_layers", None)
        if layers is None:
            raise ValueError(f"{type(self.encoder_config).__name__} does not say its num_hidden_layers")
        if self.num_shared_layers is None:
            self.num_shared_layers = 2 * layers // 3
        if not 0 <= self.num_shared_layers <= layers:
            raise ValueError(
                f"num_shared_layers is {self.num_shared_layers}; the encoder has {layers} layers, so give 0 "
                f"(all of them branch) to {layers} (none does)"
            )
        if len(self.tasks) == 1:
            self.num_shared_layers = layers

    def _check_numbers(self) -> None:
        for name in ("max_length", "max_question_length", "max_answer_length", "n_best"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0 <= self.doc_stride < self.max_length:
            raise ValueError(
                f"doc_stride is {self.doc_stride} with max_length {self.max_length}; it is what neighbouring windows "
                "share, so give 0 or more, and less than the window"
            )
        if self.category_temperature <= 0 or not math.isfinite(self.category_temperature):
            raise ValueError(
                f"category_temperature is {self.category_temperature}; it must be above 0 "
                "(1.0 leaves the logits as they are)"
            )
        if self.no_answer_threshold is not None and math.isnan(self.no_answer_threshold):
            raise ValueError("no_answer_threshold is NaN; give a number, or None for 0")

    @property
    def hidden_size(self) -> int:
        """Width of the encoder's token states."""
        return self.encoder_config.hidden_size

    @property
    def pooled_size(self) -> int:
        """Width of the vector that the category head reads."""
        return self.hidden_size * (2 if self.category_pooling == "cls_mean_concat" else 1)

    @property
    def num_hidden_layers(self) -> int:
        """Layers of the encoder, on the way from a token to one task's head."""
        return self.encoder_config.num_hidden_layers

    @property
    def is_branched(self) -> bool:
        """Whether the upper layers exist once a task."""
        return self.num_shared_layers < self.num_hidden_layers


__all__ = ["CATEGORIES", "TASKS", "MultiTaskQAConfig"]
