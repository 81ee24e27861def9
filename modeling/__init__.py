"""What `from_pretrained` loads. Importing this room registers configs and models with the Auto classes.

>>> import secondopinion.modeling
>>> from transformers import AutoConfig
>>> AutoConfig.for_model("pooled_encoder").pooling
'cls_mean_concat'
"""

from transformers import AutoConfig, AutoModelForSequenceClassification

from .configuration_pooled_encoder import POOLINGS, PooledEncoderConfig
from .losses import classification_loss, inverse_frequency_weights
from .modeling_pooled_encoder import PooledEncoderForSequenceClassification
from .pooling import pool

AutoConfig.register(PooledEncoderConfig.model_type, PooledEncoderConfig)
AutoModelForSequenceClassification.register(PooledEncoderConfig, PooledEncoderForSequenceClassification)
PooledEncoderConfig.register_for_auto_class()
PooledEncoderForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")

__all__ = [
    "POOLINGS",
    "PooledEncoderConfig",
    "PooledEncoderForSequenceClassification",
    "classification_loss",
    "inverse_frequency_weights",
    "pool",
]
