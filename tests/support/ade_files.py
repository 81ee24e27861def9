"""Authored files of the shape of ADE Corpus V2; no drug, effect or article in them exists."""

from __future__ import annotations

import zipfile
from pathlib import Path

EFFECTS, DOSES, NEGATIVES = "DRUG-AE.rel", "DRUG-DOSE.rel", "ADE-NEG.txt"


def relation(pubmed_id: str, sentence: str, entity: str, drug: str, begin: int = 100) -> str:
    """A line of a `.rel` file whose sentence begins at `begin` of its document."""
    places = []
    for words in (entity, drug):
        start = begin + sentence.index(words)
        places.append(f"{words}|{start}|{start + len(words)}")
    return f"{pubmed_id}|{sentence}|{'|'.join(places)}"


RASH = "Zorbitol caused a rash."
TWICE = "A rash on zorbitol, then a rash and fever on quandine."
DOSED = "Fever followed 5 mg of quandine."
PIPED = "Levels of quandine |free| rose and caused fever."
SHARED = "A case report of zorbitol."

LINES = {
    EFFECTS: [
        relation("30", RASH, "rash", "Zorbitol"),
        relation("30", TWICE, "fever", "quandine", 200),
        f"30|{TWICE}|rash|202|206|zorbitol|210|218",
        f"30|{TWICE}|rash|227|231|quandine|245|253",
        relation("31", DOSED, "Fever", "quandine"),
        relation("32", PIPED, "fever", "quandine"),
        relation("33", RASH, "rash", "Zorbitol", 400),
    ],
    DOSES: [relation("31", DOSED, "5 mg", "quandine")],
    NEGATIVES: [
        "30 NEG The patient recovered fully.",
        f"34 NEG {RASH}",
        f"35 NEG {SHARED}",
        f"36 NEG {SHARED}",
        "36 NEG Nothing else was found in this patient.",
        "36 NEG Nothing else was found in this patient.",
        "7 NEG nothing else was found in this patient!",
        "37 NEG   Weight fell  by 3 kg.  ",
    ],
}


def write_files(folder: Path, changes: dict[str, list[str] | bytes | None] | None = None) -> Path:
    """Write the three files; `changes` replaces the lines or bytes of some, or leaves a file out (None)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in {**LINES, **(changes or {})}.items():
        if lines is not None:
            content = lines if isinstance(lines, bytes) else "".join(f"{line}\n" for line in lines).encode()
            (folder / name).write_bytes(content)
    return folder


def write_zip(path: Path, folder: Path) -> Path:
    """Pack a folder's files below a folder of their own."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"ADE-Corpus-V2/{file.name}")
    return path
