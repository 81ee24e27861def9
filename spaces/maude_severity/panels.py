"""What the page shows: both readings of a report, how sure to be of them, and the limits of the models."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import look
from readers import Baseline, Encoder, Published

MAX_CHARACTERS = 100_000
_STRONG, _AS_STRONG = re.compile(r"\*\*(.+?)\*\*"), r"<strong>\1</strong>"


@dataclass(frozen=True)
class Panels:
    """Reads reports with one or two models and returns HTML.

    Attributes:
        encoder: phase 2.
        baseline: phase 1; without it phase 2 stands alone.
    """

    encoder: Encoder
    baseline: Baseline | None = None

    def __post_init__(self) -> None:
        if self.baseline is not None and set(self.baseline.labels) != set(self.encoder.labels):
            raise ValueError(
                f"the models do not have the same classes: phase 1 {sorted(self.baseline.labels)}, phase 2 "
                f"{sorted(self.encoder.labels)}; give two models that were trained on the same data"
            )

    def facts(self) -> list[tuple[str, str]]:
        """Return what the head of the page says of the models."""
        published = self.encoder.published
        facts = [
            ("Model", published.source),
            ("Revision", published.revision),
            ("Licence", published.licence),
        ]
        if self.baseline is not None:
            facts.append(("Baseline", self.baseline.published.source))
        return facts

    def length(self, report: str) -> str:
        """Return how long a report is, and how much of it the encoder can read."""
        line = f"{len(report):,} character{'' if len(report) == 1 else 's'}"
        if len(report) > MAX_CHARACTERS:
            line += f" · this page reads up to {MAX_CHARACTERS:,}"
        elif report.strip():
            line += f" · {self.encoder.count(report):,} of {self.encoder.max_tokens:,} tokens"
        return f'<div class="so so-note">{look.text(line)}</div>'

    def empty(self, notice: str = "") -> str:
        """Return the cards without values, below a notice."""
        return self._page([notice], [dict.fromkeys(self.encoder.labels) for _ in self._phases()])

    def read(self, report: str) -> str:
        """Return the readings of a report, or what is wrong with it."""
        if not report.strip():
            return self.empty(
                look.notice("stop", "There is nothing to read.", "Paste the text of a report, or choose an example.")
            )
        if len(report) > MAX_CHARACTERS:
            return self.empty(
                look.notice(
                    "stop",
                    "This text is too long.",
                    f"It has {len(report):,} characters; this page reads up to {MAX_CHARACTERS:,}. "
                    "Paste the narrative of one report.",
                )
            )
        second = self.encoder.probabilities(report)
        tokens = self.encoder.count(report)
        notices = [self._truncation(tokens)] if tokens > self.encoder.max_tokens else []
        if self.baseline is None:
            return self._page(notices, [second])
        first = self.baseline.probabilities(report)
        return self._page([agreement(first, second), *notices], [first, second])

    def _phases(self) -> list[tuple[str, str]]:
        base = self.encoder.published.facts.get("model", {}).get("base_model") or "encoder"
        phases = [("Phase 1", "TF-IDF baseline"), ("Phase 2", str(base).rsplit("/", 1)[-1])]
        return phases if self.baseline is not None else phases[1:]

    def _page(self, notices: list[str], readings: list[dict[str, Any]]) -> str:
        cards = "".join(
            look.bars(*phase, [(label, reading[label]) for label in self.encoder.labels])
            for phase, reading in zip(self._phases(), readings, strict=True)
        )
        return f'<div class="so">{"".join(notices)}<div class="so-pair">{cards}</div></div>'

    def _truncation(self, tokens: int) -> str:
        rest = "." if self.baseline is None else "; phase 1 reads all of it."
        return look.notice(
            "warn",
            f"Phase 2 read the first {self.encoder.max_tokens:,} of {tokens:,} tokens.",
            "Its answer knows nothing of the rest" + rest,
        )


def agreement(first: dict[str, float], second: dict[str, float]) -> str:
    """Return a notice that says whether two readings name the same class."""
    one, two = max(first, key=first.__getitem__), max(second, key=second.__getitem__)
    if one == two:
        return look.notice(
            "calm", f"Both models read this report as {one}.", "Agreement is not proof; see the limits below."
        )
    return look.notice(
        "warn",
        "The two models disagree: a second look is worthwhile.",
        f"Phase 1 reads {one} ({first[one]:.0%}), phase 2 reads {two} ({second[two]:.0%}).",
    )


def about(published: Published) -> str:
    """Return figures and limits of the published model, from its run.json and its card."""
    warning = ""
    if published.synthetic:
        warning = look.notice(
            "calm",
            "Trained on synthetic demonstration data.",
            "The reports were written by a generator; these figures say nothing about real reports.",
        )
    limits = published.limits or ("The card of this model states no limits: take every answer as unverified.",)
    items = "".join(f"<li>{_STRONG.sub(_AS_STRONG, look.text(item))}</li>" for item in limits)
    return (
        f'<div class="so">{warning}<div class="so-pair so-uneven">'
        f'<section class="so-card"><h2>How well they do</h2>{figures(published.facts)}</section>'
        f'<section class="so-card"><h2>Limits</h2><ul class="so-list">{items}</ul></section></div></div>'
    )


def figures(facts: dict[str, Any]) -> str:
    """Return the out-of-fold figures of both phases as a table.

    Args:
        facts: run.json; the baseline's figures in it are of the same rows.
    """
    baseline = facts.get("baseline") or {}
    ours = (facts.get("summary") or {}).get("out_of_fold") or {}
    theirs = (baseline.get("summary") or {}).get("out_of_fold") or {}
    if not ours.get("per_class"):
        return '<p class="so-note">No figures were published with this model: it has no run.json.</p>'
    names = [(f"f1_{label}", f"{label} F1", row["support"]) for label, row in ours["per_class"].items()]
    total = sum(support for *_, support in names)
    names += [("macro_f1", "Macro F1", total), ("weighted_f1", "Weighted F1", total)]
    rows = [(title, _cell(theirs, name), _cell(ours, name), f"{n:,}") for name, title, n in names]
    missed = facts.get("missed")
    if missed:
        before = baseline.get("missed")
        cells = (f"{before['missed']:,}" if before else "–", f"{missed['missed']:,}", f"{missed['total']:,}")
        rows.append((f"{missed['label']} missed", *cells))
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Out of fold", "Phase 1", "Phase 2", "Reports"))
    body = "".join(
        f'<tr><th scope="row">{look.text(title)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for title, *cells in rows
    )
    return f'<table class="so-figures"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _cell(figures: dict[str, Any], name: str) -> str:
    value = figures.get(name)
    if name.startswith("f1_"):
        value = (figures.get("per_class") or {}).get(name.removeprefix("f1_"), {}).get("f1")
    if value is None:
        return "–"
    interval = (figures.get("intervals") or {}).get(name)
    return f"{value:.3f}" + (f" <small>{interval[0]:.3f}–{interval[1]:.3f}</small>" if interval else "")
