"""Configuration of a classifier over a pooled encoder."""

from .supported_versions import OLDEST  # noqa: F401  (first, for an older transformers lacks what follows)

# isort: split

from typing import Any, Literal, get_args

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig

Pooling = Literal["cls", "mean", "max", "cls_mean_concat"]
POOLINGS = get_args(Pooling)


@strict
class PooledEncoderConfig(PreTrainedConfig):
    r"""
    encoder_config (`dict` or `PreTrainedConfig`, *optional*, defaults to a BERT configuration):
        Configuration of the encoder. The model is rebuilt from it alone: no other repository is needed at load.
    pooling (`str`, *optional*, defaults to `"cls_mean_concat"`):
        How token states become one vector: `"cls"` (first token), `"mean"` and `"max"` over tokens that are not
        padding, or `"cls_mean_concat"` (the first two side by side: 1,536 wide on an encoder of 768).
    classifier_dropout (`float`, *optional*, defaults to 0.1):
        Dropout on the pooled vector, before the linear head.
    class_weights (`list[float]`, *optional*):
        A weight for each class in the cross-entropy loss, in the order of `id2label` (for multi-label problems, of
        each label's positive cases). Kept with the model, so that continued training weighs the same.
    temperature (`float`, *optional*, defaults to 1.0):
        The logits are divided by it (Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2).
        1.0 while training; calibration on out-of-fold predictions sets it, so that `softmax(logits)` is calibrated.
        A regression has none.
    label_groups (`list[int]`, *optional*):
        Several questions with classes of their own: how many of the logits, side by side, belong to each. Exactly one
        class of each group holds, a softmax runs within it, and `problem_type` is `multi_label_classification`.
    target_mean (`list[float]`, *optional*):
        Mean of each target of a regression in the training rows. The head learns standardised targets; the logits are
        in the targets' own units, head · `target_std` + `target_mean`.
    target_std (`list[float]`, *optional*):
        Standard deviation of each target, above 0; the loss is of errors divided by it.

    Example:

    >>> from secondopinion.modeling import PooledEncoderConfig
    >>> from transformers import BertConfig

    >>> config = PooledEncoderConfig(encoder_config=BertConfig(hidden_size=768), pooling="cls_mean_concat")
    >>> config.pooled_size
    1536
    """

    model_type = "pooled_encoder"
    sub_configs = {"encoder_config": AutoConfig}  # noqa: RUF012

    encoder_config: dict | PreTrainedConfig | None = None
    pooling: Pooling = "cls_mean_concat"
    classifier_dropout: float | int = 0.1
    class_weights: list[float] | None = None
    temperature: float | int = 1.0
    label_groups: list[int] | None = None
    target_mean: list[float] | None = None
    target_std: list[float] | None = None
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
        super().__post_init__(**kwargs)
        if self.temperature <= 0:
            raise ValueError(
                f"temperature is {self.temperature}; it must be above 0 (1.0 leaves the logits as they are)"
            )
        if self.class_weights is not None and len(self.class_weights) != self.num_labels:
            raise ValueError(
                f"class_weights has {len(self.class_weights)} entries for {self.num_labels} classes; "
                "give one weight a class, in the order of id2label"
            )
        if self.class_weights is not None and min(self.class_weights) < 0:
            raise ValueError(f"class_weights holds {min(self.class_weights)}; weights must not be negative")
        if self.label_groups is not None:
            self._check_groups()
        if self.target_mean is not None or self.target_std is not None:
            self._check_targets()
        if self.problem_type == "regression" and self.temperature != 1.0:
            raise ValueError(f"temperature is {self.temperature}; a regression has none, leave it at 1.0")

    def _check_groups(self) -> None:
        if self.problem_type not in (None, "multi_label_classification"):
            raise ValueError(
                f"label_groups belong to problem_type 'multi_label_classification', this is {self.problem_type!r}"
            )
        self.problem_type = "multi_label_classification"
        if not self.label_groups or min(self.label_groups) < 2 or sum(self.label_groups) != self.num_labels:
            raise ValueError(
                f"label_groups are {self.label_groups} for {self.num_labels} labels; give the number of classes of "
                "each group, at least 2, which add up to the labels of id2label"
            )

    def _check_targets(self) -> None:
        if self.problem_type != "regression":
            raise ValueError(
                f"target_mean and target_std belong to problem_type 'regression', not {self.problem_type!r}"
            )
        for name, values in (("target_mean", self.target_mean), ("target_std", self.target_std)):
            if values is None or len(values) != self.num_labels:
                found = "missing" if values is None else f"{len(values)} numbers"
                raise ValueError(f"{name}: {found} for {self.num_labels} targets; give one a target, with both fields")
        if min(self.target_std) <= 0:
            raise ValueError(f"target_std holds {min(self.target_std)}; it must be above 0 (1.0 for a constant target)")

    @property
    def hidden_size(self) -> int:
        """Width of the encoder's token states."""
        return self.encoder_config.hidden_size

    @property
    def pooled_size(self) -> int:
        """Width of the pooled vector that the head reads."""
        return self.hidden_size * (2 if self.pooling == "cls_mean_concat" else 1)


__all__ = ["POOLINGS", "PooledEncoderConfig"]
