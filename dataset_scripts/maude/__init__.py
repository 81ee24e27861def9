"""FDA device reports (MAUDE) with their severity; see README.md beside this file."""

from .configuration import MaudeConfig
from .labels import LABEL_NAMES, tells_of_death
from .maude import MaudeBuilder
from .prepare import prepare
from .text import clean_narrative

__all__ = ["LABEL_NAMES", "MaudeBuilder", "MaudeConfig", "clean_narrative", "prepare", "tells_of_death"]
