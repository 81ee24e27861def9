"""The other Spaces of the suite: a link where one runs, the command that would start it where none does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import look
from huggingface_hub.constants import ENDPOINT
from record import code

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
OTHERS = {
    "maude_severity": (
        "Device report severity",
        "Two models read a report side by side. Where they disagree, look again.",
        "secondopinion space maude_severity --model RUN --baseline TFIDF_RUN",
    ),
    "deferral_console": (
        "Deferral console",
        "Move the budget: what does a second opinion cost, and what does it gain?",
        "secondopinion space deferral_console --model RUN",
    ),
    "clinical_qa": (
        "Clinical QA",
        "Where in the note is the answer, of which kind is it, and is it there at all?",
        "secondopinion space clinical_qa --model RUN",
    ),
    "long_cases": (
        "Long cases",
        "Thousands of words, one answer: which entities and measurements carried it?",
        "secondopinion space long_cases --model RUN",
    ),
}


def parse_links(links: str | Mapping[str, str] | None) -> dict[str, str]:
    """Return {Space: address}, from a mapping or from `clinical_qa=namespace/name long_cases=http://…`.

    Raises:
        ValueError: there is no such Space, or an address is neither http(s) nor a Hub id.

    >>> parse_links("clinical_qa=ann/notes")
    {'clinical_qa': 'https://huggingface.co/spaces/ann/notes'}
    """
    if isinstance(links, str):
        pairs = [part.partition("=")[::2] for part in links.replace(",", " ").split()]
        links = dict(pairs)
    found = {}
    for name, given in (links or {}).items():
        if name not in OTHERS:
            raise ValueError(f"links name {name!r}, which is no Space of this project: {', '.join(OTHERS)}")
        if urlsplit(given).scheme in ("http", "https"):
            found[name] = given
        elif HUB_ID.fullmatch(given):
            found[name] = f"{ENDPOINT}/spaces/{given}"
        else:
            raise ValueError(f"the link of {name} is {given!r}; give namespace/name on the Hub, or an http address")
    return found


def others(links: Mapping[str, str]) -> str:
    """Return a card for each of the other Spaces."""
    cards = "".join(_card(name, links.get(name)) for name in OTHERS)
    return (
        f'<div class="so" id="more"><h2 class="l-heading">The other pages</h2>'
        f'<div class="so-pair l-others">{cards}</div></div>'
    )


def _card(name: str, link: str | None) -> str:
    title, question, command = OTHERS[name]
    if link:
        way = f'<a class="l-open" href="{look.text(link)}" target="_blank" rel="noopener">Open {look.text(title)}</a>'
    else:
        way = f'<p class="so-note">Not running with this page. It starts with:</p>{code(command)}'
    name = look.text(title)
    return f'<section class="so-card" aria-label="{name}"><h3>{name}</h3><p>{look.text(question)}</p>{way}</section>'
