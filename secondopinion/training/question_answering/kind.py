"""The training of a model that answers questions, and of the baselines beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.files import write_json
from ...core.progress import say
from ...core.run_folder import RunFolder
from ...modeling.qa_windows import Windows
from ..compilation import check_compiler
from ..folds import Folds
from ..frozen_weights import check_frozen
from ..qa_recipe import QuestionAnsweringRecipe
from .data import QuestionAnsweringData, load_questions
from .figures import measure
from .fold import AnswerOutcome, fit_answer_fold
from .model import question_tokenizer
from .single_task import fit_single_task
from .windows import windows_of

SHOWN = {"f1": "F1", "exact": "exact match", "category_macro_f1": "category macro F1", "joint_accuracy": "joint"}


class QuestionAnsweringTraining:
    """A `multitask_qa` training; see `ModelKind`.

    Args:
        run: where to.
        recipe: what is trained.
        process: this process's place.
    """

    def __init__(self, run: RunFolder, recipe: QuestionAnsweringRecipe, process: Any) -> None:
        self.run, self.recipe, self.process = run, recipe, process
        self.cache = run.path / "cache"
        self._windows: dict[bool, Windows] = {}
        self._tokenizer: Any = None

    def load(self) -> QuestionAnsweringData:
        """Return the rows that the recipe names."""
        return load_questions(self.recipe.dataset, self.cache / "dataset")

    def check(self, data: QuestionAnsweringData) -> None:
        """Check that the rows can teach the tasks.

        Raises:
            InputError: they cannot, or they are rows of another kind, or the recipe freezes what is not there, or
                would compile without a compiler.
        """
        if not isinstance(data, QuestionAnsweringData):
            raise InputError(
                f"data is a {type(data).__name__}, but the recipe {self.recipe.name!r} trains on questions; give a "
                "folder, or what secondopinion.training.question_answering.data.from_rows returns"
            )
        data.require(self.recipe.model.tasks)
        check_frozen(self.recipe)
        check_compiler(self.recipe.training)

    def tokenizer(self) -> Any:
        """Return the encoder's tokenizer, loaded once."""
        if self._tokenizer is None:
            with self.process.main_process_first():
                self._tokenizer = question_tokenizer(self.recipe)
        return self._tokenizer

    def windows(self, data: QuestionAnsweringData, reads_context: bool = True) -> Windows:
        """Return the windows of all rows, made once for all folds."""
        if reads_context not in self._windows:
            spec = self.recipe.model
            self._windows[reads_context] = windows_of(data, self.tokenizer(), spec, reads_context=reads_context)
        return self._windows[reads_context]

    def fit(
        self, data: QuestionAnsweringData, fold: int, rows: np.ndarray, held_out: np.ndarray
    ) -> AnswerOutcome | None:
        """Train a fold and answer its held-out rows; None on every process but the first."""
        return fit_answer_fold(
            self.recipe,
            data,
            self.windows(data),
            self.tokenizer(),
            rows,
            held_out,
            output=self.run.fold_folder(fold),
            work=self.cache / f"fold-{fold}",
            label=f"fold {fold}",
        )

    def write_fold(
        self, data: QuestionAnsweringData, fold: int, held_out: np.ndarray, outcome: AnswerOutcome, seconds: float
    ) -> None:
        """Write a fold's answers (offsets, no text), then its figures."""
        outcome.answers.save(self.run.fold_answers_file(fold))
        figures = measure(data, held_out, outcome.answers)
        facts = {"fold": fold, "figures": figures, **outcome.facts, "seconds": seconds}
        write_json(self.run.fold_facts_file(fold), facts)
        shown = ", ".join(f"{title} {figures[name]:.4f}" for name, title in SHOWN.items() if name in figures)
        say(f"fold {fold}: {shown}")

    def fit_beside(self, data: QuestionAnsweringData, fold: int, rows: np.ndarray, held_out: np.ndarray) -> None:
        """Train the single-task baselines of a fold that are not there yet."""
        for name in self.recipe.model.single_task:
            fit_single_task(
                self.run,
                self.recipe,
                data,
                lambda reads_context: self.windows(data, reads_context),
                self.tokenizer(),
                fold,
                rows,
                held_out,
                name,
                self.process,
            )

    def write_report(self, data: QuestionAnsweringData, split: Folds, *, seconds: float) -> dict[str, Any]:
        """Gather the finished folds into run.json."""
        from .report import write_answer_report

        return write_answer_report(self.run, self.recipe, data, split, seconds=seconds)
