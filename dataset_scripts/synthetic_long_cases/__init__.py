"""Authored long case letters whose class depends on one measurement among many, from a seeded generator."""

from .configuration import SyntheticLongCasesConfig
from .prepare import prepare
from .synthetic_long_cases import SyntheticLongCasesBuilder

__all__ = ["SyntheticLongCasesBuilder", "SyntheticLongCasesConfig", "prepare"]
