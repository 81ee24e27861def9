"""What the page shows: the answer to a text and who gave it, the whole trade-off, and what was published of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import look
from curve import Curve, chart
from system import Reading, System

MAX_CHARACTERS = 100_000
TWO_TONES = ("blue", "amber")


@dataclass(frozen=True)
class Opinion:
    """An expert's answer.

    Attributes:
        label: a class, or None where the answer was unusable.
        source: who gave it, and how, in a few words.
    """

    label: str | None
    source: str


@dataclass(frozen=True)
class Case:
    """A text that was read, without the text.

    Attributes:
        reading: what the model says.
        asked_from: the least budget at which it is deferred; None where budgets are unknown or none is enough.
        opinion: the expert's answer, once there is one.
    """

    reading: Reading
    asked_from: float | None
    opinion: Opinion | None = None


@dataclass(frozen=True)
class Panels:
    """Turns readings and published figures into HTML.

    Attributes:
        system: the model.
        curve: its published curve.
        ways: how an expert can be reached from this page: any of `live`, `queue`.
    """

    system: System
    curve: Curve
    ways: tuple[str, ...] = ()

    def facts(self) -> list[tuple[str, str]]:
        """Return what the head of the page says of the system."""
        published, deferral = self.system.published, self.system.deferral
        return [
            ("Model", published.source),
            ("Revision", published.revision),
            ("Licence", published.licence),
            ("Policy", str(deferral["policy"].get("title") or deferral["policy"]["name"])),
            ("Expert", ", ".join(expert["name"] for expert in deferral["experts"])),
        ]

    @property
    def tones(self) -> tuple[str, ...]:
        """A colour for each class; of two classes none is worse by itself."""
        return TWO_TONES if len(self.system.labels) == 2 else look.TONES

    def measures(self) -> dict[str, str]:
        """Return measure → what it is called."""
        positive = self.system.deferral.get("positive_label")
        return {"f1": f"F1 of {positive}" if positive else "Macro F1", "accuracy": "Accuracy"}

    def length(self, text: str) -> str:
        """Return how long a text is, and how much of it the model can read."""
        line = f"{len(text):,} character{'' if len(text) == 1 else 's'}"
        if len(text) > MAX_CHARACTERS:
            line += f" · this page reads up to {MAX_CHARACTERS:,}"
        elif text.strip():
            line += f" · {self.system.count(text):,} of {self.system.max_tokens:,} tokens"
        return f'<div class="so so-note">{look.text(line)}</div>'

    def problem(self, text: str) -> str:
        """Return a notice on what keeps a text from being read, or nothing."""
        if not text.strip():
            return look.notice("stop", "There is nothing to read.", "Write or paste a text, or choose an example.")
        if len(text) > MAX_CHARACTERS:
            return look.notice(
                "stop",
                "This text is too long.",
                f"It has {len(text):,} characters; this page reads up to {MAX_CHARACTERS:,}.",
            )
        return ""

    def answer(self, case: Case | None, rate: float, notice: str = "") -> str:
        """Return the three cards: classifier, decision, final answer."""
        labels = self.system.labels
        shares = case.reading.probabilities if case else dict.fromkeys(labels)
        bars = look.bars(
            "Classifier", "calibrated", [(label, shares[label]) for label in labels], self.tones, empty="No text yet"
        )
        notices = notice + (self._truncation(case) if case else "")
        return (
            f'<div class="so">{notices}<div class="dc-flow">{bars}'
            f"{self._decision(case, rate)}{self._final(case, rate)}</div></div>"
        )

    def _truncation(self, case: Case) -> str:
        limit = self.system.max_tokens
        if case.reading.tokens <= limit:
            return ""
        return look.notice(
            "warn",
            f"The model read the first {limit:,} of {case.reading.tokens:,} tokens.",
            "Answer and score know nothing of the rest, but the policy knows that there is one.",
        )

    def _decision(self, case: Case | None, rate: float) -> str:
        threshold = self.curve.threshold_at(rate)
        if case is None:
            return _card("Decision", "at this budget", '<p class="so-verdict none">Keep or ask?</p>')
        score, asks = case.reading.score, self.curve.deferred(case.reading.score, rate)
        verdict = "Ask the expert" if asks else "Keep the answer"
        tone = "--tone: var(--so-amber)" if asks else "--tone: var(--so-calm-line)"
        shown = "none" if math.isinf(threshold) and threshold > 0 else "any" if math.isinf(threshold) else None
        rows = [("Deferral score", f"{score:.3f}"), ("Asked above", shown or f"{threshold:.3f}")]
        if self.curve.follows:
            rows.append(("Asked from a budget of", "–" if case.asked_from is None else f"{case.asked_from:.1%}"))
        body = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows)
        return _card(
            "Decision",
            f"at {rate:.1%}" if self.curve.follows else "at the published threshold",
            f'<p class="so-verdict"><span class="so-dot" style="{tone}"></span>{verdict}</p>'
            f'<dl class="dc-facts">{body}</dl>',
        )

    def _final(self, case: Case | None, rate: float) -> str:
        if case is None:
            return _card("Final answer", "of the system", '<p class="so-verdict none">No text yet</p>')
        own, opinion = case.reading.answer, case.opinion
        if not self.curve.deferred(case.reading.score, rate):
            return self._said(own, "the classifier's", "The expert was not asked.")
        if opinion is None:
            return _card(
                "Final answer", "not yet", f'<p class="so-verdict none">An expert decides</p>{_note(self._way())}'
            )
        if opinion.label is None:
            return self._said(
                own, "the classifier's", f"{opinion.source}: no usable answer, so the classifier's stands."
            )
        word = "agrees with" if opinion.label == own else "overrules"
        return self._said(opinion.label, "the expert's", f"{opinion.source}. It {word} the classifier ({own}).")

    def _said(self, label: str, whose: str, note: str) -> str:
        place = self.system.labels.index(label)
        tone = f"--tone: var(--so-{self.tones[min(place, len(self.tones) - 1)]})"
        verdict = f'<p class="so-verdict"><span class="so-dot" style="{tone}"></span>{look.text(label)}</p>'
        return _card("Final answer", whose, verdict + _note(note))

    def _way(self) -> str:
        lines = {
            "live": "Press Read to ask the expert.",
            "queue": "Send the text to the review queue; a person answers in the next tab.",
        }
        found = " ".join(lines[way] for way in self.ways if way in lines)
        return found or "No expert is connected to this page; the examples bring a recorded answer along."

    def trade_off(self, case: Case | None, rate: float, measure: str) -> str:
        """Return the curve with a point at the budget, and the figures there beside what it is held against."""
        titles = self.measures()
        drawn = chart(self.curve, measure, titles[measure], rate, case.asked_from if case else None)
        return (
            f'<div class="so dc-trade">{drawn}<div class="dc-side">{self._figures(rate)}'
            f"{_note(self._under(rate))}</div>{_legend(case is not None and case.asked_from is not None)}</div>"
        )

    def _figures(self, rate: float) -> str:
        curve, titles = self.curve, self.measures()
        names = {"policy": "This policy", "random": "By lot", "oracle": "Oracle"}
        cost = curve.at(curve.cost, rate) if curve.cost else None
        whole = curve.cost[-1] if curve.cost else None
        by_lot = None if whole is None else whole * rate
        rows = [
            (title, [curve.at(curve.lines[name][who], rate) for name in titles], cost if who == "policy" else by_lot)
            for who, title in names.items()
        ]
        rows += [
            ("Classifier alone", list(curve.alone["classifier"].values()), None if whole is None else 0.0),
            ("Expert alone", list(curve.alone["expert"].values()), whole),
        ]
        heads = "".join(f'<th scope="col">{look.text(head)}</th>' for head in titles.values())
        body = "".join(
            f'<tr class="{"own" if title == "This policy" else ""}"><th scope="row">{title}</th>'
            f"{''.join(f'<td>{value:.3f}</td>' for value in values)}<td>{_dollars(price)}</td></tr>"
            for title, values, price in rows
        )
        return (
            f'<table class="so-figures"><thead><tr><th scope="col">At {rate:.1%} asked</th>{heads}'
            f'<th scope="col">Per 1,000 texts</th></tr></thead><tbody>{body}</tbody></table>'
        )

    def _under(self, rate: float) -> str:
        lines = self.curve.lines
        intervals = [
            f"{title} {self.curve.at(lines[name]['low'], rate):.3f}–{self.curve.at(lines[name]['high'], rate):.3f}"
            for name, title in self.measures().items()
            if "low" in lines[name]
        ]
        said = f"Measured out of fold on {self.curve.rows:,} texts"
        said += f"; 95% intervals: {', '.join(intervals)}." if intervals else "."
        if not self.curve.cost:
            said += " No price of the expert was published."
        if not self.curve.follows:
            said += " No score was published for each budget, so the decision stays with the published threshold."
        elif abs(rate - self.curve.start) > 1e-9:
            said += (
                " The threshold is read from out-of-fold scores; only the published one was chosen on rows of its own."
            )
        return said


def about(system: System) -> str:
    """Return how the threshold was chosen, what is certified, and the limits of the published model."""
    deferral, published = system.deferral, system.published
    fallback, certificate = deferral.get("fallback") or {}, deferral.get("certificate")
    notices = []
    if published.synthetic:
        notices.append(
            look.notice(
                "calm", "Trained on synthetic demonstration data.", "These figures say nothing about real texts."
            )
        )
    if fallback.get("used"):
        notices.append(look.notice("warn", "As published, this system asks nobody.", str(fallback.get("reason") or "")))
    rows = [("Threshold", str((deferral.get("threshold") or {}).get("reason") or "not stated"))]
    if certificate:
        rows.append(("Certificate", f"{certificate['statement']} It is about the published threshold alone."))
    else:
        rows.append(("Certificate", "None was asked for: nothing is promised about the error of single decisions."))
    if fallback.get("reason") and not fallback.get("used"):
        rows.append(("Gain", str(fallback["reason"])))
    rows += [("Expert", _expert_line(expert)) for expert in deferral["experts"]]
    body = "".join(f"<div><dt>{name}</dt><dd>{look.text(value)}</dd></div>" for name, value in rows)
    limits = published.limits or ("The card of this model states no limits: take every answer as unverified.",)
    items = "".join(f"<li>{look.strong(item)}</li>" for item in limits)
    return (
        f'<div class="so dc-about">{"".join(notices)}'
        f'<section class="so-card"><h2>How it was chosen</h2><dl class="dc-long">{body}</dl></section>'
        f'<section class="so-card"><h2>Limits</h2><ul class="so-list dc-limits">{items}</ul></section></div>'
    )


def _expert_line(expert: dict[str, Any]) -> str:
    votes, alone = expert.get("votes") or {}, expert.get("alone") or {}
    parts = [expert["name"], expert.get("model") or expert.get("kind")]
    if alone.get("accuracy") is not None:
        parts.append(f"right in {alone['accuracy']:.1%} of its {votes.get('usable', 0):,} usable answers")
    if votes.get("unusable"):
        parts.append(f"{votes['unusable']:,} unusable")
    if expert.get("prompt_name"):
        parts.append(f"prompt {expert['prompt_name']} {str(expert.get('prompt_sha1') or '')[:10]}".rstrip())
    return " · ".join(str(part) for part in parts if part)


def _card(title: str, subtitle: str, body: str) -> str:
    name = look.text(title)
    return f'<section class="so-card" aria-label="{name}"><h3>{name} · {look.text(subtitle)}</h3>{body}</section>'


def _note(line: str) -> str:
    return f'<p class="so-note">{look.text(line)}</p>' if line else ""


def _dollars(value: float | None) -> str:
    return "–" if value is None else f"${value:,.2f}"


def _legend(with_text: bool) -> str:
    names = [
        ("policy", "This policy"),
        ("oracle", "Oracle"),
        ("random", "By lot"),
        ("expert", "Expert alone"),
        ("classifier", "Classifier alone"),
    ]
    items = "".join(
        f'<li><svg viewBox="0 0 26 8" aria-hidden="true"><line class="{who}" x1="1" x2="25" y1="4" y2="4"/></svg>'
        f"{name}</li>"
        for who, name in names
    )
    items += '<li><i class="point"></i>Budget</li><li><i class="published"></i>As published</li>'
    if with_text:
        items += '<li><i class="text"></i>Asked from here on: the text above</li>'
    return f'<ul class="dc-legend">{items}</ul>'
