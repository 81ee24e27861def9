"""Who finds UMLS concepts in a text: a table of one's own, scispaCy, or medspaCy's QuickUMLS.

scispaCy and medspaCy are extras of this package. They need numpy < 2: where that cannot be, `write_table` links a list
of terms in an environment of their own, once, and `TableLinker` reads that table anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from secondopinion.core.errors import InputError, closest
from secondopinion.core.files import atomic_file

from .phrases import PhraseIndex
from .umls import Link, Linker

COLUMNS = ("term", "types", "cui", "score")
LINKERS = ("medspacy", "scispacy")
_TABLE_ENDING = ".tsv"
_TYPE = re.compile(r"T\d{3}")


class TableLinker:
    """Finds the terms of a table as whole words, whatever their case; the longest first, none overlapping.

    Args:
        terms: a mapping from terms to semantic types (`"T047"`, or several in a list), or the path of a `.tsv` file
            whose header names the columns `term` and `types` (several with blanks or commas), and, where known, `cui`
            and `score` (otherwise 1). A term in several lines stands for several concepts.

    Raises:
        InputError: the file is missing or damaged, a type is none, a score is not from 0 to 1, or no term is left.

    >>> TableLinker({"hypertension": "T047", "aspirin": ["T109", "T121"]}).link("Aspirin, 81 mg")
    [Link(cui='', types=('T109', 'T121'), score=1.0, start=0, end=7)]
    """

    def __init__(self, terms: Mapping[str, str | Iterable[str]] | str | Path) -> None:
        concepts: dict[str, list[tuple[str, tuple[str, ...], float]]] = {}
        rows = _mapping_rows(terms) if isinstance(terms, Mapping) else _file_rows(Path(terms).expanduser())
        for term, *concept in rows:
            concepts.setdefault(" ".join(term.lower().split()), []).append(tuple(concept))
        self._index = PhraseIndex(concepts.items())
        if not len(self._index):
            raise InputError("the table of terms is empty; give at least one term and its semantic types, such as T047")

    def link(self, text: str) -> list[Link]:
        """Return the concepts whose terms stand in the text, in its order."""
        return [
            Link(cui, types, score, start, end)
            for start, end, concepts in self._index.find(text)
            for cui, types, score in concepts
        ]


class SciSpacyLinker:
    """Links what a scispaCy pipeline takes for an entity, each to its best concept.

    Needs `scispacy` and a model of it; the first use of a knowledge base downloads about 1 GB. Interface: scispaCy 0.6,
    https://github.com/allenai/scispacy#example-usage-1.

    Args:
        model: of scispaCy, an installed package.
        knowledge_base: one that scispaCy knows: `umls`, `mesh`, `rxnorm`, `go`, `hpo`.
        nlp: a pipeline that is there already, with entities and a linker in it, instead of `model`.
        linker_pipe: name of the linker's place in `nlp`.

    Raises:
        InputError: scispaCy or the model is not installed, or `nlp` has no such linker.
    """

    def __init__(
        self,
        model: str = "en_core_sci_sm",
        knowledge_base: str = "umls",
        *,
        nlp: Any = None,
        linker_pipe: str = "scispacy_linker",
    ) -> None:
        self.nlp = _scispacy_pipeline(model, knowledge_base, linker_pipe) if nlp is None else nlp
        if linker_pipe not in self.nlp.pipe_names:
            raise InputError(
                f"the pipeline has no part named {linker_pipe!r}; {closest(linker_pipe, self.nlp.pipe_names)}"
            )
        self._entities = self.nlp.get_pipe(linker_pipe).kb.cui_to_entity

    def link(self, text: str) -> list[Link]:
        """Return each entity's best concept; entities that are linked to nothing are left out."""
        links = []
        for entity in self.nlp(text).ents:
            if candidates := entity._.kb_ents:
                cui, score = max(candidates, key=lambda candidate: candidate[1])
                types = tuple(self._entities[cui].types)
                links.append(Link(cui, types, min(float(score), 1.0), entity.start_char, entity.end_char))
        return links


class MedSpacyLinker:
    """Links by medspaCy's QuickUMLS: approximate matches of strings, the best of those that overlap.

    Needs `medspacy` and QuickUMLS's data, which a UMLS licence allows to make
    (https://github.com/medspacy/QuickUMLS#installation); without a path QuickUMLS reads the small sample it brings.

    Args:
        data: folder of QuickUMLS's data.
        threshold: similarity from which a match counts, from 0 to 1.

    Raises:
        InputError: medspaCy is not installed, the folder is missing, or its data cannot be read.
    """

    def __init__(self, data: str | Path | None = None, *, threshold: float = 0.8) -> None:
        if data is not None and not Path(data).expanduser().is_dir():
            raise InputError(f"no folder '{data}'; give the folder that QuickUMLS was installed into")
        try:
            import spacy
            from quickumls import spacy_component  # noqa: F401  registers the part
        except ImportError as error:
            raise InputError(_to_install("medspacy")) from error
        self.nlp = spacy.blank("en")
        config = {"threshold": threshold, "result_type": "group"}
        if data is not None:
            config["quickumls_fp"] = str(Path(data).expanduser())
        try:
            part = self.nlp.add_pipe("medspacy_quickumls", config=config)
        except LookupError as error:
            raise InputError(
                "QuickUMLS needs nltk's stop words; run once: python -m nltk.downloader stopwords"
            ) from error
        except (OSError, ValueError) as error:
            raise InputError(f"QuickUMLS cannot read its data: {error}") from error
        self._group = part.span_group_name

    def link(self, text: str) -> list[Link]:
        """Return the matched concepts, in the order of the text."""
        # The document must live as long as its spans are read.
        document = self.nlp(text)
        found = {
            (span.start_char, span.end_char, match.cui): (tuple(sorted(match.semtypes)), float(match.similarity))
            for span in document.spans.get(self._group, ())
            for match in span._.umls_matches
        }
        return [
            Link(cui, types, min(score, 1.0), start, end) for (start, end, cui), (types, score) in sorted(found.items())
        ]


