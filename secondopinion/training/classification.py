"""The training of a classifier: TF-IDF with logistic regression, or an encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import atomic_file, write_json
from ..core.progress import say
from ..core.run_folder import RunFolder
from .baseline import tfidf_classifier
from .compilation import check_compiler
from .data import TrainingData, load_data
from .figures import FoldOutcome
from .folds import Folds
from .frozen_weights import check_frozen
from .long_context import check_processor
from .problems import Problem, SingleLabel
from .problems.reading import main_figure
from .recipe import EncoderSpec, Recipe
from .selection import FIGURE_TITLES


def settled(recipe: Recipe, data: TrainingData) -> Recipe:
    """Return a recipe whose rules name the figures that `main` stands for in these rows.

    Raises:
        InputError: the problem that the rows pose has no such figure.
    """
    main = main_figure(data.facts)
    changed = recipe.replace(selection=data.problem.settle(recipe.selection, "selection", main))
    if isinstance(recipe.model, EncoderSpec):
        monitor = data.problem.settle(recipe.training.monitor, "training.monitor", main)
        changed = changed.replace(training={"monitor": monitor})
    return changed


class ClassifierTraining:
    """Phase 1 or phase 2; see `ModelKind`.

    Args:
        run: where to.
        recipe: of a `tfidf` or `pooled_encoder` model.
        process: this process's place.
        tokens: folder for the tokenised rows; the run's own cache when left out.
    """

    def __init__(self, run: RunFolder, recipe: Recipe, process: Any, tokens: Path | None = None) -> None:
        self.run, self.recipe, self.process = run, recipe, process
        self.cache = run.path / "cache"
        self.tokens = tokens or self.cache
        self.problem: Problem | None = None
        self._tokenized: tuple[Any, Any] | None = None

    def load(self) -> TrainingData:
        """Return the rows that the recipe names."""
        return load_data(self.recipe.dataset, self.cache / "dataset")

    def check(self, data: TrainingData) -> None:
        """Check that the recipe's rules fit the kind of problem that the rows pose, and settle what `main` stands for.

        Raises:
            InputError: they do not, they are rows of another kind, a policy is to be learned for other labels than
                a single class, or the recipe freezes what is not there, or would compile without a compiler.
        """
        if not isinstance(data, TrainingData):
            raise InputError(
                f"data is a {type(data).__name__}, but the recipe {self.recipe.name!r} trains on texts with labels; "
                "give a folder, or what secondopinion.training.data.from_dataset returns"
            )
        problem = data.problem
        if self.recipe.joint is not None and not isinstance(problem, SingleLabel):
            raise InputError(
                f"{data.name} poses a {problem.title}; deferral is for one class a text; leave the joint section of "
                "the recipe out"
            )
        self.recipe = settled(self.recipe, data)
        rules = [self.recipe.selection]
        if isinstance(self.recipe.model, EncoderSpec):
            rules.append(self.recipe.training.monitor)
            check_processor(self.recipe)
            check_frozen(self.recipe)
            check_compiler(self.recipe.training)
        self.problem = problem.measuring(*(rule.metric for rule in rules))

    def fit(self, data: TrainingData, fold: int, rows: np.ndarray, held_out: np.ndarray) -> FoldOutcome | None:
        """Train a fold and predict its held-out rows; None on every process but the first."""
        if isinstance(self.recipe.model, EncoderSpec):
            return self._fit_encoder(data, fold, rows, held_out)
        return self._fit_tfidf(data, fold, rows, held_out) if self.process.is_main_process else None

    def _fit_encoder(self, data: TrainingData, fold: int, rows: np.ndarray, held_out: np.ndarray) -> FoldOutcome | None:
        from .encoder import fit_encoder_fold, load_tokenizer
        from .tokenized_rows import tokenize

        if self._tokenized is None:
            with self.process.main_process_first():
                tokenizer = load_tokenizer(self.recipe, data.facts.get("truncation_side"))
                self._tokenized = tokenizer, tokenize(data, tokenizer, self.recipe.model.max_length, self.tokens)
        tokenizer, encoded = self._tokenized
        return fit_encoder_fold(
            self.recipe,
            replace(data, problem=self.problem),
            encoded,
            tokenizer,
            rows,
            held_out,
            output=self.run.fold_folder(fold),
            work=self.cache / f"fold-{fold}",
            label=f"fold {fold}",
            **self._fold_options(),
        )

    def _fold_options(self) -> dict[str, Any]:
        """Return further options of `fit_encoder_fold`."""
        return {}

    def _fit_tfidf(self, data: TrainingData, fold: int, rows: np.ndarray, held_out: np.ndarray) -> FoldOutcome:
        model = tfidf_classifier(self.recipe.model, data.problem)
        groups = None if data.groups is None else data.groups[rows]
        model.fit(data.texts(rows), data.labels[rows], groups)
        model.save(self.run.fold_folder(fold))
        facts = {"rows": {"train": len(rows), "held_out": len(held_out)}, **model.facts()}
        return FoldOutcome(model.logits(data.texts(held_out)), facts)

    def write_fold(
        self, data: TrainingData, fold: int, held_out: np.ndarray, outcome: FoldOutcome, seconds: float
    ) -> None:
        """Write a fold's logits, then its figures."""
        with atomic_file(self.run.fold_logits_file(fold)) as temporary, open(temporary, "wb") as handle:
            np.save(handle, np.asarray(outcome.logits, dtype=np.float32))
        figures = self.problem.figures(data.labels[held_out], np.asarray(outcome.logits, dtype=np.float64))
        facts = {"fold": fold, "figures": figures, **outcome.facts, "seconds": seconds}
        write_json(self.run.fold_facts_file(fold), facts)
        say(f"fold {fold}: {', '.join(f'{FIGURE_TITLES[name]} {figures[name]:.4f}' for name in self.problem.shown)}")

    def fit_beside(self, data: TrainingData, fold: int, rows: np.ndarray, held_out: np.ndarray) -> None:
        """Nothing stands beside a classifier's fold: its baseline is a run of its own."""

    def write_report(self, data: TrainingData, split: Folds, *, seconds: float) -> dict[str, Any]:
        """Gather the finished folds into run.json."""
        from .report import write_report

        return write_report(self.run, self.recipe, replace(data, problem=self.problem), split, seconds=seconds)
