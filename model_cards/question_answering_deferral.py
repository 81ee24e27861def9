"""What a card says of a model of questions that knows when to ask for a second opinion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secondopinion.core.wording import p_value

from .question_answering import FIGURES
from .tables import Table, count, interval, number, plain

WHO = {
    "system": "System",
    "model": "Model alone",
    "expert": "Expert alone",
    "random": "Asking by lot, same rate",
    "oracle": "Oracle, same rate",
}


def asks(facts: Mapping[str, Any]) -> bool:
    """Whether `defer` gave the model a policy."""
    return (facts.get("deferral") or {}).get("kind") == "qa"


def opening(facts: Mapping[str, Any]) -> str:
    """Return what the policy does, how often, and whether it holds up."""
    deferral = facts["deferral"]
    figures, fallback = deferral["figures"], deferral["fallback"]
    names = " or ".join(plain(expert["name"]) for expert in deferral["experts"])
    said = (
        f"The model says of each question whether a second opinion, of {names}, is worth asking: `deferred` where "
        f"`deferral_score` is above its threshold. With `expert=` the pipeline asks, about deferred questions alone. "
        f"Cross-fitted on {count(figures['rows'])} out-of-fold questions, {figures['deferral_rate']:.1%} are deferred. "
        f"Policy: {plain(deferral['policy']['title'])}. Threshold: {plain(deferral['threshold']['reason'])}"
    )
    if fallback["used"]:
        does = "never asks" if fallback["to"] == "model" else "always asks"
        said += f"\n\n**No gain held up, so the published model {does}**; the figures are of the system not adopted."
    return said


def table(facts: Mapping[str, Any]) -> Table:
    """Return the system beside the model alone, the expert alone, lot and oracle."""
    figures = facts["deferral"]["figures"]
    names = list(figures["system"])
    rows = [
        [
            title,
            *(
                cell
                for name in names
                for cell in (number(figures[who][name]), interval(figures["intervals"][f"{who}.{name}"]))
            ),
        ]
        for who, title in WHO.items()
    ]
    return Table(["", *(cell for name in names for cell in (FIGURES[name][1], "95% interval"))], rows)


def gains(facts: Mapping[str, Any]) -> str:
    """Return the paired difference to the model alone, in words."""
    found = facts["deferral"]["figures"]["differences"]["system - model"]
    said = [
        f"{FIGURES[name][1]} {gain['difference']:+.4f} ({gain['low']:+.4f} to {gain['high']:+.4f}, "
        f"p {p_value(gain['p_value'])})"
        for name, gain in found.items()
    ]
    return f"System minus model alone, groups resampled together: {'; '.join(said)}."
