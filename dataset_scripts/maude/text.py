"""Narratives made comparable: one form for redactions and quotes, and nothing that only marks a source.

What a report says should decide its class, not who filed it. Three things mark a source in MAUDE without
saying what happened: the style of redaction, the names of makers and products, and the administrative
sentences of makers' templates ("a follow-up report will be submitted ..."). Each guard can be switched off.

This file stands alone: a Space takes a copy, to read a pasted report as the training data were read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

REDACTED, DEVICE, MANUFACTURER = "[redacted]", "[device]", "[manufacturer]"

Redaction = Literal["mark", "drop", "keep"]
Names = Literal["mask", "keep"]
Boilerplate = Literal["drop", "keep"]
Casing = Literal["lower", "keep"]


class AnyCase:
    """A pattern written in lower case that matches any case.

    Searching a lowered copy is four times as fast as `re.IGNORECASE`, and most texts hold no match.
    """

    def __init__(self, pattern: str) -> None:
        self._lower, self._any = re.compile(pattern), re.compile(pattern, re.IGNORECASE)

    def found(self, text: str) -> bool:
        """Whether it occurs in the text."""
        return self._lower.search(text.lower()) is not None

    def sub(self, replacement: str, text: str) -> str:
        """Return the text with every occurrence replaced."""
        lowered = text.lower()
        if self._lower.search(lowered) is None:
            return text
        return (self._lower if lowered == text else self._any).sub(replacement, text)


# Makers that file often. A name that is also an everyday word stands with its second word only.
_MAKERS = """
3m; abbott; abiomed; advanced bionics; alcon; alere; allergan; american medical systems; animas;
arthrex; b. braun; b braun; bausch & lomb; bausch and lomb; baxter; bayer; becton dickinson; biomet;
biosense webster; biosite; biotronik; boston scientific; c. r. bard; c.r. bard; cr bard; bard;
cardinal health; carefusion; coloplast; conmed; cook medical; cook incorporated; cook inc; covidien;
cyberonics; datascope; davol; depuy; devilbiss; dexcom; draeger; drager; edwards lifesciences;
edwards; ethicon; exactech; fresenius; ge healthcare; getinge; gynecare; heartware; hologic;
hospira; howmedica; insulet; integra lifesciences; intuitive surgical; invacare; johnson & johnson;
johnson and johnson; lifescan; livanova; maquet; medline; medos; medtronic; minimed; mentor corp;
nuvasive; olympus; orthofix; osteonics; philips; resmed; respironics; roche; siemens; smith &
nephew; smith and nephew; smiths medical; sorin; st. jude medical; st jude medical; st. jude; st
jude; stryker; synthes; tandem diabetes care; teleflex; terumo; thoratec; w. l. gore; w.l. gore; wl
gore; gore; wright medical; zimmer; zoll
"""
MANUFACTURERS = tuple(" ".join(name.split()) for name in _MAKERS.split(";"))

_FILLERS = "*;-;N/A;NA;NI;NONE;NOT APPLICABLE;OTHER;UNK;UNKNOWN;UNSPECIFIED"
_NO_NAME = frozenset(["", *_FILLERS.split(";")])

_COMMON = """
balloon battery blade cable cannula catheter clip compression controller defibrillator device drill
femoral filter generator glove graft guide head hip implant insulin knee laser lead lens liner mask
mesh meter monitor needle pacemaker patient plate port probe prosthesis pump reagent screw sensor
shell shoulder sling stapler stem stent stents strips suture syringe system table test tube unit
valve ventilator wire
"""
_COMMON_WORDS = frozenset(_COMMON.split())

_MAKER = AnyCase(
    r"(?<!\w)(?:"
    + "|".join(re.escape(name) for name in sorted(MANUFACTURERS, key=len, reverse=True))
    + r")(?!\w)(?:,? (?:inc|llc|ltd|corp|corporation|co|gmbh|ag)\b\.?)?"
)
_RUN_OF_MAKERS = re.compile(r"\[manufacturer\](?:[\s/,&-]*\[manufacturer\])+")
_COMPANY_FORM = re.compile(
    r"[,.]?\s+(?:INC|LLC|LTD|LIMITED|CORP|CORPORATION|COMPANY|CO|GMBH|AG|SA|SARL|BV|NV|PLC|KG|USA|US|CH)\b\.?.*$"
)
_WORD = re.compile(r"[a-z0-9]+")
_TWO_LETTERS = re.compile(r"[A-Za-z]{2}")

# "(B)(6)", "(b) (4)", and the typing errors "(B)6)", "B)(6)", "(B)(46": FOIA exemption marks.
_EXEMPTION = AnyCase(r"\(?\bb\s?\)\s?\(?\d{1,2}\)?(?:\s?\(\d\))?|\[?<?redacted>?\]?|\*{3,}|\bx{4,}\b")
_REDACTION_HINTS = ("b)", "b )", "redacted", "***", "xxxx")
_RUN_OF_MARKS = re.compile(r"\[redacted\](?:[\s.]*\[redacted\])+")
_GLUED_MARK = re.compile(r"(?<=\[redacted\])(?=\w)|(?<=\w)(?=\[redacted\])")

_SPACE = re.compile(r"\s+")
_SPACE_BEFORE_STOP = re.compile(r"\s+([.,;:!?])")
_CHARACTERS = str.maketrans(
    {
        "\xa0": " ",
        "\xad": None,
        "\ufeff": None,
        "\ufffd": "¿",
        "®": None,
        "™": None,
        "©": None,
        "‘": "'",
        "’": "'",
        "´": "'",
        "`": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        **{chr(code): " " for code in (*range(32), 127)},
    }
)

_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[.!?][\"')\]])\s+")
_LONGEST_ADMINISTRATIVE = 260
_ADMINISTRATIVE = AnyCase(
    r"follow[- ]?up (?:report|medwatch|mdr|submission)|supplemental (?:report|mdr|medwatch)|final report"
    r"|addendum to|investigation is (?:ongoing|complete|pending|in progress)|no further investigation can be"
    r"|(?:no|any|if) (?:other|further|new|additional|pertinent) (?:\w+ )?(?:information|details)\b.{0,40}"
    r"\b(?:provided|available|received|requested|forthcoming|reported|obtained|becomes?)"
    r"|^no (?:other|further|additional) (?:information|details)\W*$"
    r"|^additional information (?:has been|was|is being|will be)? ?(?:requested|sought|provided)?\W*$"
    r"|made aware of this complaint through|unable to gather additional information"
    r"|received through clinical data"
    r"|(?:attempts?|requests?) (?:were|was|has been|have been) (?:made|sent) "
    r"(?:to the (?:contact|customer|reporter|user|facility)|for the return|to have the device|to contact"
    r"|to retrieve the|to (?:obtain|gather|get|request) .{0,30}(?:information|details|device|product))"
    r"|fda safety report id|field safety notice|recall notification|mdr decision"
    r"|medwatch (?:report )?(?:number|#)"
    r"|(?:reference|report|complaint|file|case|mfr|mdr) (?:number|no\.|id|#)s?\s*[:#]"
    r"|this (?:is )?(?:the )?(?:complaint|report|event|file) (?:is )?(?:for )?"
    r"\(?\w{1,5}\)? ?(?:\(\d+\) )?(?:of|for) "
    r"|device report from .{0,40}reports an event|has not (?:yet )?been returned (?:to|for)"
    r"|has been (?:retained|requested) for (?:return|evaluation)|reportable (?:since|because|due)"
    r"|submitting (?:a|this) (?:final|initial|follow)"
)
_OUTCOME = AnyCase(
    r"\bdea(?:th|d)\b|\bdie[ds]?\b|expire[ds]?\b|deceas|passed\b|fatal|demise|injur|harm\b|hospital|bleed|burn|infect"
    r"|resuscitat|arrest|surger|surgical|revis|explant|intervention|malfunction|fail|broke|alarm|leak|shock|pain"
)


def mend(text: str) -> str:
    """Return text with straight quotes, "¿" (a quote or dash that an old system lost) mended, plain spaces.

    >>> mend("THE PATIENT¿S PUMP ¿ 6¿ FROM ¿HOME¿")
    'THE PATIENT\\'S PUMP - 6" FROM "HOME"'
    """
    if not (text.isascii() and text.isprintable()) or "`" in text:
        text = text.translate(_CHARACTERS)
    if "¿" in text:
        text = re.sub(r"(?<=[^\W\d])¿(?=[^\W\d])", "'", text)
        text = re.sub(r"(?<=\s)¿(?=\s)", "-", text)
        text = text.replace("¿", '"')
    return _SPACE.sub(" ", text).strip()


def neutral_redactions(text: str, replacement: str = REDACTED) -> str:
    """Return text with every redaction mark in one form, neighbours merged.

    >>> neutral_redactions("ON (B)(6)2019 (b) (4), SERIAL ***")
    'ON [redacted] 2019 [redacted], SERIAL [redacted]'
    """
    lowered = text.lower()
    if not any(hint in lowered for hint in _REDACTION_HINTS):
        return text
    text = _EXEMPTION.sub(REDACTED, text)
    if REDACTED in text:
        text = _GLUED_MARK.sub(" ", _RUN_OF_MARKS.sub(REDACTED, text))
        if replacement != REDACTED:
            text = _SPACE_BEFORE_STOP.sub(r"\1", _SPACE.sub(" ", text.replace(REDACTED, replacement))).strip()
    return text


def is_named(name: str | None) -> bool:
    """Whether a device or maker field holds a name, not a filler such as "UNKNOWN" or "*"."""
    return (name or "").strip().upper() not in _NO_NAME


def mask_names(text: str, brand: str = "", manufacturer: str = "", generic: str = "") -> str:
    """Return text with the report's own brand and maker, and common makers, replaced by neutral words.

    A brand that is an everyday word of the field ("PUMP"), or a word of the generic name, stays.

    >>> mask_names("THE MEDTRONIC ACME FLOW 3 PUMP FAILED", brand="Acme Flow 3", generic="INFUSION PUMP")
    'THE [manufacturer] [device] PUMP FAILED'
    """
    for name, mark in ((_COMPANY_FORM.sub("", manufacturer.upper()), MANUFACTURER), (brand, DEVICE)):
        name = name.strip(" .,-")
        if len(name) < 4 or name.lower() not in text.lower() or not is_named(name):
            continue
        known = _COMMON_WORDS.union(_WORD.findall(generic.lower()))
        if known.issuperset(_WORD.findall(name.lower())) or not _TWO_LETTERS.search(name):
            continue
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", mark, text, flags=re.IGNORECASE)
    text = _MAKER.sub(MANUFACTURER, text)
    return _RUN_OF_MAKERS.sub(MANUFACTURER, text) if MANUFACTURER in text else text


def drop_boilerplate(text: str) -> str:
    """Return text without administrative sentences; one that also tells of an outcome stays, and so does all
    of a text that has nothing else.

    >>> drop_boilerplate("THE PUMP STOPPED. NO ADDITIONAL INFORMATION WAS PROVIDED.")
    'THE PUMP STOPPED.'
    """
    if not (_ADMINISTRATIVE.found(text) or any(word in text.lower() for word in ("information", "details"))):
        return text
    kept = [sentence for sentence in _SENTENCE.split(text) if not is_administrative(sentence)]
    return " ".join(kept) or text


def is_administrative(sentence: str) -> bool:
    """Whether a sentence tells only how the report is handled, not what happened."""
    return len(sentence) <= _LONGEST_ADMINISTRATIVE and _ADMINISTRATIVE.found(sentence) and not _OUTCOME.found(sentence)


def clean_narrative(
    text: str,
    *,
    brand: str = "",
    manufacturer: str = "",
    generic: str = "",
    redaction: Redaction = "mark",
    names: Names = "mask",
    boilerplate: Boilerplate = "drop",
    casing: Casing = "lower",
) -> str:
    """Return a narrative as the data set holds it; also what to give a trained model.

    Args:
        text: as filed.
        brand: the report's brand name, masked where it occurs.
        manufacturer: the report's maker, masked where it occurs.
        generic: the generic name; its words are never masked.
        redaction: `mark` (one neutral form), `drop`, or `keep` as written.
        names: `mask` or `keep` makers and the report's own brand.
        boilerplate: `drop` or `keep` administrative sentences.
        casing: `lower`, because most reports are in capitals and newer ones are not, or `keep`.

    >>> clean_narrative("ON (B)(6) 2019 THE PT¿S MEDTRONIC PUMP  STOPPED. NO OTHER DETAILS WERE PROVIDED.")
    "on [redacted] 2019 the pt's [manufacturer] pump stopped."
    """
    text = mend(text.lower() if casing == "lower" else text)
    if redaction != "keep":
        text = neutral_redactions(text, REDACTED if redaction == "mark" else " ")
    if names == "mask":
        text = mask_names(text, mend(brand), manufacturer, generic)
    if boilerplate == "drop":
        text = drop_boilerplate(text)
    return text


def join_narratives(parts: Sequence[str]) -> str:
    """Join the narratives of one report, each once, in the order filed."""
    return "\n".join(dict.fromkeys(part for part in (p.strip() for p in parts) if part))
