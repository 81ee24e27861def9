"""The deferral curve as published in run.json: what a budget gives, which score it stands for, and how it looks."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import look

MEASURES = ("f1", "accuracy")
SYSTEMS = ("policy", "random", "oracle")


@dataclass(frozen=True)
class Curve:
    """Figures of the cross-fitted system at each share deferred, measured out of fold.

    Attributes:
        rates: shares deferred, rising from 0 to 1.
        lines: measure → {policy, random, oracle, and low, high of the policy's interval}.
        thresholds: the score above which each share lies, or empty where none were published.
        cost: dollars per 1,000 texts at each share; empty where no price is known.
        published: (share deferred, measure → figure) of the published threshold.
        threshold: the published one; None defers nothing.
        rows: how many it was measured on.
        alone: classifier and expert → measure → figure.
    """

    rates: tuple[float, ...]
    lines: dict[str, dict[str, tuple[float, ...]]]
    thresholds: tuple[float, ...]
    cost: tuple[float, ...]
    published: tuple[float, dict[str, float]]
    threshold: float | None
    rows: int
    alone: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def read(cls, deferral: dict[str, Any], threshold: float | None) -> Curve:
        """Read the section `deferral` of run.json.

        Args:
            deferral: the section.
            threshold: of the published model.

        Raises:
            ValueError: no curve is in it.
        """
        figures = deferral.get("figures") or {}
        curve = figures.get("curve") or {}
        if not curve.get("rate") or any(name not in curve for name in MEASURES):
            raise ValueError("run.json holds no deferral curve; make it anew with: secondopinion defer RUN, then push")
        used = (deferral.get("fallback") or {}).get("used")
        system = figures["classifier"] if used else figures["system"]
        whole = deferral["experts"][0].get("cost_per_1000_usd") if len(deferral["experts"]) == 1 else None
        cost = (curve.get("cost_per_1000") or {}).get("policy")
        if not cost and whole:
            cost = [whole * rate for rate in curve["rate"]]
        return cls(
            rates=tuple(curve["rate"]),
            lines={name: {who: tuple(line) for who, line in curve[name].items()} for name in MEASURES},
            thresholds=_thresholds(curve),
            cost=tuple(cost or ()),
            published=(0.0 if used else figures["deferral_rate"], {name: system[name] for name in MEASURES}),
            threshold=threshold,
            rows=figures["rows"],
            alone={who: {name: figures[who][name] for name in MEASURES} for who in ("classifier", "expert")},
        )

    @property
    def start(self) -> float:
        """The published share deferred, on the slider's steps of half a percent."""
        return round(self.published[0] * 200) / 200

    @property
    def follows(self) -> bool:
        """Whether the decision can follow the budget."""
        return bool(self.thresholds)

    def at(self, line: Sequence[float], rate: float) -> float:
        """Return the value of a line at a share, between two points in proportion."""
        right = min(max(bisect_left(self.rates, rate), 1), len(self.rates) - 1)
        low, high = self.rates[right - 1], self.rates[right]
        part = min(max((rate - low) / (high - low), 0.0), 1.0)
        return line[right - 1] + part * (line[right] - line[right - 1]) if part else line[right - 1]

    def threshold_at(self, rate: float) -> float:
        """Return the score above which the expert is asked at a budget; infinite for never.

        At the published share it is the published threshold; elsewhere that of the out-of-fold scores, never on the
        wrong side of the published one, so that a greater budget never keeps what a smaller one deferred.
        """
        published = math.inf if self.threshold is None else self.threshold
        if not self.follows or abs(rate - self.start) < 1e-9:
            return published
        if rate <= 0.0:
            return math.inf
        if rate >= 1.0:
            return -math.inf
        inner = [(r, t) for r, t in zip(self.rates, self.thresholds, strict=True) if math.isfinite(t)]
        rates, values = zip(*inner, strict=True)
        place = min(max(bisect_left(rates, rate), 1), len(rates) - 1) if len(rates) > 1 else 0
        if rate <= rates[0] or place == 0:
            value = values[0]
        elif rate >= rates[-1]:
            value = values[-1]
        else:
            part = (rate - rates[place - 1]) / (rates[place] - rates[place - 1])
            value = values[place - 1] + part * (values[place] - values[place - 1])
        return min(value, published) if rate > self.start else max(value, published)

    def deferred(self, score: float, rate: float) -> bool:
        """Whether a text of this score is deferred at a budget."""
        return score > self.threshold_at(rate)

    def asked_from(self, score: float) -> float | None:
        """Return the least budget, in steps of half a percent, at which a text of this score is deferred."""
        if not self.follows:
            return None
        steps = (step / 200 for step in range(201))
        return next((rate for rate in steps if self.deferred(score, rate)), None)


def _thresholds(curve: dict[str, Any]) -> tuple[float, ...]:
    """Return the published thresholds; None at an end stands for never (share 0) or always (share 1)."""
    given = curve.get("threshold") or ()
    if isinstance(given, dict):
        given = given.get("policy") or ()
    ends = (math.inf if rate < 0.5 else -math.inf for rate in curve["rate"])
    return tuple(end if value is None else float(value) for value, end in zip(given, ends, strict=bool(given)))


def chart(curve: Curve, measure: str, title: str, rate: float, text_rate: float | None = None) -> str:
    """Return the curve of one measure as HTML with an inline SVG that grows and shrinks with the page.

    Args:
        curve: the figures.
        measure: `f1` or `accuracy`.
        title: what the measure is called.
        rate: where the point stands.
        text_rate: the budget from which the text on the page is deferred.
    """
    lines, alone = curve.lines[measure], {who: curve.alone[who][measure] for who in curve.alone}
    shown = [value for who in (*SYSTEMS, "low", "high") for value in lines.get(who, ())] + list(alone.values())
    ticks = axis(min(shown), max(shown))
    low, span = ticks[0], ticks[-1] - ticks[0]

    def y(value: float) -> float:
        return 100 - 100 * (value - low) / span

    def path(line: Sequence[float]) -> str:
        return " ".join(f"{100 * r:.2f},{y(v):.2f}" for r, v in zip(curve.rates, line, strict=True))

    drawn = [f'<line class="grid" x1="0" x2="100" y1="{y(t):.2f}" y2="{y(t):.2f}"/>' for t in ticks]
    drawn += [f'<line class="grid" y1="0" y2="100" x1="{x}" x2="{x}"/>' for x in (0, 25, 50, 75, 100)]
    if "low" in lines and "high" in lines:
        back = " ".join(reversed(path(lines["low"]).split()))
        drawn.append(f'<polygon class="band" points="{path(lines["high"])} {back}"/>')
    drawn += [f'<line class="{who}" x1="0" x2="100" y1="{y(v):.2f}" y2="{y(v):.2f}"/>' for who, v in alone.items()]
    drawn += [f'<polyline class="{who}" points="{path(lines[who])}"/>' for who in ("random", "oracle", "policy")]
    value = curve.at(lines["policy"], rate)
    at, published = f"left:{100 * rate:.2f}%", curve.published
    marks = [
        f'<i class="guide" style="{at}"></i>',
        f'<i class="published" style="left:{100 * published[0]:.2f}%;top:{y(published[1][measure]):.2f}%"></i>',
        f'<i class="point" style="{at};top:{y(value):.2f}%"></i>',
        f'<b class="value {"left" if rate > 0.5 else ""}" style="{at};top:{y(value):.2f}%">{value:.3f}</b>',
    ]
    if text_rate is not None:
        marks.append(f'<i class="text" style="left:{100 * text_rate:.2f}%"></i>')
    marks += [f'<span class="y" style="top:{y(t):.2f}%">{t:.2f}</span>' for t in ticks]
    marks += [f'<span class="x" style="left:{x}%">{x}%</span>' for x in (0, 25, 50, 75, 100)]
    spoken = (
        f"{title} against the share of texts deferred. At {rate:.1%} the system has {value:.3f}, deferring by lot "
        f"{curve.at(lines['random'], rate):.3f}, an oracle {curve.at(lines['oracle'], rate):.3f}; the classifier alone "
        f"has {alone['classifier']:.3f}, the expert alone {alone['expert']:.3f}."
    )
    return (
        f'<figure class="dc-chart"><figcaption>{look.text(title)}</figcaption>'
        f'<div class="dc-plot" role="img" aria-label="{look.text(spoken)}"><div class="dc-area">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{"".join(drawn)}</svg>'
        f"{''.join(marks)}</div></div></figure>"
    )


def axis(low: float, high: float) -> list[float]:
    """Return round ticks, at most eight, that hold both ends.

    >>> axis(0.382, 0.93)
    [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    """
    span = max(high - low, 0.01)
    step = next(s for s in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2) if span / s <= 6 or s == 0.2)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * place, 3) for place in range(first, max(last, first + 1) + 1)]
