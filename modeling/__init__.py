"""What `from_pretrained` loads. Importing this room registers configs and models with the Auto classes.

>>> import secondopinion.modeling
>>> from transformers import AutoConfig
>>> AutoConfig.for_model("pooled_encoder").pooling
'cls_mean_concat'
"""

from transformers import AutoConfig, AutoModelForSequenceClassification
from transformers.pipelines import PIPELINE_REGISTRY

from .configuration_deferral import POLICIES, DeferralConfig
from .configuration_pooled_encoder import POOLINGS, PooledEncoderConfig
from .losses import classification_loss, inverse_frequency_weights
from .modeling_deferral import DeferralForSequenceClassification, DeferralOutput
from .modeling_pooled_encoder import PooledEncoderForSequenceClassification
from .pipeline_deferring_text_classification import TASK, DeferringTextClassificationPipeline
from .pooling import pool
from .streaming_budget import StreamingBudget

_CLASSIFIERS = (
    (PooledEncoderConfig, PooledEncoderForSequenceClassification),
    (DeferralConfig, DeferralForSequenceClassification),
)
for _config, _model in _CLASSIFIERS:
    AutoConfig.register(_config.model_type, _config)
    AutoModelForSequenceClassification.register(_config, _model)
    _config.register_for_auto_class()
    _model.register_for_auto_class("AutoModelForSequenceClassification")

PIPELINE_REGISTRY.register_pipeline(
    TASK,
    pipeline_class=DeferringTextClassificationPipeline,
    pt_model=AutoModelForSequenceClassification,
    type="text",
)

__all__ = [
    "POLICIES",
    "POOLINGS",
    "DeferralConfig",
    "DeferralForSequenceClassification",
    "DeferralOutput",
    "DeferringTextClassificationPipeline",
    "PooledEncoderConfig",
    "PooledEncoderForSequenceClassification",
    "StreamingBudget",
    "classification_loss",
    "inverse_frequency_weights",
    "pool",
]
