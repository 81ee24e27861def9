"""Authored clinical notes with questions in emrQA's form, from a seeded generator; see README.md beside this file."""

from .configuration import SyntheticClinicalQaConfig
from .prepare import prepare
from .synthetic_clinical_qa import SyntheticClinicalQaBuilder

__all__ = ["SyntheticClinicalQaBuilder", "SyntheticClinicalQaConfig", "prepare"]
