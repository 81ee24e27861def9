"""Sentences about a deferring system, made from its facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .tables import count, dollars, figure_name, number, plain

TASK = "deferring-text-classification"
PLOTS = ("deferral_curve.png", "deferral_reliability.png")
SCORES = {
    "selective": "The score is how unsure the classifier is of its own answer",
    "compare_confidence": (
        "The score is the estimated probability that the expert is right, less the classifier's own confidence; the "
        "weights are those of the first"
    ),
    "logistic": "The score is the estimated probability that the expert is right where the classifier is wrong",
    "network": (
        "The score is the estimated probability that the expert is right, less that of the classifier being right, "
        "both from a small network"
    ),
    "two_stage": "The score is the expert's output of the two-stage surrogate, less the classifier's",
}
SURROGATES = {
    "ce": "the cross-entropy surrogate (Mozannar and Sontag 2020)",
    "rs": "the realizable surrogate (Mozannar et al. 2023)",
    "ova": "the one-versus-all surrogate (Verma and Nalisnick 2022)",
    "asm": "the asymmetric-softmax surrogate (Cao et al. 2023)",
}
JOINT = "The score holds a deferral logit against the logits of the classes, by the rule of this surrogate"
KINDS = {
    "llm": "a language model",
    "model": "another classifier",
    "person": "a person",
    "recorded": "recorded votes",
    "run": "another run of this suite, on the same folds",
}


def score_meaning(policy: str) -> str:
    """Return what a policy's score is, in a sentence without its full stop."""
    return SCORES.get(policy, JOINT)


def joint_sentence(joint: Mapping[str, Any]) -> str:
    """Return by which loss and from whose votes classifier and policy were trained together.

    >>> votes = {"asked": 9, "usable": 9, "unusable": 0}
    >>> expert = {"name": "panel", "votes": votes, "votes_sha1": "5f", "right": 0.75}
    >>> joint_sentence({"loss": "ova", "alpha": 1.0, "experts": [expert], "own_rate": None}).partition(", from ")[2]
    'votes of panel (9 of 9 usable, 75.0% of them right, SHA-1 `5f`).'
    """
    alpha = f" with α = {joint['alpha']:g}" if joint["loss"] in ("ce", "rs") else ""
    voters = [
        f"{plain(own['name'])} ({count(own['votes']['usable'])} of {count(own['votes']['asked'])} usable, "
        f"{own['right']:.1%} of them right, SHA-1 `{plain(own['votes_sha1'])}`)"
        for own in joint["experts"]
    ]
    silent = any(own["votes"]["unusable"] for own in joint["experts"])
    rest = " Where a vote was unusable the row taught the classes alone." if silent else ""
    rate = joint.get("own_rate")
    if rate is not None:
        rest += f" The loss's own rule, a score above 0, asks about {rate:.1%} of texts that its model had not seen."
    return (
        f"Encoder, head and deferral policy were trained together by {SURROGATES[joint['loss']]}{alpha}, from votes of "
        f"{' and '.join(voters)}.{rest}"
    )


def expert_lines(expert: Mapping[str, Any]) -> list[str]:
    """Return who an expert is, a sentence or a pair of words a line, as Markdown."""
    who = KINDS.get(expert.get("kind"), plain(expert.get("kind") or "unknown"))
    if expert.get("model"):
        who += f", `{plain(expert['model'])}`"
    where = "outside this machine" if expert.get("remote") else "on the machine that the system was made on"
    lines = [f"Who: {who}" + (f", {where}" if expert.get("kind") in ("llm", "model") else "")]
    if expert.get("prompt_sha1"):
        version = f", version {plain(expert['prompt_version'])}" if expert.get("prompt_version") else ""
        lines.append(
            f"Prompt: {plain(expert.get('prompt_name') or 'unnamed')}{version}, SHA-1 `{plain(expert['prompt_sha1'])}`"
        )
    votes = expert["votes"]
    lines.append(
        f"Votes: {count(votes['asked'])} rows asked, {count(votes['usable'])} usable, {count(votes['unusable'])} "
        f"unusable; SHA-1 `{plain(expert['votes_sha1'])}`"
    )
    if expert.get("cost_per_1000_usd") is not None:
        lines.append(f"Price: {dollars(expert['cost_per_1000_usd'])} per 1,000 texts")
    return lines


