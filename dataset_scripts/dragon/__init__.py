"""Tasks of the DRAGON benchmark: clinical reports with labels of any kind; see README.md beside this file."""

from .configuration import DragonConfig
from .dragon import DragonBuilder
from .labels import LabelColumn
from .prepare import prepare

__all__ = ["DragonBuilder", "DragonConfig", "LabelColumn", "prepare"]
