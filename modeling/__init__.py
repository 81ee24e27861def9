"""What `from_pretrained` loads. Importing this room registers configs and models with the Auto classes.

>>> import secondopinion.modeling
>>> from transformers import AutoConfig
>>> AutoConfig.for_model("pooled_encoder").pooling
'cls_mean_concat'
"""

from .supported_versions import OLDEST  # noqa: F401  (first, for an older transformers lacks what follows)

# isort: split

from transformers import AutoConfig, AutoModelForQuestionAnswering, AutoModelForSequenceClassification, AutoProcessor
from transformers.pipelines import PIPELINE_REGISTRY

from .banded_attention import BandedLongformerModel
from .clinical_entities import Entity, EntityFinder
from .configuration_deferral import POLICIES, DeferralConfig
from .configuration_multitask_qa import CATEGORIES, MultiTaskQAConfig
from .configuration_pooled_encoder import POOLINGS, PooledEncoderConfig
from .global_attention_collator import GlobalAttentionCollator
from .longformer_conversion import extend_positions, save_longformer, to_longformer
from .losses import classification_loss, inverse_frequency_weights
from .modeling_deferral import DeferralForSequenceClassification, DeferralOutput
from .modeling_multitask_qa import MultiTaskQAForQuestionAnswering, MultiTaskQAOutput
from .modeling_pooled_encoder import PooledEncoderForSequenceClassification
from .no_answer import choose_no_answer_threshold, fit_no_answer_scale, no_answer_probability
from .pipeline_clinical_question_answering import TASK as QUESTION_ANSWERING
from .pipeline_clinical_question_answering import ClinicalQuestionAnsweringPipeline
from .pipeline_clinical_text_classification import TASK as TEXT_CLASSIFICATION
from .pipeline_clinical_text_classification import ClinicalTextClassificationPipeline
from .pipeline_deferring_text_classification import TASK, DeferringTextClassificationPipeline
from .pooling import pool
from .processed_text import ProcessedText
from .processing_clinical import ClinicalProcessor
from .qa_answers import Answer, Answers, decode
from .qa_prediction import WindowLogits, predict_windows
from .qa_windows import Windows, make_windows
from .streaming_budget import StreamingBudget
from .window_collator import WindowCollator

_MODELS = (
    (PooledEncoderConfig, PooledEncoderForSequenceClassification, AutoModelForSequenceClassification),
    (DeferralConfig, DeferralForSequenceClassification, AutoModelForSequenceClassification),
    (MultiTaskQAConfig, MultiTaskQAForQuestionAnswering, AutoModelForQuestionAnswering),
)
for _config, _model, _auto_class in _MODELS:
    AutoConfig.register(_config.model_type, _config)
    _auto_class.register(_config, _model)
    _config.register_for_auto_class()
    _model.register_for_auto_class(_auto_class.__name__)

# By its name alone: a folder of a model without a saved processor must give its tokenizer, not one with defaults.
AutoProcessor.register(ClinicalProcessor, ClinicalProcessor)
ClinicalProcessor.register_for_auto_class()

PIPELINE_REGISTRY.register_pipeline(
    TASK,
    pipeline_class=DeferringTextClassificationPipeline,
    pt_model=AutoModelForSequenceClassification,
    type="text",
)
PIPELINE_REGISTRY.register_pipeline(
    QUESTION_ANSWERING,
    pipeline_class=ClinicalQuestionAnsweringPipeline,
    pt_model=AutoModelForQuestionAnswering,
    type="text",
)
PIPELINE_REGISTRY.register_pipeline(
    TEXT_CLASSIFICATION,
    pipeline_class=ClinicalTextClassificationPipeline,
    pt_model=AutoModelForSequenceClassification,
    type="text",
)

__all__ = [
    "CATEGORIES",
    "POLICIES",
    "POOLINGS",
    "Answer",
    "Answers",
    "BandedLongformerModel",
    "ClinicalProcessor",
    "ClinicalQuestionAnsweringPipeline",
    "ClinicalTextClassificationPipeline",
    "DeferralConfig",
    "DeferralForSequenceClassification",
    "DeferralOutput",
    "DeferringTextClassificationPipeline",
    "Entity",
    "EntityFinder",
    "GlobalAttentionCollator",
    "MultiTaskQAConfig",
    "MultiTaskQAForQuestionAnswering",
    "MultiTaskQAOutput",
    "PooledEncoderConfig",
    "PooledEncoderForSequenceClassification",
    "ProcessedText",
    "StreamingBudget",
    "WindowCollator",
    "WindowLogits",
    "Windows",
    "choose_no_answer_threshold",
    "classification_loss",
    "decode",
    "extend_positions",
    "fit_no_answer_scale",
    "inverse_frequency_weights",
    "make_windows",
    "no_answer_probability",
    "pool",
    "predict_windows",
    "save_longformer",
    "to_longformer",
]
