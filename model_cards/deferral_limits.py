"""The limits of a deferring system, derived from the facts of its run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .deferral_words import f1_phrase, fallen_back
from .tables import count, number, plain

FEW_CHOOSING = 200


def deferral_limits(facts: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence or two for each limit that the `deferral` section shows; nothing where there is none.

    Args:
        facts: what run.json holds.
    """
    if not facts.get("deferral") or facts["deferral"].get("kind") == "qa":
        return
    for rule in RULES:
        yield from rule(facts, facts["deferral"])


def _experts(deferral: dict[str, Any]) -> str:
    return ", ".join(plain(expert["name"]) for expert in deferral["experts"])


def _f1_name(deferral: dict[str, Any]) -> str:
    positive = deferral.get("positive_label")
    return f1_phrase(f"f1_{positive}" if positive else "macro_f1")


def _fallback(facts: dict[str, Any], deferral: dict[str, Any]) -> Iterator[str]:
    instead = fallen_back(deferral)
    if instead:
        alone = "the expert" if deferral["fallback"].get("to") == "expert" else "the classifier"
        yield (
            f"**No gain was shown**, so the published model {instead} and is no better than {alone} alone. The figures "
            "of deferral are of the system that was not adopted."
        )


def _against_others(facts: dict[str, Any], deferral: dict[str, Any]) -> Iterator[str]:
    figures, f1 = deferral["figures"], _f1_name(deferral)
    compared = figures.get("differences") or {}
    expert = (compared.get("system - expert") or {}).get("f1") or {}
    if expert.get("high", 0.0) < 0:
        yield (
            f"**{_experts(deferral)} alone is better**: {f1} {number(figures['expert']['f1'])} when asked about every "
            f"text, against {number(figures['system']['f1'])} of this system. What the system saves is calls: it asks "
            f"about {figures['deferral_rate']:.1%} of the texts."
        )
    lot = (compared.get("system - random") or {}).get("f1") or {}
    if "low" in lot and lot["low"] <= 0 <= lot["high"] and figures["deferred_rows"]:
        yield (
            f"**Not clearly better than deferring by lot** in {f1} at this share: the interval of the difference, "
            f"{lot['low']:+.4f} to {lot['high']:+.4f}, holds zero."
        )
    elif lot.get("high", 0.0) < 0:
        yield f"**Worse than deferring by lot** in {f1} at this share, by {-lot['difference']:.4f}."


def _cross_fitted(facts: dict[str, Any], deferral: dict[str, Any]) -> Iterator[str]:
    yield (
        "**Figures of a procedure.** The figures of deferral are cross-fitted: the policy that scored a row was made "
        "without its fold, the threshold without its half of that fold. They say what this way of making a system "
        "comes to; the published policy and threshold are one outcome of it, and their own share deferred and figures "
        "will differ."
    )


def _few_choosing(facts: dict[str, Any], deferral: dict[str, Any]) -> Iterator[str]:
    rows, threshold = deferral["parts"]["choose"], deferral["threshold"]
    bound, budget = threshold.get("rate_bound"), threshold["rule"].get("budget")
    if deferral["fallback"]["used"]:
        return
    if rows < FEW_CHOOSING:
        yield f"**Few rows behind the threshold.** It was chosen on {count(rows)} rows."
    if budget is not None and bound is not None and bound > budget:
        only = "It holds in expectation only: on" if threshold["rule"]["mode"] == "expected" else "On"
        yield (
            f"**The budget may be passed.** {only} texts of the same kind up to {bound:.1%} may be deferred, against a "
            f"budget of {budget:.1%}. Give the pipeline `budget=` for a cap that cannot be passed."
        )


def _exchangeable(facts: dict[str, Any], deferral: dict[str, Any]) -> Iterator[str]:
    if deferral["fallback"]["used"] and not deferral.get("certificate"):
        return
    what = "The threshold and the certificate" if deferral.get("certificate") else "The policy and the threshold"
    yield (
        f"**Like texts only.** {what} are about texts drawn like the rows they were made on; for other sources, times "
        "or shares of classes they say nothing."
    )


def _certificate(facts: dict[str, Any], deferral: dict[str, Any]) -> Iterator[str]:
    certificate = deferral.get("certificate")
    if certificate and not certificate["holds"]:
        yield (
            f"**No certificate.** That the risk is at most {certificate['level']:.4g} was tested and not shown; the "
            f"smallest level that the rows support is {certificate['upper_bound']:.4f}."
        )


def _groups(facts: dict[str, Any], deferral: dict[str, Any]) -> Iterator[str]:
    groups, rows = facts["dataset"].get("groups"), facts["dataset"]["rows"]
    if groups and groups < rows:
        counted = " The certificate counts groups, not rows." if deferral.get("certificate") else ""
        yield (
            f"**Dependent rows.** {count(rows)} rows come in {count(groups)} groups, and a group stands in one fold "
            f"and one part. The bound on the share deferred takes rows as independent.{counted}"
        )
    elif not groups:
        yield "**Dependence between rows is not known**: no groups are on record, so rows were taken as independent."


def _unusable(facts: dict[str, Any], deferral: dict[str, Any]) -> Iterator[str]:
    silent = [expert for expert in deferral["experts"] if expert["votes"]["unusable"]]
    if not silent:
        return
    counts = ", ".join(
        f"{count(expert['votes']['unusable'])} of {count(expert['votes']['asked'])} of {plain(expert['name'])}"
        for expert in silent
    )
    yield (
        f"**Unusable votes.** {counts}. Where a deferred text gets none the classifier's own class stands, which "
        f"happened to {count(deferral['figures']['unanswered'])} of the {count(deferral['figures']['deferred_rows'])} "
        "deferred rows. Beside the single models an expert alone counts such a row as wrong."
    )


def _expert_may_change(facts: dict[str, Any], deferral: dict[str, Any]) -> Iterator[str]:
    changing = [expert for expert in deferral["experts"] if expert.get("kind") != "run"]
    if changing:
        names = ", ".join(plain(expert["name"]) for expert in changing)
        yield (
            f"**The expert may change behind its name.** The votes of {names} were collected once. An expert that now "
            "answers otherwise (another version, another prompt, other people) voids policy, threshold and figures."
        )


def _remote(facts: dict[str, Any], deferral: dict[str, Any]) -> Iterator[str]:
    remote = [plain(expert["name"]) for expert in deferral["experts"] if expert.get("remote")]
    if remote:
        yield (
            f"**Deferred texts leave the machine** where {', '.join(remote)} is asked as it was here: the expert is a "
            "hosted service. Ask only where the texts' terms allow it."
        )


RULES = (
    _fallback,
    _against_others,
    _certificate,
    _cross_fitted,
    _few_choosing,
    _exchangeable,
    _groups,
    _unusable,
    _expert_may_change,
    _remote,
)
