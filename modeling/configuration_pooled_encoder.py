"""Configuration of a classifier over a pooled encoder."""

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

    @property
    def hidden_size(self) -> int:
        """Width of the encoder's token states."""
        return self.encoder_config.hidden_size

    @property
    def pooled_size(self) -> int:
        """Width of the pooled vector that the head reads."""
        return self.hidden_size * (2 if self.pooling == "cls_mean_concat" else 1)


__all__ = ["POOLINGS", "PooledEncoderConfig"]
