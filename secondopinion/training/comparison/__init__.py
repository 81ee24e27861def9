"""Two runs on the same rows: figures side by side, paired tests, slices, and what changed for whom."""

from .study import compare_runs
from .table import comparison_markdown

__all__ = ["compare_runs", "comparison_markdown"]
