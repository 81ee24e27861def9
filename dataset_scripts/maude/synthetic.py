"""Synthetic device reports in the shape of an openFDA bulk partition, from a seeded generator.

For the demo and the tests, where no real data and no network is at hand. No sentence is taken from a
real report, no product, maker or person exists, and each record says that it is synthetic. The difficulty
is tuned, not copied: about the shares of the published severity data, deaths told without the word, denied
deaths, near-duplicates, and labels that contradict their narrative.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import re
import zipfile
from pathlib import Path
from typing import Any

from secondopinion.core.errors import InputError
from secondopinion.core.files import atomic_file

from . import synthetic_phrases as phrases
from .synthetic_phrases import DEVICES, Device

FILE_NAME = "device-event-0001-of-0001.json"
DISCLAIMER = (
    "SYNTHETIC DATA. Every report was written by a generator for demonstrations and tests; devices, makers, "
    "patients and events do not exist. Not for clinical, regulatory or statistical use."
)
SHARES = {"Death": 0.08, "Injury": 0.50, "Malfunction": 0.38, "Other": 0.04}
LABELS = tuple(SHARES)
UNLABELLED_SHARE = 0.01
"""Share of rows filed as "No answer provided"."""

MAX_UNITS = 50
"""Budget of `units` in one narrative; with a BERT vocabulary it stays at or below 60 tokens."""

# How often a label contradicts its narrative: {filed as: {told as: share}}.
MISFILED = {
    "Death": {"Injury": 0.03},
    "Injury": {"Death": 0.012, "Malfunction": 0.05, "Other": 0.005},
    "Malfunction": {"Injury": 0.06, "Other": 0.01},
    "Other": {"Injury": 0.14, "Malfunction": 0.14, "Death": 0.02},
}
NEAR_DUPLICATES = 0.04
SAME_EVENT = 0.015
_CHOICE = re.compile(r"\[([^\[\]]*)\]")


def units(text: str) -> int:
    """Return an upper estimate of a text's wordpieces: one a mark, and more for longer words.

    >>> units("the pump stopped."), units("naloxone")
    (4, 2)
    """
    return sum(1 + max(0, len(piece) - 5) // 3 for piece in re.findall(r"\w+|[^\w\s]", text))


def expand(template: str, rng: random.Random, **slots: str) -> str:
    """Return a template with each `[a|b]` decided and each `{name}` filled.

    >>> expand("the {noun} [stopped|stopped]", random.Random(0), noun="pump")
    'the pump stopped'
    """
    while match := _CHOICE.search(template):
        chosen = _pick(rng, match.group(1).split("|"))
        template = template[: match.start()] + chosen + template[match.end() :]
    return template.format(**slots)


def _pick(rng: random.Random, options: Any) -> Any:
    # random.choice may change between Python versions; random() is promised not to.
    return options[int(rng.random() * len(options))]


def _weighted(rng: random.Random, weights: dict[Any, float]) -> Any:
    mark = rng.random() * sum(weights.values())
    for option, weight in weights.items():
        mark -= weight
        if mark < 0:
            return option
    return option


class Narrator:
    """Writes one narrative at a time.

    Args:
        rng: decides everything.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def write(self, told: str, device: Device) -> str:
        """Return a narrative that tells of an event of class `told`, at most `MAX_UNITS` long."""
        sentences = {
            "Death": self._death,
            "Injury": self._injury,
            "Malfunction": self._malfunction,
            "Other": self._other,
        }[told](device)
        if self._chance(0.35):
            sentences.insert(0, (3, self._say(_pick(self.rng, phrases.CONTEXTS), device)))
        for _ in range(2):
            if self._chance(0.6):
                sentences.append((2, self._say(_pick(self.rng, phrases.CLOSES), device)))
        return self._finish(sentences)

    def _death(self, device: Device) -> list[tuple[int, str]]:
        parts = []
        if self._chance(0.55):
            parts.append((1, self._fault(device)))
        told = self._chance(0.45)
        if told:
            parts.append((0, self._say(_pick(self.rng, device.ends), device)))
        elif self._chance(0.25):
            parts.append((1, self._say("the patient " + _pick(self.rng, device.harms), device)))
        if not told or self._chance(0.7):
            bag = _weighted(self.rng, {"plain": 0.45, "told": 0.42, "hedged": 0.13})
            parts.append((0, self._say(_pick(self.rng, phrases.DEATHS[bag]), device)))
        return parts

    def _injury(self, device: Device) -> list[tuple[int, str]]:
        parts = [(1, self._fault(device))] if self._chance(0.62) else []
        harm = _pick(self.rng, device.harms)
        parts.append((0, self._say(_pick(self.rng, phrases.INJURIES).replace("{harm}", harm), device)))
        if self._chance(0.35):
            parts.append((1, self._say(_pick(self.rng, phrases.INJURY_EXTRAS), device)))
        return parts

    def _malfunction(self, device: Device) -> list[tuple[int, str]]:
        parts = [(0, self._fault(device))]
        if self._chance(0.85):
            parts.append((1, self._say(_pick(self.rng, phrases.NO_HARM), device)))
        return parts

    def _other(self, device: Device) -> list[tuple[int, str]]:
        parts = [(0, self._say(_pick(self.rng, phrases.OTHERS), device))]
        if self._chance(0.4):
            parts.insert(0, (1, self._fault(device)))
        if self._chance(0.3):
            parts.append((1, self._say(_pick(self.rng, phrases.NO_HARM), device)))
        return parts

    def _fault(self, device: Device) -> str:
        opener = _pick(self.rng, phrases.OPENERS)
        return self._say(opener + _pick(self.rng, device.faults), device)

    def _say(self, template: str, device: Device) -> str:
        template = template.replace("{noun}", device.noun)
        slots = {"age": str(19 + int(self.rng.random() * 72)), "days": str(2 + int(self.rng.random() * 58))}
        return expand(template, self.rng, **slots).strip().rstrip(".")

    def _finish(self, sentences: list[tuple[int, str]]) -> str:
        # The least needed sentence (highest number, last) goes first when the budget is exceeded.
        def join() -> str:
            return " ".join(s[0].upper() + s[1:] + "." for _, s in sentences)

        while units(join()) > MAX_UNITS and len(sentences) > 1:
            sentences.pop(max(range(len(sentences)), key=lambda i: (sentences[i][0], i)))
        return join().upper() if self._chance(0.3) else join()

    def _chance(self, probability: float) -> bool:
        return self.rng.random() < probability


