"""A classifier over a pooled encoder, loadable with `AutoModelForSequenceClassification`."""

import inspect
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from .banded_attention import encoder_from_config
from .configuration_pooled_encoder import PooledEncoderConfig
from .losses import classification_loss
from .pooling import pool
from .pretrained_encoder import changed_config, drop_pooler, pretrained_encoder

COUNTS_POSITIONS_FROM_ZERO = frozenset(
    {"bert", "electra", "distilbert", "megatron-bert", "albert", "deberta", "deberta-v2"}
)


class PooledEncoderForSequenceClassification(PreTrainedModel):
    """Any encoder, a pooling, dropout and a linear head.

    The published model of device-report severity is this class over Bio_ClinicalBERT with `cls_mean_concat`.

    >>> from transformers import BertConfig
    >>> tiny = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    >>> config = PooledEncoderConfig(encoder_config=tiny, num_labels=4)
    >>> model = PooledEncoderForSequenceClassification(config)
    >>> model(input_ids=torch.tensor([[101, 2023, 102]])).logits.shape
    torch.Size([1, 4])
    """

    config_class = PooledEncoderConfig
    base_model_prefix = "encoder"
    main_input_name = "input_ids"
    accepts_loss_kwargs = False
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    def __init__(self, config: PooledEncoderConfig) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        self.encoder = encoder_from_config(config.encoder_config)
        drop_pooler(self.encoder)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = nn.Linear(config.pooled_size, config.num_labels)
        self.post_init()

    @classmethod
    def from_encoder(
        cls,
        name_or_path: str | PreTrainedModel,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        trust_remote_code: bool = False,
        encoder_overrides: dict[str, Any] | None = None,
        dtype: torch.dtype = torch.float32,
        **config_kwargs: Any,
    ) -> "PooledEncoderForSequenceClassification":
        """Put a fresh head on a pretrained encoder. Called once, to start training; afterwards use `from_pretrained`.

        Args:
            name_or_path: the encoder on the Hub, its folder, or an encoder that is loaded (its weights are copied).
            revision: branch, tag or commit of the encoder.
            token: for encoders that are gated.
            trust_remote_code: whether code in the encoder's repository may run.
            encoder_overrides: settings of the encoder's configuration to change (dropout, for example).
            dtype: of the weights.
            **config_kwargs: fields of `PooledEncoderConfig` (`pooling`, `id2label`, `class_weights`, …).

        Raises:
            ValueError: the repository holds no encoder, or weights are missing in it.
        """
        if isinstance(name_or_path, PreTrainedModel):
            encoder = name_or_path
            encoder_config = changed_config(encoder.config, encoder_overrides)
            encoder_config._name_or_path = ""
        else:
            encoder = pretrained_encoder(
                name_or_path,
                model_class=cls,
                revision=revision,
                token=token,
                trust_remote_code=trust_remote_code,
                encoder_overrides=encoder_overrides,
                dtype=dtype,
            )
            encoder_config = encoder.config
        model = cls(cls.config_class(encoder_config=encoder_config, **config_kwargs)).to(dtype)
        weights = encoder.state_dict()
        model.encoder.load_state_dict({name: weights[name] for name in weights if not name.startswith("pooler.")})
        return model

    def get_input_embeddings(self) -> nn.Module:
        """Return the encoder's token embeddings."""
        return self.encoder.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the encoder's token embeddings."""
        self.encoder.set_input_embeddings(value)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        global_attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        num_items_in_batch: torch.Tensor | float | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> SequenceClassifierOutput | tuple[torch.Tensor, ...]:
        """Classify a batch.

        Args:
            input_ids: (batch, sequence) token ids.
            attention_mask: (batch, sequence); 1 for tokens, 0 for padding on either side; all ones by default.
            token_type_ids: (batch, sequence), for encoders that have them.
            position_ids: (batch, sequence); counted from the mask where the encoder would count the padding too.
            inputs_embeds: (batch, sequence, hidden), in place of `input_ids`.
            global_attention_mask: (batch, sequence); 1 for tokens that attend everywhere (Longformer only).
            labels: targets as in `classification_loss`; the problem type is the config's, single label by default.
            num_items_in_batch: total class weight or labels of the optimiser step (see `loss_items`).
            output_attentions: return the encoder's attentions.
            output_hidden_states: return the encoder's hidden states, each (batch, sequence, hidden).
            return_dict: False for a plain tuple.

        Returns:
            `logits` (batch, labels), already divided by `config.temperature`, of a regression in the targets' own
            units; `loss` when labels are given.

        Raises:
            ValueError: no input, or `global_attention_mask` for an encoder that has none.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give either input_ids or inputs_embeds")
        shape = input_ids.shape if input_ids is not None else inputs_embeds.shape[:2]
        device = input_ids.device if input_ids is not None else inputs_embeds.device
        if attention_mask is None:
            attention_mask = torch.ones(shape, dtype=torch.long, device=device)
        accepted = inspect.signature(self.encoder.forward).parameters
        if global_attention_mask is not None and "global_attention_mask" not in accepted:
            raise ValueError(
                f"{type(self.encoder).__name__} has no global attention: global_attention_mask belongs to "
                "Longformer-like encoders. Leave it out, or train on one of those"
            )
        if (
            position_ids is None
            and self.config.encoder_config.model_type in COUNTS_POSITIONS_FROM_ZERO
            and "position_ids" in accepted
        ):
            position_ids = (attention_mask.long().cumsum(dim=1) - 1).clamp(min=0)
        optional = {
            "token_type_ids": token_type_ids,
            "position_ids": position_ids,
            "global_attention_mask": global_attention_mask,
            "output_attentions": output_attentions,
            "output_hidden_states": output_hidden_states,
        }
        encoded = self.encoder(
            input_ids=input_ids,
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            return_dict=True,
            **{name: value for name, value in optional.items() if value is not None},
        )
        pooled = pool(encoded.last_hidden_state, attention_mask, self.config.pooling)
        logits = self.classifier(self.dropout(pooled)) / self.config.temperature
        std = self._per_label(self.config.target_std, logits.device)
        if std is not None:
            logits = logits.float() * std + self._per_label(self.config.target_mean, logits.device)

        loss = None
        if labels is not None:
            loss = classification_loss(
                logits,
                labels,
                self.config.problem_type or "single_label_classification",
                self._per_label(self.config.class_weights, logits.device),
                num_items_in_batch,
                label_groups=self.config.label_groups,
                target_std=std,
            )
        output = SequenceClassifierOutput(
            loss=loss, logits=logits, hidden_states=encoded.hidden_states, attentions=encoded.attentions
        )
        return output.to_tuple() if return_dict is False else output

    @staticmethod
    def _per_label(values: list[float] | None, device: torch.device) -> torch.Tensor | None:
        """Return a config's (labels,) numbers on a device, in fp32."""
        return None if values is None else torch.tensor(values, dtype=torch.float32, device=device)


__all__ = ["PooledEncoderForSequenceClassification"]
