"""Settings of a policy over answers: what a model's configuration holds under `deferral`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .qa_signals import check_signals, confidence_signal, known_signals

ANSWER_POLICIES = ("selective", "compare_confidence", "logistic", "network")
DEFAULTS = {
    "policy": "compare_confidence",
    "signals": None,
    "expert_names": ["expert"],
    "call_cost": 0.0,
    "threshold": None,
    "record": None,
    "network_size": 0,
}
NETWORK_SIZE = 16


def deferral_settings(given: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Any]:
    """Return the settings of a policy in full.

    Args:
        given: some of `policy` (see `AnswerDeferral`), `signals` (names of `qa_signals.ANSWER_SIGNALS`; by default all
            that the model has, for `selective` the confidence of what is answered), `expert_names`, `call_cost` (what
            asking costs, in right answers), `threshold` (a question is deferred where its score is greater; None defers
            none), `record` (how the threshold was chosen), `network_size` (width of the hidden layer of `network`).
        tasks: of the model.

    Raises:
        ValueError: a key, a policy or a signal is unknown, a signal is of a head that the model lacks, or a value is
            out of range.

    >>> settings = deferral_settings({"policy": "selective"}, ["span", "category"])
    >>> settings["signals"], settings["threshold"]
    (['answer_probability'], None)
    """
    unknown = sorted(set(given) - set(DEFAULTS))
    if unknown:
        raise ValueError(f"deferral has the unknown key {unknown[0]!r}; known: {', '.join(DEFAULTS)}")
    settings = {**DEFAULTS, **given}
    policy = settings["policy"]
    if policy not in ANSWER_POLICIES:
        raise ValueError(f"deferral: unknown policy {policy!r}; known: {', '.join(ANSWER_POLICIES)}")
    _check_signals(settings, tasks)
    names = settings["expert_names"]
    if not isinstance(names, list) or not names or len(set(names)) != len(names):
        raise ValueError(f"deferral: expert_names is {names!r}; list at least one expert, each of them once")
    size = settings["network_size"]
    if policy == "network" and "network_size" not in given:
        size = settings["network_size"] = NETWORK_SIZE
    if not isinstance(size, int) or (size > 0) != (policy == "network"):
        raise ValueError(
            f"deferral: network_size is {size!r} for the policy {policy!r}; it is the width of the hidden layer of "
            "'network', 1 or more there and 0 elsewhere"
        )
    if not _number(settings["call_cost"]) or settings["call_cost"] < 0:
        raise ValueError(f"deferral: call_cost is {settings['call_cost']!r}; give what asking costs, 0 or more")
    if settings["threshold"] is not None and not _number(settings["threshold"]):
        raise ValueError(f"deferral: threshold is {settings['threshold']!r}; give a number, or None to defer nothing")
    return settings


def _check_signals(settings: dict[str, Any], tasks: Sequence[str]) -> None:
    known, policy = known_signals(tasks), settings["policy"]
    confidence = confidence_signal(tasks)
    if settings["signals"] is None:
        settings["signals"] = [confidence] if policy == "selective" else list(known)
    names = settings["signals"] = list(settings["signals"])
    check_signals(names)
    absent = [name for name in names if name not in known]
    if absent:
        raise ValueError(
            f"deferral: the signal {absent[0]!r} is read from a head that a model of {' and '.join(tasks)} does not "
            f"have; it has {', '.join(known)}"
        )
    if policy == "selective" and names != [confidence]:
        raise ValueError(
            f"deferral: selective reads the confidence of what is answered, [{confidence!r}], not {names}; leave "
            "signals out"
        )
    if not names:
        raise ValueError(f"deferral: the policy {policy!r} reads no signal; name at least one of {', '.join(known)}")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


__all__ = ["ANSWER_POLICIES", "deferral_settings"]
