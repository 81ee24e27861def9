"""A model that answers with a span of the context and its category, over one encoder that branches."""

import inspect
import os
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import ModelOutput

from .banded_attention import encoder_from_config
from .branching import branch_layers, branched_weights, check_branches, of_each_branch, without_cache
from .configuration_multitask_qa import MultiTaskQAConfig
from .modeling_pooled_encoder import COUNTS_POSITIONS_FROM_ZERO
from .multitask_losses import (
    IGNORED,
    UncertaintyWeighting,
    category_loss,
    category_targets,
    mean_losses,
    span_loss,
    span_targets,
)
from .pipeline_clinical_question_answering import TASK, ClinicalQuestionAnsweringPipeline
from .pooling import pool
from .pretrained_encoder import drop_pooler, pretrained_encoder
from .qa_deferral import AnswerDeferral
from .span_choice import best_spans, pool_spans


@dataclass
class MultiTaskQAOutput(ModelOutput):
    """What the model says of a batch of windows. What belongs to a task that the model lacks is None.

    Attributes:
        loss: when targets are given; the weighed sum of the two below.
        start_logits: (batch, sequence); the dtype's lowest number where no span may start.
        end_logits: (batch, sequence); the same for ends.
        category_logits: (batch, 5), calibrated.
        span_loss: scalar; 0 for a batch without a labelled span.
        category_loss: scalar; 0 for a batch without a category.
        hidden_states: where asked for, {task: (layers + 1) · (batch, sequence, hidden)}.
        attentions: where asked for, {task: layers · (batch, heads, sequence, sequence)}.
    """

    loss: torch.Tensor | None = None
    start_logits: torch.Tensor | None = None
    end_logits: torch.Tensor | None = None
    category_logits: torch.Tensor | None = None
    span_loss: torch.Tensor | None = None
    category_loss: torch.Tensor | None = None
    hidden_states: dict[str, tuple[torch.Tensor, ...]] | None = None
    attentions: dict[str, tuple[torch.Tensor, ...]] | None = None


