"""What the page shows of a case: classes, the case with its marks, and how measurements are read."""

from __future__ import annotations

from collections import Counter

import look
from marking import Mark, marked, shade, tone
from reader import Reader, Reading, Weights, case_id

MAX_CHARACTERS = 100_000
TOP = 8
WIDE_GAP = 0.25
HEARD = "attends to the whole text"
ENTITIES, CARRIED = "Entities and measurements", "What carried the prediction"


class Panels:
    """Turns what a model makes of a case into HTML.

    Args:
        reader: the model.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def facts(self) -> list[tuple[str, str]]:
        """Return what the head of the page says of the model."""
        published = self.reader.published
        base = published.facts.get("model", {}).get("base_model")
        facts = [("Model", published.source), ("Revision", published.revision), ("Licence", published.licence)]
        facts += [("Encoder", str(base).rsplit("/", 1)[-1])] if base else []
        return [*facts, ("Reads", f"{self.reader.max_tokens:,} tokens")]

    def length(self, case: str) -> str:
        """Return how long a case is."""
        line = f"{len(case):,} character{'' if len(case) == 1 else 's'}"
        if len(case) > MAX_CHARACTERS:
            line += f" · this page reads up to {MAX_CHARACTERS:,}"
        return f'<div class="so so-note">{look.text(line)}</div>'

    def problem(self, case: str) -> str:
        """Return a notice on what keeps a case from being read, or nothing."""
        if not case.strip():
            return look.notice("stop", "There is nothing to read.", "Paste a case description, or choose an example.")
        if len(case) > MAX_CHARACTERS:
            return look.notice(
                "stop",
                "This text is too long.",
                f"It has {len(case):,} characters; this page reads up to {MAX_CHARACTERS:,}.",
            )
        return ""

    def classes(self, reading: Reading | None, notice: str = "") -> str:
        """Return the bars of the classes, below what a person should know first."""
        shares = reading.probabilities if reading else {}
        bars = look.bars(
            "Class", "probability", [(name, shares.get(name)) for name in self.reader.labels], empty="No case yet"
        )
        return f'<div class="so">{notice}{self._limits(reading) if reading else ""}{bars}</div>'

    def _limits(self, reading: Reading) -> str:
        notices = ""
        if reading.all_tokens > reading.tokens:
            notices += look.notice(
                "warn",
                f"The model read {reading.tokens:,} of {reading.all_tokens:,} tokens.",
                "Its answer knows nothing of the rest, which is struck through below.",
            )
        if self.reader.processor.global_attention and not any(heard for *_, heard in reading.entities):
            notices += look.notice(
                "warn",
                "No entity of this text attends to the whole of it.",
                "Only its first token does: words far apart are hardly read together.",
            )
        return notices

    def case(self, reading: Reading | None, weights: Weights | None, case: str, view: str) -> str:
        """Return the case with its marks; nothing where it was not read."""
        if reading is None:
            return ""
        if reading.case != case_id(case):
            notice = look.notice("warn", "The text has changed since it was read.", "Press Classify again.")
            return f'<div class="so">{notice}</div>'
        if view == CARRIED and weights is not None:
            return self._carried(reading, weights, case)
        return self._found(reading, case)

    @staticmethod
    def unweighed(reading: Reading | None, weights: Weights | None, case: str, view: str) -> bool:
        """Return whether a view needs weights of words that are not there yet."""
        if view != CARRIED or reading is None or reading.case != case_id(case):
            return False
        return weights is None or weights.case != reading.case

    def _found(self, reading: Reading, case: str) -> str:
        spelt = {(start, end): canonical for start, end, canonical in reading.measurements}
        marks = [
            Mark(start, end, tone(kind), kind)
            if not heard
            else Mark(start, end, f"{tone(kind)} heard", f"{kind}, {HEARD}")
            for start, end, kind, heard in reading.entities
        ]
        taken = [(mark.start, mark.end) for mark in marks]
        marks += [
            Mark(start, end, tone("measurement"), f"measurement, read as {canonical}")
            for (start, end), canonical in spelt.items()
            if all(end <= first or last <= start for first, last in taken)
        ]
        counts = Counter(kind for _, _, kind, _ in reading.entities if kind != "measurement")
        counts |= Counter({"measurement": len(spelt)}) if spelt else Counter()
        key = "".join(
            f'<li><mark class="{tone(kind)}"></mark>{look.text(kind)} {count}</li>'
            for kind, count in sorted(counts.items())
        )
        heard = sum(heard for *_, heard in reading.entities)
        line = f"{len(reading.entities)} entities, {len(spelt)} measurements."
        if self.reader.processor.global_attention:
            line += f" {heard} of the entities, in bold, attend to the whole text."
        body = f'<ul class="lc-key">{key}</ul>{marked(case, marks, reading.read)}{self._spelling(reading, case)}'
        return self._card(line, body)

    def _spelling(self, reading: Reading, case: str) -> str:
        changed = {case[start:end]: canonical for start, end, canonical in reading.measurements}
        changed = {before: after for before, after in changed.items() if before != after}
        if not changed or not self.reader.processor.measurements:
            return ""
        rows = "".join(
            f"<tr><td>{look.text(before)}</td><td>{look.text(after)}</td></tr>" for before, after in changed.items()
        )
        head = '<thead><tr><th scope="col">Written</th><th scope="col">Read as</th></tr></thead>'
        return f'<table class="lc-read">{head}<tbody>{rows}</tbody></table>'

    def _carried(self, reading: Reading, weights: Weights, case: str) -> str:
        largest = max((abs(weight) for *_, weight in weights.words), default=0.0) or 1.0
        marks = [
            Mark(start, end, shade(weight / largest), f"{weight:+.3f}")
            for start, end, weight in weights.words
            if shade(weight / largest)
        ]
        ranked = sorted(weights.words, key=lambda word: -abs(word[2]))[:TOP]
        rows = "".join(
            f'<tr><th scope="row">{look.text(case[start:end])}</th><td>{weight:+.3f}</td></tr>'
            for start, end, weight in ranked
        )
        name = look.text(weights.label)
        table = (
            f'<table class="so-figures lc-read"><thead><tr><th scope="col">Word</th>'
            f'<th scope="col">For {name}</th></tr></thead><tbody>{rows}</tbody></table>'
        )
        key = (
            f'<ul class="lc-key"><li><mark class="for-3"></mark>speaks for {name}</li>'
            f'<li><mark class="against-3"></mark>speaks against it</li></ul>'
        )
        line = "How far each word moved the class's logit, by integrated gradients over the token embeddings."
        warning = ""
        if weights.gap > WIDE_GAP:
            warning = look.notice(
                "warn",
                f"These weights leave {weights.gap:.0%} of the logit's change unexplained.",
                "Take their order as a hint, not their size.",
            )
        return self._card(line, f"{warning}{key}{marked(case, marks, reading.read)}{table}")

    def _card(self, line: str, body: str) -> str:
        head = f'<h2>The case</h2><p class="so-note">{look.text(line)}</p>'
        return f'<div class="so"><section class="so-card">{head}{body}</section></div>'


def about(facts: dict, limits: tuple[str, ...], synthetic: bool) -> str:
    """Return figures and limits of the published model, from its run.json and its card."""
    warning = ""
    if synthetic:
        warning = look.notice(
            "calm",
            "Trained on synthetic cases.",
            "They were written by a generator; these figures say nothing about real cases.",
        )
    items = "".join(
        f"<li>{look.strong(item)}</li>"
        for item in limits or ("The card of this model states no limits: take every answer as unverified.",)
    )
    return (
        f'<div class="so">{warning}<div class="so-pair so-uneven">'
        f'<section class="so-card"><h2>How well it does</h2>{figures(facts)}</section>'
        f'<section class="so-card"><h2>Limits</h2><ul class="so-list">{items}</ul></section></div></div>'
    )


def figures(facts: dict) -> str:
    """Return the out-of-fold figures as a table.

    Args:
        facts: run.json.
    """
    ours = (facts.get("summary") or {}).get("out_of_fold") or {}
    if not ours.get("per_class"):
        return '<p class="so-note">No figures were published with this model: it has no run.json.</p>'
    rows = [(f"{label} F1", row["f1"], f"f1_{label}", row["support"]) for label, row in ours["per_class"].items()]
    total = sum(row[-1] for row in rows)
    named = {"accuracy": "Accuracy", "macro_f1": "Macro F1", "weighted_f1": "Weighted F1"}
    rows += [(title, ours[name], name, total) for name, title in named.items() if ours.get(name) is not None]
    body = ""
    for title, value, name, support in rows:
        interval = (ours.get("intervals") or {}).get(name)
        shown = f" <small>{interval[0]:.3f}–{interval[1]:.3f}</small>" if interval else ""
        body += f'<tr><th scope="row">{look.text(title)}</th><td>{value:.3f}{shown}</td><td>{support:,}</td></tr>'
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Out of fold", "Figure", "Cases"))
    return f'<table class="so-figures"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