def class_counts(reports: int) -> dict[str, int]:
    """Return how many reports are filed under each label; "No answer provided" takes what is left.

    >>> class_counts(800)
    {'Death': 63, 'Injury': 396, 'Malfunction': 301, 'Other': 32, 'No answer provided': 8}
    """
    unlabelled = max(3, round(reports * UNLABELLED_SHARE))
    labelled = reports - unlabelled
    counts = {label: round(labelled * share) for label, share in SHARES.items()}
    counts["Injury"] += labelled - sum(counts.values())
    return {**counts, "No answer provided": unlabelled}


def records(reports: int = 800, seed: int = 13) -> list[dict[str, Any]]:
    """Return synthetic records with the fields of openFDA's device/event, in the order of their keys.

    Args:
        reports: how many; 100 at least, so that each class has members.
        seed: the same seed gives the same records on any machine.

    Raises:
        InputError: fewer than 100 reports are asked for.
    """
    if reports < 100:
        raise InputError(f"reports is {reports}; at least 100 are needed for each class to have members")
    rng = random.Random(seed)
    narrator = Narrator(rng)
    filed = [label for label, count in class_counts(reports).items() for _ in range(count)]
    for last in range(len(filed) - 1, 0, -1):
        other = int(rng.random() * (last + 1))
        filed[last], filed[other] = filed[other], filed[last]
    made: list[dict[str, Any]] = []
    earlier: dict[str, list[dict[str, Any]]] = {}
    for number, label in enumerate(filed, start=1):
        told = _weighted(rng, {label: 1.0, **MISFILED.get(label, {})}) if label in SHARES else _pick(rng, LABELS)
        mark = rng.random()
        if mark < NEAR_DUPLICATES + SAME_EVENT and earlier.get(label):
            source = _pick(rng, earlier[label])
            record = _retold(source, number, rng, same_event=mark < SAME_EVENT)
        else:
            column = LABELS.index(label) if label in SHARES else 1
            device = _weighted(rng, {device: device.weights[column] for device in DEVICES})
            record = _record(number, label, told, device, narrator.write(told, device), rng)
            earlier.setdefault(label, []).append(record)
        made.append(record)
    return made


