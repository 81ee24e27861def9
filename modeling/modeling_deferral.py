"""A classifier that says which texts an expert should see, loadable with `AutoModelForSequenceClassification`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel
from transformers.modeling_outputs import ModelOutput

from .configuration_deferral import DeferralConfig
from .configuration_pooled_encoder import PooledEncoderConfig
from .deferral_losses import IGNORED, SURROGATES, surrogate_loss, two_stage_loss
from .deferral_policies import DeferralFeatures, DeferralPolicy, feature_names
from .losses import classification_loss
from .modeling_pooled_encoder import PooledEncoderForSequenceClassification
from .own_code import MODEL, OwnCode, own_classes, read_config, save_code
from .pipeline_deferring_text_classification import TASK, DeferringTextClassificationPipeline
from .pooling import pool
from .text_traits import TextTraits


@dataclass
class DeferralOutput(ModelOutput):
    """What the model says of a batch.

    Attributes:
        loss: when labels are given.
        logits: (batch, classes) of the classifier, calibrated.
        deferral_score: (batch,) of the expert that gains most; higher = rather ask.
        deferred: (batch,) whether the score is above the threshold.
        expert: (batch,) number of that expert in `config.expert_names`.
        expert_scores: (batch, experts).
        hidden_states: of the classifier, where asked for.
        attentions: of the classifier, where asked for.
    """

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    deferral_score: torch.Tensor | None = None
    deferred: torch.Tensor | None = None
    expert: torch.Tensor | None = None
    expert_scores: torch.Tensor | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None


class DeferralForSequenceClassification(PreTrainedModel):
    """Any sequence classifier, ours or stock, and a policy that decides when to ask an expert.

    It needs nothing but token ids: traits of the text are read from them through tables made from the tokenizer.

    >>> from transformers import BertConfig
    >>> tiny = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    >>> config = DeferralConfig(classifier_config=tiny, policy="selective", threshold=0.4)
    >>> model = DeferralForSequenceClassification(config).eval()
    >>> output = model(input_ids=torch.tensor([[101, 2023, 102]]))
    >>> output.logits.shape, output.deferral_score.shape, output.deferred.dtype
    (torch.Size([1, 2]), torch.Size([1]), torch.bool)
    """

    config_class = DeferralConfig
    base_model_prefix = "classifier"
    main_input_name = "input_ids"
    accepts_loss_kwargs = False
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _keep_in_fp32_modules_strict = ("policy",)

    def __init__(self, config: DeferralConfig, own_code: OwnCode | None = None) -> None:
        code = own_code or OwnCode(config.name_or_path)
        config.classifier_config = read_config(config.classifier_config, code)
        super().__init__(config)
        self.num_labels = config.num_labels
        for nested in (config.classifier_config, getattr(config.classifier_config, "encoder_config", None)):
            if nested is not None:
                nested.dtype = config.dtype
        self.classifier, *others = (build_classifier(config.classifier_config, code) for _ in range(config.num_members))
        self.members = nn.ModuleList(others)
        vocab_size, hidden_size = sizes(config.classifier_config)
        self.features = DeferralFeatures(config, vocab_size)
        self.policy = DeferralPolicy(config, len(feature_names(config, hidden_size)), vocab_size)
        self.post_init()

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike,
        *args: Any,
        trust_remote_code: bool | None = None,
        **kwargs: Any,
    ) -> "DeferralForSequenceClassification":
        """Load the model; see `PreTrainedModel.from_pretrained`.

        Args:
            pretrained_model_name_or_path: its folder, or its name on the Hub.
            *args: further arguments.
            trust_remote_code: whether code of the classifier's own may run, where it loads by such.
            **kwargs: further arguments.

        Raises:
            ValueError: the classifier loads by code of its own, and nobody said that it may run.
        """
        where = {name: kwargs.get(name) for name in ("revision", "token")}
        code = OwnCode(os.fspath(pretrained_model_name_or_path or ""), bool(trust_remote_code), **where)
        return super().from_pretrained(pretrained_model_name_or_path, *args, own_code=code, **kwargs)

    @classmethod
    def from_classifier(
        cls,
        classifier: PreTrainedModel | str,
        tokenizer: Any,
        *,
        members: list[PreTrainedModel] | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        trust_remote_code: bool = False,
        **config_kwargs: Any,
    ) -> "DeferralForSequenceClassification":
        """Put a fresh policy on a trained classifier, whose weights are copied.

        Args:
            classifier: a sequence classifier with one class a text, or its folder or name on the Hub.
            tokenizer: its tokenizer, from which the tables of traits are made.
            members: further classifiers of the same configuration, for their disagreement.
            revision: branch, tag or commit of the classifier.
            token: for classifiers that are gated.
            trust_remote_code: whether code in the classifier's repository may run.
            **config_kwargs: fields of `DeferralConfig`.

        Raises:
            ValueError: the model is no classifier of one class a text, or a member does not fit.
        """
        if isinstance(classifier, str):
            classifier = AutoModelForSequenceClassification.from_pretrained(
                classifier, revision=revision, token=token, trust_remote_code=trust_remote_code, dtype=torch.float32
            )
        kind = getattr(classifier.config, "problem_type", None)
        if classifier.config.num_labels < 2 or kind in ("regression", "multi_label_classification"):
            raise ValueError(
                f"deferral needs a classifier that gives one of several classes, "
                f"this one has {classifier.config.num_labels} outputs and problem_type {kind!r}"
            )
        inner = classifier.config.to_dict()
        for name in ("_name_or_path", "auto_map", "architectures", "dtype", "custom_pipelines"):
            inner.pop(name, None)
        if inner["model_type"] != PooledEncoderConfig.model_type and (named := own_classes(classifier.config)):
            inner["auto_map"] = named
        config_kwargs.setdefault("max_length", tokenizer_limit(tokenizer))
        config = cls.config_class(classifier_config=inner, num_members=1 + len(members or []), **config_kwargs)
        model = cls(config, OwnCode.of(classifier))
        for number, (copy, given) in enumerate(
            zip([model.classifier, *model.members], [classifier, *(members or [])], strict=True)
        ):
            try:
                copy.to(given.dtype).load_state_dict(given.state_dict())
            except RuntimeError as error:
                raise ValueError(
                    f"member {number} ({type(given).__name__}) does not have the weights of the classifier "
                    f"({type(classifier).__name__}); members are of the same configuration, the models of the folds say"
                ) from error
        if model.features.text_traits is not None:
            vocab_size, _ = sizes(config.classifier_config)
            model.features.text_traits = TextTraits.from_tokenizer(tokenizer, vocab_size=vocab_size)
        return model

    def save_pretrained(self, save_directory: str | os.PathLike, *args: Any, **kwargs: Any) -> None:
        """Save the model with its code, the pipeline's included; see `PreTrainedModel.save_pretrained`."""
        pipeline = DeferringTextClassificationPipeline
        self.config.custom_pipelines = {
            TASK: {
                "impl": f"{pipeline.__module__.split('.')[-1]}.{pipeline.__name__}",
                "pt": ["AutoModelForSequenceClassification"],
                "type": "text",
            }
        }
        super().save_pretrained(save_directory, *args, **kwargs)
        save_code(self.classifier, save_directory)

    def get_input_embeddings(self) -> nn.Module:
        """Return the classifier's token embeddings."""
        return self.classifier.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the classifier's token embeddings."""
        self.classifier.set_input_embeddings(value)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        global_attention_mask: torch.Tensor | None = None,
        truncated: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        expert_right: torch.Tensor | None = None,
        num_items_in_batch: torch.Tensor | float | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> DeferralOutput | tuple[torch.Tensor, ...]:
        """Classify a batch and score each text for each expert.

        Args:
            input_ids: (batch, sequence) token ids.
            attention_mask: (batch, sequence); 1 for tokens, 0 for padding on either side; all ones by default.
            token_type_ids: (batch, sequence), for encoders that have them.
            position_ids: (batch, sequence).
            global_attention_mask: (batch, sequence), for Longformer.
            truncated: (batch,) whether the text was longer than what is read; by default a text that fills
                `config.max_length` counts as such.
            labels: (batch,) true classes.
            expert_right: (batch, experts) or (batch,) how right each expert is, from 0 to 1; -100 where it gave no
                usable vote (see `deferral_losses`). With it the loss of a joint or two-stage policy is its surrogate,
                and the classifier is trained along with a joint one. A row's loss, whichever, counts by the class
                weight that the classifier's configuration gives its label.
            num_items_in_batch: total class weight of the optimiser step (see `classification_loss`).
            output_attentions: return the classifier's attentions.
            output_hidden_states: return the classifier's hidden states, each (batch, sequence, hidden).
            return_dict: False for a plain tuple.

        Raises:
            ValueError: the threshold was made with another dtype than the model now has.
        """
        classified, logits, features, attention_mask = self.read(
            input_ids,
            attention_mask,
            truncated,
            output_hidden_states=output_hidden_states,
            token_type_ids=token_type_ids,
            position_ids=position_ids,
            global_attention_mask=global_attention_mask,
            output_attentions=output_attentions,
            needs_features=self.policy.head is not None,
        )
        outputs = None
        if self.config.policy == "two_stage":
            features = features.detach()  # its classifier is fixed
        if self.policy.head is not None:
            outputs = self.policy.outputs(features, input_ids, attention_mask)
        judged = self.judged(classified, logits)
        scores = self.policy.scores(judged, outputs)
        best, expert = scores.max(dim=-1)
        output = DeferralOutput(
            loss=None if labels is None else self._loss(judged, outputs, labels, expert_right, num_items_in_batch),
            logits=logits,
            deferral_score=best,
            deferred=self.decide(best),
            expert=expert,
            expert_scores=scores,
            hidden_states=classified.hidden_states if output_hidden_states else None,
            attentions=classified.attentions,
        )
        return output.to_tuple() if return_dict is False else output

    def read(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        truncated: torch.Tensor | None = None,
        *,
        output_hidden_states: bool | None = None,
        needs_features: bool = True,
        **optional: torch.Tensor | bool | None,
    ) -> tuple[ModelOutput, torch.Tensor, torch.Tensor | None, torch.Tensor]:
        """Return the classifier's output, calibrated logits (batch, classes), features (batch, features) and the mask.

        Args:
            input_ids: (batch, sequence).
            attention_mask: (batch, sequence); all ones by default.
            truncated: (batch,), as in `forward`.
            output_hidden_states: whether the classifier's output holds them.
            needs_features: False leaves them out (None): a policy without a head reads none.
            **optional: further inputs of the classifier.
        """
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        optional["output_hidden_states"] = output_hidden_states or self.config.embedding or None
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "return_dict": True}
        inputs |= {name: value for name, value in optional.items() if value is not None}
        classified = self.classifier(**inputs)
        logits = classified.logits / self.config.temperature
        if not needs_features:
            return classified, logits, None, attention_mask
        limit = self.config.max_length
        if truncated is None and limit and input_ids.shape[1] >= limit:
            truncated = attention_mask.sum(dim=1) >= limit
        features = self.features(
            self.judged(classified, logits),
            input_ids,
            attention_mask,
            truncated,
            dropout_logits=self._under_dropout(inputs) if self.config.mc_dropout_samples else None,
            member_logits=self._of_members(logits, inputs) if len(self.members) else None,
            embedding=self.embed(classified.hidden_states, attention_mask) if self.config.embedding else None,
        )
        return classified, logits, features, attention_mask

    def judged(self, classified: ModelOutput, logits: torch.Tensor) -> torch.Tensor:
        """Return the (batch, classes) logits that the policy compares with.

        A joint policy was trained beside the classifier's own logits, so a temperature that is found afterwards scales
        what is returned, and leaves its scores as they are.
        """
        return classified.logits if self.config.is_joint else logits

    def decide(self, scores: torch.Tensor) -> torch.Tensor:
        """Return (batch,) whether each score is above the threshold.

        Raises:
            ValueError: the threshold was made with another dtype than the model now has.
        """
        if self.config.threshold is None:
            return torch.zeros_like(scores, dtype=torch.bool)
        made_with = (self.config.threshold_record or {}).get("dtype")
        if made_with and not self.training and made_with != str(running := self._running_dtype(scores)).split(".")[1]:
            raise ValueError(
                f"the threshold was chosen with {made_with}, but the model runs in {running}, which shifts its scores. "
                f"Load it with dtype=torch.{made_with}, choose a threshold again with `secondopinion defer`, or set "
                "model.config.threshold = None to have scores without decisions"
            )
        return scores > self.config.threshold

    def _running_dtype(self, scores: torch.Tensor) -> torch.dtype:
        device = scores.device.type
        if torch.is_autocast_enabled(device):
            return torch.get_autocast_dtype(device)
        return next(self.classifier.parameters()).dtype

    @staticmethod
    def embed(hidden_states: tuple[torch.Tensor, ...], attention_mask: torch.Tensor) -> torch.Tensor:
        """Return (batch, 2 · hidden) first token and mean over tokens of the last layer, fp32."""
        return pool(hidden_states[-1], attention_mask, "cls_mean_concat").float()

    def _under_dropout(self, inputs: dict[str, Any]) -> torch.Tensor:
        """Return (samples, batch, classes) logits with dropout on; the same draws at every call."""
        with torch.no_grad(), dropout_on(self.classifier), torch.random.fork_rng():
            torch.manual_seed(0)
            draws = [self.classifier(**inputs).logits for _ in range(self.config.mc_dropout_samples)]
        return torch.stack(draws) / self.config.temperature

    def _of_members(self, logits: torch.Tensor, inputs: dict[str, Any]) -> torch.Tensor:
        with torch.no_grad():
            others = [member(**inputs).logits / self.config.temperature for member in self.members]
        return torch.stack([logits, *others])

    def _loss(
        self,
        logits: torch.Tensor,
        outputs: torch.Tensor | None,
        labels: torch.Tensor,
        expert_right: torch.Tensor | None,
        num_items_in_batch: torch.Tensor | float | None,
    ) -> torch.Tensor:
        kind, weights = self.config.policy, self.config.class_weights
        weights = None if weights is None else torch.tensor(weights, dtype=torch.float32, device=logits.device)
        if expert_right is None or not (kind in SURROGATES or kind == "two_stage"):
            return classification_loss(logits, labels, "single_label_classification", weights, num_items_in_batch)
        right, labelled = expert_right.float().view(len(labels), -1), labels != IGNORED
        counted = labelled.float() if weights is None else weights[labels.clamp(min=0)] * labelled
        if kind == "two_stage":
            classifier_right = 1.0 - self.policy.losses[labels.clamp(min=0), logits.argmax(dim=-1)]
            costs = 1.0 - right.clamp(min=0.0) + self.policy.call_costs
            losses = two_stage_loss(outputs, classifier_right, costs, reduction="none")
        else:
            scores = torch.cat([logits.float(), outputs], dim=-1)
            losses = surrogate_loss(kind, scores, labels, right, self.config.alpha, reduction="none")
        if num_items_in_batch is None:
            num_items_in_batch = counted.sum().clamp(min=torch.finfo(torch.float32).tiny)
        return (losses * counted).sum() / num_items_in_batch


