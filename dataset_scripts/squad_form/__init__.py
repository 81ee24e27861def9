"""Any extractive question answering set in SQuAD's form; see README.md beside this file."""

from .configuration import SquadFormConfig
from .prepare import prepare
from .squad_form import SquadFormBuilder

__all__ = ["SquadFormBuilder", "SquadFormConfig", "prepare"]
