"""What a question to a language model costs, and what it can cost at most before it is asked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.errors import InputError, closest

TEMPLATE_TOKENS = 256


@dataclass(frozen=True)
class Price:
    """Dollars for a million tokens, as providers list them.

    Raises:
        InputError: a price is negative or not a number.

    >>> Price(0.05, 0.40).cost(input_tokens=1_000_000, output_tokens=500_000)
    0.25
    """

    input_per_million: float
    output_per_million: float

    def __post_init__(self) -> None:
        for name in ("input_per_million", "output_per_million"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise InputError(f"the price {name} is {value!r}; give dollars for a million tokens, 0 or more")

    @classmethod
    def read(cls, value: Price | Mapping[str, Any] | None, model: str | None = None) -> Price | None:
        """Return a price from a recipe's words: one price, or a table {model: price}.

        Raises:
            InputError: the table does not name the model, or a key is not known.

        >>> Price.read({"tiny": {"input_per_million": 1, "output_per_million": 2}}, model="tiny")
        Price(input_per_million=1, output_per_million=2)
        """
        if value is None or isinstance(value, cls):
            return value
        names = ("input_per_million", "output_per_million")
        if not isinstance(value, Mapping):
            raise InputError(f"a price is a mapping with {' and '.join(names)}, not {type(value).__name__}")
        if value and all(isinstance(item, Mapping | Price) for item in value.values()):
            if model not in value:
                raise InputError(f"the price table does not name the model {model!r}; {closest(str(model), value)}")
            return cls.read(value[model])
        for key in value:
            if key not in names:
                raise InputError(f"unknown key {key!r} in a price; {closest(key, names)}")
        missing = [name for name in names if name not in value]
        if missing:
            raise InputError(f"a price needs {' and '.join(missing)}, in dollars for a million tokens")
        return cls(**value)

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """Return dollars for one call."""
        return (input_tokens * self.input_per_million + output_tokens * self.output_per_million) / 1_000_000


def most_input_tokens(messages: Sequence[Mapping[str, str]], response_format: Mapping[str, Any] | None) -> int:
    """Return a number of tokens that a request does not exceed.

    A token of the usual byte-level vocabularies covers at least one byte, so the bytes are an upper bound; what chat
    templates add is bounded by `TEMPLATE_TOKENS`.

    >>> most_input_tokens([{"role": "user", "content": "fever"}], None)
    261
    """
    size = sum(len(message["content"].encode("utf-8", "surrogatepass")) for message in messages)
    return size + TEMPLATE_TOKENS + (len(json.dumps(response_format).encode()) if response_format else 0)