@contextmanager
def dropout_on(model: nn.Module) -> Iterator[None]:
    """Switch the dropout layers of a model on, and back to what they were afterwards."""
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Dropout)]
    before = [layer.training for layer in layers]
    for layer in layers:
        layer.train()
    try:
        yield
    finally:
        for layer, mode in zip(layers, before, strict=True):
            layer.train(mode)


def build_classifier(config: Any, code: OwnCode) -> PreTrainedModel:
    """Return a classifier with fresh weights: ours, stock, or of code of its own, where that is trusted."""
    # By its name: code that is loaded from a repository has a class of its own for each file that imports it.
    if config.model_type == PooledEncoderConfig.model_type:
        return PooledEncoderForSequenceClassification(config)
    if reference := own_classes(config).get(MODEL):
        kind = code.load(reference)
        kind.register_for_auto_class(MODEL)
        return kind._from_config(config)
    return AutoModelForSequenceClassification.from_config(config)


def sizes(config: Any) -> tuple[int, int]:
    """Return (vocabulary, hidden size) of a classifier's configuration."""
    encoder = getattr(config, "encoder_config", None) or config
    return encoder.vocab_size, encoder.hidden_size


def tokenizer_limit(tokenizer: Any) -> int | None:
    """Return the tokens that a tokenizer keeps of a text, or None where it keeps all."""
    limit = getattr(tokenizer, "model_max_length", None)
    return None if limit is None or limit > 1_000_000 else int(limit)


__all__ = ["DeferralForSequenceClassification", "DeferralOutput"]