class MultiTaskQAForQuestionAnswering(PreTrainedModel):
    """An encoder whose lower layers serve both tasks and whose upper layers branch; a span head, a category head.

    >>> from transformers import BertConfig
    >>> tiny = BertConfig(hidden_size=32, num_hidden_layers=3, num_attention_heads=2, intermediate_size=64)
    >>> model = MultiTaskQAForQuestionAnswering(MultiTaskQAConfig(encoder_config=tiny))
    >>> output = model(input_ids=torch.tensor([[101, 2029, 102, 2023, 2003, 102]]))
    >>> output.start_logits.shape, output.category_logits.shape
    (torch.Size([1, 6]), torch.Size([1, 5]))
    """

    config_class = MultiTaskQAConfig
    base_model_prefix = "encoder"
    main_input_name = "input_ids"
    accepts_loss_kwargs = False
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _no_split_modules = ("BranchedLayer",)
    _keep_in_fp32_modules_strict = ("uncertainty_weighting", "deferral")

    def __init__(self, config: MultiTaskQAConfig) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        config.encoder_config.dtype = config.dtype
        self.encoder = encoder_from_config(config.encoder_config)
        drop_pooler(self.encoder)
        branch_layers(self.encoder, config.num_shared_layers, len(config.tasks))
        if "span" in config.tasks:
            self.qa_outputs = nn.Linear(config.hidden_size, 2)
        if "category" in config.tasks:
            self.dropout = nn.Dropout(config.classifier_dropout)
            self.classifier = nn.Linear(config.pooled_size, config.num_labels)
        if config.task_weighting == "uncertainty":
            self.uncertainty_weighting = UncertaintyWeighting(config.tasks)
        self.deferral = None if config.deferral is None else AnswerDeferral(config.deferral)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.ParameterDict):  # log-variances; a module with no weights of its own is not visited
            for value in module.values():
                init.zeros_(value)

    @classmethod
    def from_encoder(
        cls,
        name_or_path: str,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        trust_remote_code: bool = False,
        encoder_overrides: dict[str, Any] | None = None,
        dtype: torch.dtype = torch.float32,
        **config_kwargs: Any,
    ) -> "MultiTaskQAForQuestionAnswering":
        """Put fresh heads on a pretrained encoder; every branch begins with its weights.

        Called once, to start training; afterwards use `from_pretrained`.

        Args:
            name_or_path: the encoder on the Hub, or its folder.
            revision: branch, tag or commit of the encoder.
            token: for encoders that are gated.
            trust_remote_code: whether code in the encoder's repository may run.
            encoder_overrides: settings of the encoder's configuration to change (dropout, for example).
            dtype: of the weights.
            **config_kwargs: fields of `MultiTaskQAConfig` (`num_shared_layers`, `tasks`, `task_weighting`, …).

        Raises:
            ValueError: the repository holds no encoder, weights are missing in it, or its layers cannot be branched.
        """
        encoder = pretrained_encoder(
            name_or_path,
            model_class=cls,
            revision=revision,
            token=token,
            trust_remote_code=trust_remote_code,
            encoder_overrides=encoder_overrides,
            dtype=dtype,
        )
        config = cls.config_class(encoder_config=encoder.config, **config_kwargs)
        model = cls._from_config(config, dtype=dtype)
        model.encoder.load_state_dict(branched_weights(encoder, config.num_shared_layers, len(config.tasks)))
        if config.is_branched:
            check_branches(encoder, model.encoder, len(config.tasks))
        return model

    def save_pretrained(self, save_directory: str | os.PathLike, *args: Any, **kwargs: Any) -> None:
        """Save the model with its code, the pipeline's included; see `PreTrainedModel.save_pretrained`."""
        pipeline = ClinicalQuestionAnsweringPipeline
        self.config.custom_pipelines = {
            TASK: {
                "impl": f"{pipeline.__module__.split('.')[-1]}.{pipeline.__name__}",
                "pt": ["AutoModelForQuestionAnswering"],
                "type": "text",
            }
        }
        super().save_pretrained(save_directory, *args, **kwargs)

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
        span_mask: torch.Tensor | None = None,
        start_positions: torch.Tensor | None = None,
        end_positions: torch.Tensor | None = None,
        category_probs: torch.Tensor | None = None,
        num_items_in_batch: torch.Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> MultiTaskQAOutput | tuple[Any, ...]:
        """Answer a batch of windows.

        Args:
            input_ids: (batch, sequence) token ids.
            attention_mask: (batch, sequence); 1 for tokens, 0 for padding on either side; all ones by default.
            token_type_ids: (batch, sequence), for encoders that have them.
            position_ids: (batch, sequence); counted from the mask where the encoder would count the padding too.
            inputs_embeds: (batch, sequence, hidden), in place of `input_ids`.
            global_attention_mask: (batch, sequence); 1 for tokens that attend everywhere (Longformer only). By
                default the tokens outside `span_mask` and the first one: the question, as in Beltagy et al. 2020.
            span_mask: (batch, sequence); 1 where a span may start or end. The first token always stands for no answer.
            start_positions: (batch,) first token of the answer; −100 for a row without a span.
            end_positions: (batch,) last token of the answer; −100 for a row without a span.
            category_probs: (batch, 5) probabilities of the category; zeros for a row without one.
            num_items_in_batch: (2,) rows of the optimiser step with a span, and with a category; those of the batch by
                default. With them, cutting a step into batches leaves its gradient.
            output_attentions: return the encoder's attentions, for each task.
            output_hidden_states: return the encoder's hidden states, for each task.
            return_dict: False for a plain tuple.

        Raises:
            ValueError: no input; `global_attention_mask` for an encoder that has none; targets that are no positions
                or no probabilities (the row is named).
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give either input_ids or inputs_embeds")
        if attention_mask is None:
            given = input_ids if input_ids is not None else inputs_embeds
            attention_mask = torch.ones(given.shape[:2], dtype=torch.long, device=given.device)
        first = attention_mask.long().argmax(dim=1)
        allowed = attention_mask.bool() if span_mask is None else attention_mask.bool() & span_mask.bool()
        allowed = allowed | (torch.arange(allowed.shape[1], device=allowed.device) == first[:, None])
        encoded = self._encode(
            attention_mask,
            allowed if span_mask is not None else None,
            input_ids=input_ids,
            inputs_embeds=inputs_embeds,
            token_type_ids=token_type_ids,
            position_ids=position_ids,
            global_attention_mask=global_attention_mask,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )
        tasks = self.config.tasks
        last = encoded.last_hidden_state
        parts = last.chunk(len(tasks)) if self.config.is_branched else [last] * len(tasks)
        states = dict(zip(tasks, parts, strict=True))

        said: dict[str, Any] = {}
        if "span" in tasks:
            span_logits = self.qa_outputs(states["span"])
            span_logits = span_logits.masked_fill(~allowed[..., None], torch.finfo(span_logits.dtype).min)
            said["start_logits"], said["end_logits"] = (logits.contiguous() for logits in span_logits.unbind(dim=-1))
        if "category" in tasks:
            if self.config.category_from == "span":
                limits = (self.config.max_answer_length, self.config.no_answer_threshold or 0.0)
                spans = best_spans(said["start_logits"], said["end_logits"], allowed, first, *limits)
                gold = (start_positions, end_positions)
                pooled = self._pool_answers(states["category"], attention_mask, spans, first, *gold)
            else:
                pooled = pool(states["category"], attention_mask, self.config.category_pooling)
            said["category_logits"] = self.classifier(self.dropout(pooled)) / self.config.category_temperature
        if start_positions is not None or end_positions is not None or category_probs is not None:
            spans = (start_positions, end_positions)
            said |= self._losses(said, allowed, spans, category_probs, num_items_in_batch)
        for name in ("hidden_states", "attentions"):
            if encoded.get(name) is not None:
                said[name] = self._of_each_task(encoded[name], int(name == "hidden_states"))
        output = MultiTaskQAOutput(**said)
        return output.to_tuple() if return_dict is False else output

    def _encode(
        self, attention_mask: torch.Tensor, span_mask: torch.Tensor | None, **optional: torch.Tensor | bool | None
    ) -> ModelOutput:
        """Call the encoder with what it takes and what is given."""
        accepted = inspect.signature(self.encoder.forward).parameters
        kind = self.config.encoder_config.model_type
        if "global_attention_mask" not in accepted:
            if optional["global_attention_mask"] is not None:
                raise ValueError(
                    f"{type(self.encoder).__name__} has no global attention: global_attention_mask belongs to "
                    "Longformer-like encoders. Leave it out, or train on one of those"
                )
        elif optional["global_attention_mask"] is None:
            first = attention_mask.long().argmax(dim=1, keepdim=True)
            question = torch.zeros_like(attention_mask) if span_mask is None else attention_mask * ~span_mask
            optional["global_attention_mask"] = question.long().scatter(1, first, 1)
        if optional["position_ids"] is None and kind in COUNTS_POSITIONS_FROM_ZERO and "position_ids" in accepted:
            optional["position_ids"] = (attention_mask.long().cumsum(dim=1) - 1).clamp(min=0)
        return self.encoder(
            attention_mask=attention_mask,
            return_dict=True,
            **without_cache(self.encoder),
            **{name: value for name, value in optional.items() if value is not None},
        )

    def _pool_answers(
        self,
        states: torch.Tensor,
        attention_mask: torch.Tensor,
        spans: tuple[torch.Tensor, torch.Tensor],
        first: torch.Tensor,
        start_positions: torch.Tensor | None,
        end_positions: torch.Tensor | None,
    ) -> torch.Tensor:
        """Pool the predicted spans, while training the gold ones where they are known; the text for no answer."""
        starts, ends = spans
        if self.training and start_positions is not None and end_positions is not None:
            known = start_positions != IGNORED
            starts, ends = torch.where(known, start_positions, starts), torch.where(known, end_positions, ends)
        pooling = self.config.category_pooling
        answers = pool_spans(states, attention_mask, starts, ends, pooling)
        return torch.where((starts == first)[:, None], pool(states, attention_mask, pooling), answers)

    def _losses(
        self,
        said: dict[str, torch.Tensor],
        allowed: torch.Tensor,
        spans: tuple[torch.Tensor | None, torch.Tensor | None],
        category_probs: torch.Tensor | None,
        num_items_in_batch: torch.Tensor | None,
    ) -> dict[str, torch.Tensor | None]:
        """Return `loss`, `span_loss` and `category_loss`; a task without a labelled row adds 0, with a graph."""
        summed = {}
        if "span" in self.config.tasks:
            positions = span_targets(*spans, allowed)
            summed["span"] = span_loss(said["start_logits"], said["end_logits"], *positions)
        if "category" in self.config.tasks:
            probs = category_targets(category_probs, said["category_logits"])
            summed["category"] = category_loss(said["category_logits"], probs)
        losses, shares = mean_losses(summed, num_items_in_batch)
        if self.config.task_weighting == "uncertainty":
            loss = self.uncertainty_weighting(losses, shares)
        else:
            loss = torch.stack([self.config.task_weights[task] * loss for task, loss in losses.items()]).sum()
        return {"loss": loss, "span_loss": losses.get("span"), "category_loss": losses.get("category")}

    def _of_each_task(self, recorded: tuple[torch.Tensor, ...], before: int) -> dict[str, tuple[torch.Tensor, ...]]:
        """Sort what the encoder recorded by task; `before` records come before its first layer's."""
        tasks, shared = self.config.tasks, self.config.num_shared_layers
        if not self.config.is_branched:
            return dict.fromkeys(tasks, tuple(recorded))
        branched = self.config.num_hidden_layers - shared
        return dict(zip(tasks, of_each_branch(recorded, before + shared, branched, len(tasks)), strict=True))


__all__ = ["MultiTaskQAForQuestionAnswering", "MultiTaskQAOutput"]
