"""Can I trust this prediction? How often answers that were as sure as this one were right, as published and drawn."""

from __future__ import annotations

from typing import Any

import look

TITLE = "Can I trust this prediction?"


def trust(facts: dict[str, Any], confidence: float | None, label: str = "") -> str:
    """Return a card: a sentence on answers that are this sure, and the reliability diagram with this text in it.

    Args:
        facts: run.json.
        confidence: of the answer; None before there is one.
        label: the answer.
    """
    calibration = facts.get("calibration") or {}
    bins = [one for one in (calibration.get("bins") or {}).get("after") or () if one["count"]]
    if not bins:
        body = look.notice(
            "warn",
            "No calibration was published with this model.",
            "Read its probabilities as an order, not as how often it is right.",
        )
        return _card(body)
    lines = [] if confidence is None else [said(bins, confidence, label)]
    error = (calibration.get("ece") or {}).get("after")
    if error is not None:
        lines.append(f"On average, certainty and truth lie {100 * error:.1f} percentage points apart.")
    classes = ["l-said", "so-note"][-len(lines) :]
    texts = "".join(f'<p class="{one}">{look.strong(line)}</p>' for one, line in zip(classes, lines, strict=True))
    return _card(f'<div class="l-trust"><div>{texts}</div>{diagram(bins, confidence)}</div>')


def said(bins: list[dict[str, Any]], confidence: float, label: str) -> str:
    """Return how often answers of this certainty were right.

    >>> said([{"low": 0.5, "high": 1.0, "count": 40, "accuracy": 0.7, "confidence": 0.8}], 0.83, "Death")
    '**Death**, 83% sure. Out of fold, **70%** of the 40 answers that were 50% to 100% sure were right.'
    """
    found = next((one for one in bins if one["low"] <= confidence <= one["high"]), None)
    start = f"**{label}**, {confidence:.0%} sure."
    if found is None:
        return f"{start} No answer out of fold was as sure as this one, so nothing was measured here."
    answers = "answer that was" if found["count"] == 1 else "answers that were"
    return (
        f"{start} Out of fold, **{found['accuracy']:.0%}** of the {found['count']:,} {answers} "
        f"{found['low']:.0%} to {found['high']:.0%} sure were right."
    )


def diagram(bins: list[dict[str, Any]], confidence: float | None) -> str:
    """Return the reliability diagram as HTML with an inline SVG that follows the page's size and colours."""
    total = sum(one["count"] for one in bins)
    path = " ".join(f"{100 * one['confidence']:.2f},{100 - 100 * one['accuracy']:.2f}" for one in bins)
    drawn = [f'<line class="grid" x1="0" x2="100" y1="{at}" y2="{at}"/>' for at in (0, 25, 50, 75, 100)]
    drawn += [
        '<line class="random" x1="0" y1="100" x2="100" y2="0"/>',
        f'<polyline class="policy" points="{path}"/>',
    ]
    marks = [
        f'<i class="l-bin" style="left:{100 * one["confidence"]:.2f}%;top:{100 - 100 * one["accuracy"]:.2f}%;'
        f'--size:{7 + 22 * (one["count"] / total) ** 0.5:.1f}px"></i>'
        for one in bins
    ]
    spoken = f"How often answers were right against how sure they were, {total:,} texts out of fold."
    if confidence is not None:
        marks.append(f'<i class="guide" style="left:{100 * confidence:.2f}%"></i>')
        side = "left" if confidence > 0.5 else ""
        marks.append(f'<b class="value {side}" style="left:{100 * confidence:.2f}%;top:88%">this text</b>')
        spoken += f" This text's answer is {confidence:.0%} sure."
    marks += [f'<span class="y" style="top:{100 - at}%">{at}%</span>' for at in (0, 50, 100)]
    marks += [f'<span class="x" style="left:{at}%">{at}%</span>' for at in (0, 50, 100)]
    return (
        f'<figure class="dc-chart l-diagram"><figcaption>Right, against sure</figcaption>'
        f'<div class="dc-plot" role="img" aria-label="{look.text(spoken)}"><div class="dc-area">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{"".join(drawn)}</svg>'
        f"{''.join(marks)}</div></div></figure>"
    )


def _card(body: str) -> str:
    return f'<section class="so-card" aria-label="{TITLE}" id="trust"><h2>{TITLE}</h2>{body}</section>'
