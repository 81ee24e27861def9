"""The `processor` section of a recipe's model: what is done to a text before and beside its tokenisation."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import InputError


@dataclass(frozen=True)
class ProcessorSpec:
    """A `ClinicalProcessor` in place of the plain tokenizer; it is saved and published with the model.

    Attributes:
        measurements: spell and space measurements one way, each in its own unit.
        value_buckets: add a token that says how large a value is.
        abbreviations: expand them by the built-in table (true), by a user's file (its path), by a table written here
            (short form → meaning), or not at all.
        entities: find medical terms by the built-in dictionary (true), by a file of terms (its path), by terms written
            here (a list, or kind → list), by a recogniser (`scispacy:MODEL`, `medspacy:RULES.json`, `hub:REPO`), or not
            at all.
        max_global: tokens of a text that may attend to all others, the first one included.
        global_attention: give the encoder a mask of them; for Longformers only.
        measurement_entities: whether measurements are entities too.

    Raises:
        InputError: `max_global` is below 1.

    >>> ProcessorSpec(max_global=16).options()["max_global"]
    16
    """

    measurements: bool = True
    value_buckets: bool = False
    abbreviations: bool | str | dict[str, str] = field(default=False, hash=False)
    entities: bool | str | list[str] | dict[str, list[str]] = field(default=True, hash=False)
    max_global: int = 32
    global_attention: bool = True
    measurement_entities: bool = False

    def __post_init__(self) -> None:
        if self.max_global < 1:
            raise InputError(
                f"processor: max_global is {self.max_global}; give 1 or more (the first token is always one of them), "
                "or set global_attention: false"
            )

    def options(self) -> dict[str, Any]:
        """Return the arguments of `ClinicalProcessor`."""
        return dataclasses.asdict(self)
