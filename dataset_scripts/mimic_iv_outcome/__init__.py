"""MIMIC-IV treatment outcome, labelled by the consensus of several experts; see README.md beside this file."""

from .configuration import MimicIvOutcomeConfig
from .mimic_iv_outcome import AGREEMENT, MimicIvOutcomeBuilder
from .prepare import prepare
from .sections import HEADERS, SectionFinder

__all__ = ["AGREEMENT", "HEADERS", "MimicIvOutcomeBuilder", "MimicIvOutcomeConfig", "SectionFinder", "prepare"]
