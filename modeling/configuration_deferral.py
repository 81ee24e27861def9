"""Configuration of a classifier that knows when to ask an expert."""

from .supported_versions import OLDEST  # noqa: F401  (first, for an older transformers lacks what follows)

# isort: split

from typing import Any, Literal, get_args

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig

from .configuration_pooled_encoder import PooledEncoderConfig
from .own_code import CONFIG, own_classes, unread_config

Policy = Literal["selective", "compare_confidence", "logistic", "network", "two_stage", "ce", "rs", "ova", "asm"]
POLICIES = get_args(Policy)
JOINT_POLICIES = ("ce", "rs", "ova", "asm")


@strict
class DeferralConfig(PreTrainedConfig):
    r"""
    classifier_config (`dict` or `PreTrainedConfig`, *optional*, defaults to a BERT classifier's):
        Configuration of the classifier: a `PooledEncoderConfig`, or that of any stock sequence classifier, or of one
        with code of its own, which is named by `auto_map` in it and lies beside the model.
    policy (`str`, *optional*, defaults to `"compare_confidence"`):
        What turns the classifier's uncertainty and the text's traits into a score; higher = rather ask. See
        `DeferralPolicy` for each policy's definition and source.
    expert_names (`list[str]`, *optional*, defaults to `["expert"]`):
        Who can be asked, in the order of the scores.
    signals (`list[str]`, *optional*):
        Uncertainty signals that the policy reads, names of `deferral_signals.SIGNALS`.
    traits (`list[str]`, *optional*):
        Traits of the text that the policy reads, names of `text_traits.TRAITS`.
    token_weights (`bool`, *optional*, defaults to `False`):
        Whether the policy also reads a weight for each token of the vocabulary: what the text is about.
    embedding (`bool`, *optional*, defaults to `False`):
        Whether the policy also reads the pooled embedding (first token and mean over tokens of the last layer).
    network_size (`int`, *optional*, defaults to 0):
        Width of a hidden layer in the policy; 0 makes it linear.
    mc_dropout_samples (`int`, *optional*, defaults to 0):
        Further forward passes with dropout on, whose disagreement the policy reads (Gal and Ghahramani 2016).
    num_members (`int`, *optional*, defaults to 1):
        Classifiers that vote; the disagreement of the others with the first is read by the policy.
    call_costs (`list[float]`, *optional*):
        What asking each expert costs, in the unit of the scaled losses (1.0 = the costliest mistake).
    loss_matrix (`list[list[float]]`, *optional*):
        What saying class j costs where class i is true, zero on the diagonal; every mistake 1.0 by default.
    alpha (`float`, *optional*, defaults to 1.0):
        Weight of the joint surrogate losses (see `deferral_losses`).
    temperature (`float`, *optional*, defaults to 1.0):
        The logits that are returned are the classifier's divided by it (a `PooledEncoderConfig` may hold a temperature
        of its own). A joint policy compares with the classifier's, beside which it was trained.
    threshold (`float`, *optional*):
        A text is deferred when its score is greater. `None` defers nothing.
    threshold_record (`dict`, *optional*):
        How the threshold was chosen, on how many rows, with which backend and dtype.
    certificate (`dict`, *optional*):
        What is certified about the risk of the system.
    max_length (`int`, *optional*):
        Tokens at which a text counts as truncated.

    Example:

    >>> from secondopinion.modeling import DeferralConfig, PooledEncoderConfig
    >>> config = DeferralConfig(classifier_config=PooledEncoderConfig(num_labels=4), policy="selective")
    >>> config.num_labels, config.expert_names
    (4, ['expert'])
    """

    model_type = "deferral"
    sub_configs = {"classifier_config": AutoConfig}  # noqa: RUF012

    classifier_config: dict | PreTrainedConfig | None = None
    policy: Policy = "compare_confidence"
    expert_names: list[str] | None = None
    signals: list[str] | None = None
    traits: list[str] | None = None
    token_weights: bool = False
    embedding: bool = False
    network_size: int = 0
    mc_dropout_samples: int = 0
    num_members: int = 1
    call_costs: list[float | int] | None = None
    loss_matrix: list[list[float | int]] | None = None
    alpha: float | int = 1.0
    temperature: float | int = 1.0
    threshold: float | int | None = None
    threshold_record: dict | None = None
    certificate: dict | None = None
    max_length: int | None = None
    pad_token_id: int | None = None
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        if self.classifier_config is None:
            self.classifier_config = AutoConfig.for_model("bert")
        elif isinstance(self.classifier_config, dict):
            settings = dict(self.classifier_config)
            kind = settings.pop("model_type", "bert")
            if kind == PooledEncoderConfig.model_type:
                self.classifier_config = PooledEncoderConfig(**settings)
            elif CONFIG in own_classes(settings):
                self.classifier_config = unread_config(kind, settings)
            else:
                self.classifier_config = AutoConfig.for_model(kind, **settings)
        if self.expert_names is None:
            self.expert_names = ["expert"]
        if self.pad_token_id is None:
            self.pad_token_id = getattr(self.classifier_config, "pad_token_id", None)
        if self.id2label is None:
            self.id2label = {int(key): value for key, value in self.classifier_config.id2label.items()}
            self.label2id = {value: key for key, value in self.id2label.items()}
        self.problem_type = "single_label_classification"
        super().__post_init__(**kwargs)
        self._check()

    def _check(self) -> None:
        if len(set(self.expert_names)) != len(self.expert_names) or not self.expert_names:
            raise ValueError(f"expert_names is {self.expert_names}; name at least one expert, each of them once")
        if self.num_labels != self.classifier_config.num_labels:
            raise ValueError(
                f"the classifier has {self.classifier_config.num_labels} classes, the deferring model "
                f"{self.num_labels}; leave id2label out: the classifier's is taken"
            )
        if self.call_costs is not None and len(self.call_costs) != len(self.expert_names):
            raise ValueError(
                f"call_costs has {len(self.call_costs)} entries for {len(self.expert_names)} experts; give one each"
            )
        if self.loss_matrix is not None:
            self._check_losses()
        if self.temperature <= 0:
            raise ValueError(
                f"temperature is {self.temperature}; it must be above 0 (1.0 leaves the logits as they are)"
            )
        for name in ("network_size", "mc_dropout_samples"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must not be negative")
        if self.num_members < 1:
            raise ValueError(f"num_members is {self.num_members}; the classifier itself is the first")
        if self.token_weights and self.network_size:
            raise ValueError("token_weights belong to a linear policy; set network_size to 0, or leave them out")

    def _check_losses(self) -> None:
        rows = self.loss_matrix
        if len(rows) != self.num_labels or any(len(row) != self.num_labels for row in rows):
            raise ValueError(
                f"loss_matrix has rows of {[len(row) for row in rows]} entries; "
                f"{self.num_labels} classes need {self.num_labels} rows of {self.num_labels}"
            )
        if any(rows[i][i] != 0 for i in range(len(rows))) or min(map(min, rows)) < 0 or max(map(max, rows)) <= 0:
            raise ValueError(
                "loss_matrix must be zero on the diagonal (a right answer costs nothing), nowhere negative, "
                "and cost something somewhere"
            )

    @property
    def label_names(self) -> list[str]:
        """The classes, in the order of the logits."""
        return [self.id2label[i] for i in range(self.num_labels)]

    @property
    def class_weights(self) -> list[float] | None:
        """The classifier's class weights; a surrogate counts a row by that of its label, too."""
        return getattr(self.classifier_config, "class_weights", None)

    @property
    def is_joint(self) -> bool:
        """Whether the policy is a joint surrogate: its score compares a deferral logit with the class logits."""
        return self.policy in JOINT_POLICIES

    @property
    def forwards_per_text(self) -> int:
        """How many forward passes of a classifier one text costs."""
        return self.num_members + self.mc_dropout_samples


__all__ = ["JOINT_POLICIES", "POLICIES", "DeferralConfig"]
