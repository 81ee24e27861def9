"""What was it trained on, and how do I hand it on? The published record of the model, and the lines that pass it on."""

from __future__ import annotations

from typing import Any

import look
from loading import Model

TRAINED, HANDED = "What was it trained on?", "How do I hand it on?"


def trained(model: Model) -> str:
    """Return data, folds and figures of the published model, and its limits."""
    facts = model.published.facts
    if not facts:
        body = look.notice("warn", "Nothing was published with this model.", "It has no run.json: ask who made it.")
        return f'<div class="so"><section class="so-card" id="record"><h2>{TRAINED}</h2>{body}</section></div>'
    rows = "".join(f"<div><dt>{look.text(name)}</dt><dd>{look.text(value)}</dd></div>" for name, value in data(facts))
    limits = model.published.limits or ("The card of this model states no limits: take every answer as unverified.",)
    items = "".join(f"<li>{look.strong(item)}</li>" for item in limits)
    warning = ""
    if model.published.synthetic:
        warning = look.notice(
            "calm", "Trained on synthetic demonstration data.", "These figures say nothing about real reports."
        )
    return (
        f'<div class="so l-record" id="record">{warning}<div class="so-pair so-uneven">'
        f'<section class="so-card"><h2>{TRAINED}</h2><dl class="dc-facts">{rows}</dl></section>'
        f'<section class="so-card"><h2>How well it does, class by class</h2>{classes(facts)}</section></div>'
        f'<section class="so-card"><h2>Limits</h2><ul class="so-list dc-limits">{items}</ul></section></div>'
    )


def data(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what run.json says of the training, as far as it does.

    >>> data({"dataset": {"name": "maude", "rows": 792, "class_counts": {"Death": 63, "Other": 32}}})
    [('Data', 'maude, 792 texts'), ('Classes', 'Death 63, Other 32')]
    """
    dataset, folds, model = facts.get("dataset") or {}, facts.get("folds") or {}, facts.get("model") or {}
    found = []
    if dataset.get("rows"):
        found.append(("Data", f"{dataset.get('name', 'unnamed')}, {dataset['rows']:,} texts"))
    if dataset.get("class_counts"):
        found.append(("Classes", ", ".join(f"{name} {count:,}" for name, count in dataset["class_counts"].items())))
    if all(dataset.get("date_range") or [None]):
        found.append(("From", " to ".join(map(str, dataset["date_range"]))))
    if (dataset.get("policy") or {}).get("licence"):
        found.append(("Licence of the data", dataset["policy"]["licence"]))
    if model.get("base_model"):
        found.append(("Begins from", str(model["base_model"])))
    if folds.get("n_splits"):
        trained = len(folds.get("trained") or ())
        found.append(("Measured on", f"{trained} of {folds['n_splits']} folds, each by a model that did not see it"))
    reason = (facts.get("selection") or {}).get("reason")
    if reason:
        found.append(("Published fold", str(reason)))
    if dataset.get("fingerprint"):
        found.append(("Fingerprint of the data", str(dataset["fingerprint"])[:12]))
    return found


def classes(facts: dict[str, Any]) -> str:
    """Return F1 of each class, out of fold, as points with their intervals."""
    pooled = (facts.get("summary") or {}).get("out_of_fold") or {}
    if not pooled.get("per_class"):
        return '<p class="so-note">No figures were published with this model.</p>'
    intervals = pooled.get("intervals") or {}
    named = pooled["per_class"].items()
    rows = [(name, row["f1"], intervals.get(f"f1_{name}"), row["support"]) for name, row in named]
    rows.append(("Mean of the classes", pooled["macro_f1"], intervals.get("macro_f1"), None))
    body = "".join(_class_row(*row) for row in rows)
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Class", "F1 out of fold", "95% interval", "Texts"))
    return f'<table class="l-classes"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _class_row(name: str, value: float, ends: Any, support: int | None) -> str:
    bar = "" if not ends else f'<i class="range" style="left:{ends[0]:.2%};width:{ends[1] - ends[0]:.2%}"></i>'
    shown = "" if not ends else f"{ends[0]:.2f}–{ends[1]:.2f}"
    drawn = f'<span class="l-range" aria-hidden="true">{bar}<i class="dot" style="left:{value:.2%}"></i></span>'
    count = "" if support is None else f"{support:,}"
    return f'<tr><th scope="row">{look.text(name)}</th><td>{drawn}{value:.3f}</td><td>{shown}</td><td>{count}</td></tr>'


def handed(model: Model) -> str:
    """Return the lines that use, check and publish the model."""
    name = model.published.source
    hub = "/" in name
    task = "deferring-text-classification" if model.defers else "text-classification"
    steps = [
        (
            "Check its claims",
            f"secondopinion verify {name if hub else f'./published/{name}'}",
            "The published files are hashed and the card's figures computed again.",
        ),
        (
            "Publish it with data, metrics and a page" if not hub else "Publish one of your own",
            f"secondopinion push all runs/{'NAME' if hub else name} --to NAMESPACE/{'NAME' if hub else name}",
            "One commit each, joined in a Collection. Nothing private leaves: push looks for it.",
        ),
    ]
    use = (
        "from transformers import pipeline\n"
        f'read = pipeline("{task}", model="{name if hub else f"NAMESPACE/{name}"}", trust_remote_code=True)\n'
        'print(read("The pump stopped during the infusion."))'
    )
    if not hasattr(model.reader, "model") or not hasattr(model.reader, "tokenizer"):
        use = f"secondopinion score {name if hub else f'runs/{name}'} --input texts.csv --output scored.csv"
    steps.insert(0, ("Use it", use, "A stranger needs transformers alone; the model brings its own code."))
    cards = "".join(
        f'<li><h3>{look.text(title)}</h3>{code(lines)}<p class="so-note">{look.text(note)}</p></li>'
        for title, lines, note in steps
    )
    return (
        f'<div class="so"><section class="so-card" id="handover"><h2>{HANDED}</h2>'
        f'<ol class="l-steps">{cards}</ol></section></div>'
    )


def code(lines: str) -> str:
    """Return lines to copy; they scroll within themselves, also by keyboard."""
    return f'<pre class="l-code" tabindex="0">{look.text(lines)}</pre>'
