"""What a person edited in a published card stays when the card is written anew; what nobody touched follows the run.

A card that we write ends in a comment with a short hash of each thing in it, as we wrote it: each section, each key of
the metadata, each entry of its lists. What has another hash in the published card, or none, is a person's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .card import COMMENT, Card, Section
from .errors import InputError

_FOLLOWS = """
app_file base_model base_model_relation configs dataset_info library_name model-index model_file model_format models
pipeline_tag python_version sdk sdk_version size_categories task_categories
"""
FOLLOWS = frozenset(_FOLLOWS.split())
"""Keys that say what was measured, or how a thing is loaded or run: they follow the run, whatever was edited."""

_SAYS = "what is edited by hand stays at the next push"
_TAG = re.compile(r"(?:run|data|space)-[0-9a-f]{12}")
_PINNED = re.compile(rf"""revision=["']({_TAG.pattern})["']""")
_HASHES = re.compile(r"\b([0-9a-f]{8})([0-9a-f]{8})\b")
_Name = tuple[Any, ...]


@dataclass(frozen=True)
class KeptCard:
    """A card in which a person's edits were kept.

    Attributes:
        text: of the card.
        sections: headings of the sections that are as a person left them; figures in them may be of an earlier run.
        keys: of the metadata in which something of a person's was kept.
        left_out: headings of our sections that a person had removed, and that stay away.
        replaced: keys that a person had changed but that follow the run.
    """

    text: str
    sections: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """What a terminal shows of it; nothing where nobody edited anything.

        >>> KeptCard("", sections=("Limits",), keys=("tags",)).told
        'kept as edited there: Limits (figures in it may be of an earlier run); tags of the metadata'
        """
        where = "it" if len(self.sections) == 1 else "them"
        kept = [f"{', '.join(self.sections)} (figures in {where} may be of an earlier run)"] if self.sections else []
        kept += [f"{', '.join(self.keys)} of the metadata"] if self.keys else []
        said = [f"kept as edited there: {'; '.join(kept)}"] if kept else []
        if self.left_out:
            said.append(f"left out as there: {', '.join(self.left_out)}")
        if self.replaced:
            said.append(f"edited there, but following the run: {', '.join(self.replaced)}")
        return "; ".join(said)


@dataclass(frozen=True)
class _Written:
    """What a card's comment says was written: a hash of each thing by a hash of its name, and the tag that it pins."""

    hashes: Mapping[str, str]
    tag: str | None

    @classmethod
    def read(cls, text: str) -> _Written | None:
        """Return what the comment of a card says, None where it has none."""
        line = COMMENT.search(text.replace("\r\n", "\n"))
        if line is None:
            return None
        tag = _TAG.search(line[0])
        return cls(dict(_HASHES.findall(line[0])), tag[0] if tag else None)

    @classmethod
    def of(cls, card: Card) -> _Written:
        """Return what would be said of a card that is ours throughout."""
        return cls({_short(name): _short(value) for name, value in _things(card).items()}, _pinned(card))

    def __str__(self) -> str:
        """Return the comment."""
        hashes = " ".join(name + value for name, value in sorted(self.hashes.items()))
        return f"<!-- secondopinion wrote this card; {_SAYS}: {' '.join(filter(None, (self.tag, hashes)))} -->\n"

    def knows(self, name: _Name) -> bool:
        """Whether a thing of this name was written."""
        return _short(name) in self.hashes

    def wrote(self, name: _Name, value: Any) -> bool:
        """Whether this very thing was written."""
        return self.hashes.get(_short(name)) == _short(value)


def signed(card: Card) -> str:
    """Return the text of a card that is ours throughout, with the comment by which edits are told later.

    >>> print(signed(Card({}, (Section("Limits", "Few rows."),))).splitlines()[-1])
    <!-- secondopinion wrote this card; what is edited by hand stays at the next push: 58536f9557567abb -->
    """
    return f"{card}\n{_Written.of(card)}"


def keep_edits(new: str, published: str | None) -> KeptCard:
    """Write a card anew over a published one, and keep what a person edited there.

    Sections that a person edited or added stay, at their place; sections that were removed stay away. Keys of the
    metadata that a person added or changed stay but for `FOLLOWS`; in lists, tags above all, what a person added is
    kept and what was taken out stays out. The tag that the published card pins is moved to the new one in what is kept.
    Without our comment in the published card nobody can tell: then the opening is ours, and what bears a name that we
    write.

    Args:
        new: the card as rendered now; one without our comment is taken as ours throughout.
        published: the card that is there, None where there is none.

    Raises:
        InputError: the metadata of either card cannot be read.

    >>> first = keep_edits("# Pumps\\n\\nF1 0.71\\n\\n## Limits\\n\\nFew rows.\\n", None).text
    >>> edited = first.replace("Few rows.", "Few rows, all from one clinic.")
    >>> kept = keep_edits("# Pumps\\n\\nF1 0.84\\n\\n## Limits\\n\\nFew rows.\\n", edited)
    >>> print(kept.text.partition("<!--")[0].rstrip(), kept.sections)
    # Pumps
    <BLANKLINE>
    F1 0.84
    <BLANKLINE>
    ## Limits
    <BLANKLINE>
    Few rows, all from one clinic. ('Limits',)
    """
    ours = Card.parse(new)
    written = _Written.read(new) or _Written.of(ours)
    if not (published or "").strip():
        return KeptCard(f"{ours}\n{written}")
    try:
        theirs = Card.parse(published)
    except InputError as error:
        raise InputError(
            f"the published README.md cannot be read, so that nothing in it could be kept: {error}. Mend it there, or "
            "overwrite it with --force-card"
        ) from None
    merge = _Merge(ours, theirs, written, _Written.read(published) or _assumed(ours, theirs))
    sections, own, left_out = merge.sections()
    metadata, keys, replaced = merge.metadata()
    return KeptCard(f"{Card(metadata, sections)}\n{written}", own, keys, left_out, replaced)


def _assumed(ours: Card, theirs: Card) -> _Written:
    """Return what is taken as written where no comment says it: what bears a name that we write, and the opening."""
    public, lists = _things(theirs), {("key", key) for key, value in ours.metadata.items() if _strings(value)}
    opening = {name for name in public if name[0] == "section" and name[1] < 2}
    names = (_things(ours).keys() | opening) - lists
    found = {_short(name): _short(value) for name, value in public.items() if name in names}
    return _Written(found, _pinned(theirs))


@dataclass(frozen=True)
class _Merge:
    ours: Card
    theirs: Card
    now: _Written
    before: _Written

    def sections(self) -> tuple[tuple[Section, ...], tuple[str, ...], tuple[str, ...]]:
        """Return the sections, the headings that were kept, and those that stay away."""
        own, public = _named(self.ours.sections), _named(self.theirs.sections)
        # A data set's card may have been edited in its folder since it was rendered: that is the newest word.
        edited_here = {name for name, section in own.items() if not self.now.wrote(name, section.text)}
        kept = {
            name: self._moved(section)
            for name, section in public.items()
            if name not in edited_here and not self.before.wrote(name, section.text)
        }
        gone = [name for name in own if name not in public | dict.fromkeys(edited_here) and self.before.knows(name)]
        order = [name for name in own if name not in gone]
        anchor = -1
        for name in public:
            if name not in order and name in kept:
                order.insert(anchor + 1, name)
            if name in order:
                anchor = order.index(name)
        merged = {**own, **kept}
        told = [name for name in order if name in kept and own.get(name) != kept[name]]
        return (
            tuple(merged[name] for name in order),
            tuple(merged[name].heading or "the opening" for name in told),
            tuple(own[name].heading or "the opening" for name in gone),
        )

    def metadata(self) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
        """Return the metadata, the keys in which something was kept, and those that follow the run all the same."""
        own, public = self.ours.metadata, self.theirs.metadata
        merged, kept, replaced = dict(own), [], []
        for key, value in public.items():
            if value is None or self.before.wrote(("key", key), value) or own.get(key) == value:
                continue
            if not self.now.wrote(("key", key), own.get(key)) and key in own:
                continue  # edited in the folder since it was rendered
            if key in FOLLOWS and key in own:
                replaced.append(key)
                continue
            merged[key] = self._entries(key, own[key], value) if _strings(own.get(key)) else value
            if merged[key] != own.get(key):
                kept.append(key)
        return merged, tuple(kept), tuple(replaced)

    def _entries(self, key: str, own: Sequence[str], value: Any) -> Any:
        public = [value] if isinstance(value, str) else value
        if not _strings(public):
            return value
        known = {entry for entry in {*own, *public} if self.before.knows(("entry", key, entry))}
        merged = [entry for entry in own if entry in public or entry not in known]
        merged += [entry for entry in dict.fromkeys(public) if entry not in own and entry not in known]
        if list(own) == sorted(own):
            merged.sort()
        return merged or list(own)

    def _moved(self, section: Section) -> Section:
        if not self.before.tag or not self.now.tag:
            return section
        return replace(section, text=section.text.replace(self.before.tag, self.now.tag))


def _pinned(card: Card) -> str | None:
    """Return the tag that the loading lines of a card pin."""
    found = _PINNED.search("\n".join(section.text for section in card.sections))
    return found[1] if found else None


def _named(sections: Sequence[Section]) -> dict[_Name, Section]:
    """Return sections by level, heading, and how often that one came before."""
    named: dict[_Name, Section] = {}
    for section in sections:
        earlier = sum(name[1:3] == (section.level, section.heading) for name in named)
        named["section", section.level, section.heading, earlier] = section
    return named


def _things(card: Card) -> dict[_Name, Any]:
    """Return everything in a card that a person may edit, by name."""
    found: dict[_Name, Any] = {name: section.text for name, section in _named(card.sections).items()}
    for key, value in card.metadata.items():
        found["key", key] = value
        if _strings(value):
            found |= {("entry", key, entry): "" for entry in value}
    return found


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
