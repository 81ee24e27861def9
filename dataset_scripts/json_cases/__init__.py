"""Plain JSON files of cases, `{"text", "label"}`; see README.md beside this file."""

from .configuration import JsonCasesConfig
from .json_cases import JsonCasesBuilder
from .prepare import prepare

__all__ = ["JsonCasesBuilder", "JsonCasesConfig", "prepare"]