def _record(number: int, label: str, told: str, device: Device, text: str, rng: random.Random) -> dict[str, Any]:
    received = _date(rng)
    outcome = {"Death": "Death", "Injury": _pick(rng, phrases.INJURY_OUTCOMES)}.get(told, "")
    if rng.random() < 0.1:
        outcome = ""
    return {
        "mdr_report_key": str(90_000_000 + number),
        "report_number": f"SYNTHETIC-{number:05d}",
        "event_key": str(80_000_000 + number),
        "event_type": label,
        "date_received": received,
        "report_source_code": _pick(rng, ("Manufacturer report", "User Facility report", "Voluntary report")),
        "type_of_report": ["Initial submission"],
        "source_type": ["OTHER"],
        "product_problems": [""],
        "device": [
            {
                "device_sequence_number": "1",
                "brand_name": device.brand,
                "generic_name": device.generic,
                "manufacturer_d_name": device.maker,
                "device_report_product_code": device.code,
            }
        ],
        "patient": [
            {
                "patient_sequence_number": "1",
                "date_received": received,
                "sequence_number_outcome": [outcome],
                "patient_problems": [""],
            }
        ],
        "mdr_text": [_mdr_text(number, text)],
    }


def _mdr_text(number: int, text: str) -> dict[str, str]:
    return {
        "mdr_text_key": str(70_000_000 + number),
        "text_type_code": "Description of Event or Problem",
        "patient_sequence_number": "1",
        "text": text,
    }


def _retold(source: dict[str, Any], number: int, rng: random.Random, same_event: bool) -> dict[str, Any]:
    """Return a second report of an event, or a template letter that differs in a word or two."""
    text = source["mdr_text"][0]["text"]
    if rng.random() < 0.5:
        text = text.upper()
    else:
        words = text.split(" ")
        last = next((i for i in range(len(words) - 1, 0, -1) if words[i].islower() and words[i].isalpha()), None)
        if last is not None:
            words.insert(last, "also")
        text = " ".join(words)
    if units(text) > MAX_UNITS + 1:
        text = source["mdr_text"][0]["text"]
    copy = json.loads(json.dumps(source))
    copy |= {"mdr_report_key": str(90_000_000 + number), "report_number": f"SYNTHETIC-{number:05d}"}
    copy["mdr_text"] = [_mdr_text(number, text)]
    if not same_event:
        copy |= {"event_key": str(80_000_000 + number), "date_received": _date(rng)}
    return copy


def _date(rng: random.Random) -> str:
    return (dt.date(2019, 1, 1) + dt.timedelta(days=int(rng.random() * 5 * 365))).strftime("%Y%m%d")


def write_partition(folder: str | os.PathLike, reports: int = 800, seed: int = 13) -> Path:
    """Write one bulk partition of synthetic reports, whole or not at all.

    Args:
        folder: made where it is missing.
        reports: how many rows.
        seed: the same seed gives the same bytes on any machine.

    Returns:
        The path of `device-event-0001-of-0001.json.zip`.

    Raises:
        InputError: fewer than 100 reports are asked for.
        DiskFullError: the disk is full.
    """
    rows = records(reports, seed)
    meta = {
        "disclaimer": DISCLAIMER,
        "terms": "Apache-2.0",
        "license": "Apache-2.0",
        "last_updated": "2024-01-01",
        "synthetic": True,
        "seed": seed,
        "results": {"skip": 0, "limit": len(rows), "total": len(rows)},
    }
    body = json.dumps({"meta": meta, "results": rows}, ensure_ascii=False, indent=0, sort_keys=True)
    target = Path(folder) / f"{FILE_NAME}.zip"
    entry = zipfile.ZipInfo(FILE_NAME, date_time=(2024, 1, 1, 0, 0, 0))
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    # Stored, not deflated: compressors differ between zlib builds and the bytes shall not.
    entry.compress_type = zipfile.ZIP_STORED
    with atomic_file(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr(entry, body.encode("utf-8"))
    return target
