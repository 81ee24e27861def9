"""emrQA: questions about clinical notes with the answer's span and its category; see README.md beside this file."""

from .configuration import DATASETS, EmrQaConfig
from .emrqa import AGREEMENT, EmrQaBuilder
from .prepare import prepare
from .soft_labels import CATEGORIES

__all__ = ["AGREEMENT", "CATEGORIES", "DATASETS", "EmrQaBuilder", "EmrQaConfig", "prepare"]