def prompt_parts(expert: Mapping[str, Any], facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the (role, text) pairs of an expert's prompt where the facts hold it, with fences disarmed."""
    texts = expert.get("prompt_texts")
    if not texts:
        recipe = facts["recipe"].get("experts") or []
        texts = next((own.get("prompt_texts") for own in recipe if own.get("name") == expert["name"]), None)
    return [(role, str(texts[role]).strip().replace("```", "'''")) for role in sorted(texts or {}) if texts[role]]


def cost_sentence(figures: Mapping[str, Any], expert: str) -> str:
    """Return what asking costs, in a sentence.

    >>> cost_sentence({"cost": {"per_1000": 0.084, "share_of_expert": 0.21}}, "gpt")
    'Asking costs $0.084 per 1,000 texts, 21.0% of what asking gpt about every text would cost.'
    """
    cost = figures.get("cost")
    if not cost:
        return "No price of a call is on record, so no cost is stated."
    sentence = f"Asking costs {dollars(cost['per_1000'])} per 1,000 texts"
    if cost.get("share_of_expert") is not None:
        sentence += f", {cost['share_of_expert']:.1%} of what asking {plain(expert)} about every text would cost"
    return sentence + "."


def fallen_back(deferral: Mapping[str, Any]) -> str | None:
    """Return what the published model does in place of the system, where no gain held up; else None.

    >>> fallen_back({"fallback": {"used": True, "to": "expert"}})
    'asks about every text'
    """
    fallback = deferral["fallback"]
    if not fallback["used"]:
        return None
    return "asks about every text" if fallback.get("to") == "expert" else "asks about no text"


def single_model(deferral: Mapping[str, Any]) -> str:
    """Return the single model that the system had to be better than, in words."""
    return f"the {deferral['fallback']['over']} alone"


def gain_sentence(deferral: Mapping[str, Any]) -> str:
    """Return whether a gain over the single model was shown and what followed from it."""
    fallback, single = deferral["fallback"], single_model(deferral)
    gain = fallback.get("gain")
    if not gain:
        return plain(fallback["reason"])
    figure = f1_phrase(gain["figure"])
    if gain["low"] > 0:
        return (
            f"The system is better than {single}: the 95% interval of the paired difference in {figure} lies above "
            "zero, on rows that certify nothing."
        )
    shown = f"{gain['difference']:+.4f}, 95% interval {gain['low']:+.4f} to {gain['high']:+.4f}"
    sentence = f"No gain over {single} was shown in {figure} ({shown})"
    return f"{sentence}." if fallback["used"] else f"{sentence}; the recipe said to use the system all the same."


def f1_phrase(key: str) -> str:
    """Return a flat figure's name as it stands inside a sentence.

    >>> f1_phrase("macro_f1"), f1_phrase("f1_Death"), f1_phrase("accuracy")
    ('macro F1', 'F1 of Death', 'accuracy')
    """
    if key.startswith("f1_"):
        return f"F1 of {plain(key[3:])}"
    name = figure_name(key)
    return name[0].lower() + name[1:]


def missed_sentence(losses: Mapping[str, Any]) -> str:
    """Return what mistakes and calls cost where not every mistake counts the same; else nothing."""
    sentences = [
        f"A missed {plain(label)} counts {factor:g} times any other mistake."
        for label, factor in sorted((losses.get("missed") or {}).items())
    ]
    if losses.get("kind") == "f1":
        sentences.append(
            "Misses and false alarms are weighed so that a small change of the F1 is linear in them "
            "(a miss costs 2 − F, a false alarm F, with F the classifier's own F1)."
        )
    if losses.get("per_call"):
        sentences.append(f"A call counts {losses['per_call']:g} of the smallest mistake.")
    return " ".join(sentences)


def share(figures: Mapping[str, Any], key: str) -> str:
    """Return a share in percent, with its interval where there is one.

    >>> share({"deferral_rate": 0.2, "intervals": {"deferral_rate": [0.17, 0.25]}}, "deferral_rate")
    '20.0%, 95% interval 17.0% to 25.0%'
    """
    bounds = (figures.get("intervals") or {}).get(key)
    return f"{figures[key]:.1%}" + (f", 95% interval {bounds[0]:.1%} to {bounds[1]:.1%}" if bounds else "")


def unequal(matrix: list[list[float]]) -> bool:
    """Whether some mistake costs more than another.

    >>> unequal([[0, 1], [1, 0]]), unequal([[0, 5], [1, 0]])
    (False, True)
    """
    return len({value for i, row in enumerate(matrix) for j, value in enumerate(row) if i != j}) > 1


def deferral_summary(facts: Mapping[str, Any]) -> str:
    """Return the deferring system in a few sentences of plain text, for the message of a commit."""
    deferral = facts["deferral"]
    figures, threshold = deferral["figures"], deferral["threshold"]
    asked = ", ".join(expert["name"] for expert in deferral["experts"])
    summary = (
        f"Deferring system: policy {deferral['policy']['name']}, expert {asked}. Cross-fitted macro F1 "
        f"{figures['system']['macro_f1']:.4f} with {figures['deferral_rate']:.1%} deferred, the classifier alone "
        f"{figures['classifier']['macro_f1']:.4f}."
    )
    instead = fallen_back(deferral)
    return (
        f"{summary} It is not adopted: the published model {instead}."
        if instead
        else f"{summary} {threshold['reason']}"
    )


def headline(facts: Mapping[str, Any], f1_key: str, expert: str) -> str:
    """Return the system's figures beside those of the single models, in a sentence of Markdown."""
    figures = facts["deferral"]["figures"]
    low_high = (figures.get("intervals") or {}).get("system.f1")
    bounds = f" [{number(low_high[0])}, {number(low_high[1])}]" if low_high else ""
    return (
        f"**With a second opinion on {figures['deferral_rate']:.1%} of the texts: {f1_phrase(f1_key)} "
        f"{number(figures['system']['f1'])}**{bounds}; the classifier alone {number(figures['classifier']['f1'])}, "
        f"{plain(expert)} alone {number(figures['expert']['f1'])}"
    )
