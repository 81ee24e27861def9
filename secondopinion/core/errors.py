"""The one error that a person can act on, and the helper that names the word they meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something that was given is wrong; the message says what came, what was expected and what to do.

    The command line prints the message alone and exits with 2; from Python it is an ordinary `ValueError`.
    """


class DiskFullError(OSError):
    """No room was left while writing; what was there before is untouched and a rerun continues."""


def closest(name: str, options: Iterable[str]) -> str:
    """Return a hint that names the option most like `name`, or lists them all when none is close.

    >>> closest("learning_rat", ["learning_rate", "seed"])
    "did you mean 'learning_rate'?"
    >>> closest("xyz", ["b", "a"])
    'known: a, b'
    """
    options = sorted(map(str, options))
    match = difflib.get_close_matches(str(name), options, n=1, cutoff=0.6)
    return f"did you mean {match[0]!r}?" if match else f"known: {', '.join(options)}"
