"""The sub-datasets of one file in emrQA's form, read note by note, with what is known of them in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from secondopinion.core.errors import InputError
from secondopinion.core.fingerprint import file_sha256
from secondopinion.core.progress import progress

from .categories import CategoryLabeller
from .configuration import ReadingOptions, choose_datasets, dataset_name
from .paragraph_files import ParagraphFile
from .question_rows import QuestionTally
from .reading import NoteReader
from .sampling import Sample
from .shapes import read_paragraph


class SectionReader:
    """Reads the sub-datasets of one file in emrQA's form.

    Args:
        file: the file.
        options: what becomes of questions and answers.
        wanted: the sub-datasets that are read; all when empty.
        sample: the share of each sub-dataset's questions that is kept.

    Raises:
        InputError: a sub-dataset has no title, one that is wanted is not there, or a linker is missing.
    """

    def __init__(
        self, file: ParagraphFile, options: ReadingOptions, wanted: tuple[str, ...] = (), sample: float = 1.0
    ) -> None:
        self.file, self.options, self.sample = file, options, sample
        self.names = []
        for section in file.sections:
            if not section.title:
                place = f"{section.path}.title".lstrip(".")
                raise InputError(
                    f"{file.path.name}: {place} is missing; emrQA's are medication, relations, risk-dataset, smoking "
                    "and obesity. A file in SQuAD's form is read by: secondopinion prepare squad_form --source FILE"
                )
            self.names.append(dataset_name(section.title))
        self.chosen = choose_datasets(wanted, self.names)
        self.tally = QuestionTally()
        self.labeller = make_labeller(options)
        self.reader = NoteReader(options, self.tally, self.labeller)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows, note by note.

        Raises:
            InputError: something is nested wrongly; names its place.
        """
        places = {id(section): place for place, section in enumerate(self.file.sections)}
        samples = {place: self._sample_of(place) for place in self.chosen}
        numbers: Counter[str] = Counter()
        total = sum(self.file.sections[place].paragraphs for place in self.chosen)
        with progress(total=total, label=f"reading {self.file.path.name}", unit="note") as bar:
            for section, path, value in self.file.paragraphs(self.chosen):
                bar.update(1)
                name = self.names[places[id(section)]]
                paragraph = read_paragraph(value, path)
                keep = samples[places[id(section)]].keep
                yield from self.reader.rows(paragraph, name, numbers[name], keep)
                numbers[name] += 1

    def _sample_of(self, place: int) -> Sample:
        # Named by the sub-dataset, so that it is the same one in the whole file and in a file of its own.
        name = f"{self.names[place]} {self.names[:place].count(self.names[place])}"
        return Sample(self.file.sections[place].questions, self.sample, seed=self.options.seed, name=name)

    def require_rows(self) -> None:
        """Raise unless there is a row.

        Raises:
            InputError: there is none; says why.
        """
        if self.tally.rows:
            return
        reasons = "; ".join(f"{count:,} {reason}" for reason, count in sorted(self.tally.dropped.items()))
        raise InputError(
            f"none of the {self.tally.read:,} questions of {self.file.path.name} became a row "
            f"({reasons or 'it holds no questions'}). Smoking and obesity alone have class labels without a place: "
            "they need categories=on, and most of them have none; read another sub-dataset, or use span=line"
        )

    def facts(self) -> dict[str, Any]:
        """Return all counts, for prepare.json."""
        file = self.file
        held = Counter()
        for name, section in zip(self.names, file.sections, strict=True):
            held[name] += section.questions
        return {
            **self.tally.facts(),
            **self.reader.facts(),
            "split": self.options.split,
            "categories": {**self.labeller.facts(), "agreement": self.labeller.agreement()} if self.labeller else None,
            "held": {name: held[name] for name in sorted(held)},
            "files": {
                file.path.name: {"rows": sum(s.questions for s in file.sections), "complete": True, **file.notes},
                **_table_of_terms(self.options.umls),
            },
        }


def _table_of_terms(umls: str) -> dict[str, dict[str, Any]]:
    """Return what identifies the table of terms, where `umls` names one."""
    path = Path(umls).expanduser()
    if not path.is_file():
        return {}
    return {path.name: {"bytes": path.stat().st_size, "sha256": file_sha256(path), "complete": True}}


def make_labeller(options: ReadingOptions) -> CategoryLabeller | None:
    """Return who labels, by the options; None for `categories="off"`.

    Raises:
        InputError: a linker is not installed, or a table of terms is missing.
    """
    if options.categories == "off":
        return None
    return CategoryLabeller(alpha=options.alpha, linker=None if options.umls == "off" else options.umls)