def find_linker(name: str) -> Linker:
    """Return the linker of a name (`medspacy`, `scispacy`), or that of a table (a path that ends in `.tsv`).

    Raises:
        InputError: no linker has that name, or what it needs is not there.
    """
    if str(name).lower().endswith(_TABLE_ENDING):
        return TableLinker(name)
    if name not in LINKERS:
        raise InputError(
            f"unknown linker {name!r}; {closest(name, LINKERS)}, or give the path of a {_TABLE_ENDING} table"
        )
    return SciSpacyLinker() if name == "scispacy" else MedSpacyLinker()


def write_table(path: str | Path, linker: Linker, terms: Iterable[str]) -> int:
    """Link each term by itself and write what was found as a table for `TableLinker`; return the number of rows.

    Terms of clinical notes are as private as the notes: so is the table.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "terms.tsv"
    >>> write_table(path, TableLinker({"fever": "T184"}), ["high fever", "shoe"])
    1
    >>> TableLinker(path).link("High fever")[0].types
    ('T184',)
    """
    rows = 0
    with atomic_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as handle:
        handle.write("\t".join(COLUMNS) + "\n")
        for term in dict.fromkeys(" ".join(term.split()) for term in terms):
            for link in linker.link(term):
                handle.write("\t".join((term, " ".join(link.types), link.cui, f"{link.score:.6g}")) + "\n")
                rows += 1
    return rows


def _scispacy_pipeline(model: str, knowledge_base: str, linker_pipe: str) -> Any:
    try:
        import scispacy.abbreviation
        import scispacy.linking  # noqa: F401  both register their parts
        import spacy
    except ImportError as error:
        raise InputError(_to_install("scispacy")) from error
    try:
        nlp = spacy.load(model)
    except OSError as error:
        raise InputError(
            f"scispaCy's model {model!r} is not installed; its address for pip install stands in "
            "https://github.com/allenai/scispacy#available-models"
        ) from error
    nlp.add_pipe("abbreviation_detector")
    nlp.add_pipe(
        "scispacy_linker", name=linker_pipe, config={"linker_name": knowledge_base, "resolve_abbreviations": True}
    )
    return nlp


def _to_install(name: str) -> str:
    install = f"pip install 'secondopinion[{name}]'"
    return (
        f"the linker {name!r} needs packages that are not installed: {install}. They need numpy < 2; where this "
        f"environment has to keep a newer one, make one of their own (python -m venv {name}-env && {name}-env/bin/"
        f"{install}), write a table of your terms there (write_table), and give its path here as the linker"
    )


def _mapping_rows(terms: Mapping[str, str | Iterable[str]]) -> Iterator[tuple[str, str, tuple[str, ...], float]]:
    for number, (term, types) in enumerate(terms.items(), 1):
        yield term, "", _types([types] if isinstance(types, str) else types, f"term {number} of the table"), 1.0


def _file_rows(path: Path) -> Iterator[tuple[str, str, tuple[str, ...], float]]:
    if not path.is_file():
        raise InputError(f"no table of terms '{path}'; give a tab-separated file with the columns {', '.join(COLUMNS)}")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"'{path}' is no UTF-8 text; save it as UTF-8") from error
    header = lines[0].split("\t") if lines else []
    for name in COLUMNS[:2]:
        if name not in header:
            raise InputError(f"'{path}' has no column {name!r}; its first line must name them, with tabs between")
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        place = f"'{path}' line {number}"
        cells = line.split("\t")
        if len(cells) > len(header):
            raise InputError(f"{place} has {len(cells)} cells under {len(header)} columns; put one tab between cells")
        row = dict(zip(header, cells, strict=False))
        types = _types(re.split(r"[\s,;]+", row.get("types", "").strip()), place)
        yield row["term"], row.get("cui", ""), types, _score(row.get("score", ""), place)


def _types(names: Iterable[str], place: str) -> tuple[str, ...]:
    types = tuple(names)
    for name in types:
        if not _TYPE.fullmatch(name):
            raise InputError(f"{place}: {name!r} is no semantic type; they look like T047")
    if not types:
        raise InputError(f"{place} has no semantic type; give at least one, such as T047")
    return types


def _score(text: str, place: str) -> float:
    try:
        score = float(text) if text.strip() else 1.0
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise InputError(f"{place}: the score is {text!r}; give a number from 0 to 1, or leave it empty")
    return score
