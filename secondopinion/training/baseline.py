"""Phase 1: TF-IDF and logistic regression, a baseline that every encoder has to beat.

A saved model needs nothing of ours to load; it holds scikit-learn's own types and no pickle:

    import json, pathlib, scipy.special, skops.io
    folder = pathlib.Path("fold-1")
    model = skops.io.load(folder / "model.skops")
    config = json.loads((folder / "config.json").read_text())
    scores = model.decision_function(["Patient expired after the pump stopped."])
    probabilities = scipy.special.softmax(scores / config["temperature"], axis=1)  # two classes: scipy.special.expit
"""

from __future__ import annotations

import os
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..core.errors import InputError, closest
from ..core.files import atomic_folder, read_json, write_json
from ..core.progress import say
from .calibration import softmax
from .problems import Problem, SingleLabel
from .recipe import TfidfSpec

MODEL_FILE, CONFIG_FILE, MODEL_TYPE = "model.skops", "config.json", "tfidf"
# Words of letters only: numbers in a report are dates, serial and telephone numbers, which name a source or a person.
WORDS = r"(?u)\b[^\W\d_]{2,}\b"


class TfidfClassifier:
    """TF-IDF of words and word sequences, then multinomial logistic regression (scikit-learn, lbfgs).

    Terms that fewer than `min_df` groups share are not stored, nor anything else of the texts: a rare term may be a
    name, and the vocabulary is published with the model. Fitting has no random part.

    Args:
        label_names: (classes,) names in the order of the class numbers.
        ngram_max: longest word sequence that is a term.
        char_ngram_max: longest sequence of letters within a word that is a term as well, from 2; 0 for none.
        min_df: smallest number of groups (rows, where none are given) that a stored term occurs in.
        max_features: at most so many terms, the most frequent ones.
        regularization: inverse strength of the L2 penalty; scikit-learn's `C`.
        class_weights: `inverse_frequency` (rows / (classes · rows of the class)) or `none`.
        max_iter: iterations of the solver at most.
        ignored_words: words left out before terms are made: what only marks a source, say.

    Raises:
        InputError: a setting is out of range.

    >>> texts = ["the patient died", "the pump stopped"] * 5
    >>> model = TfidfClassifier(["Death", "Malfunction"], min_df=2).fit(texts, [0, 1] * 5)
    >>> model.predict_proba(["she died"]).argmax(axis=1)
    array([0])
    """

    def __init__(
        self,
        label_names: Sequence[str],
        *,
        ngram_max: int = 2,
        char_ngram_max: int = 0,
        min_df: int = 5,
        max_features: int = 100_000,
        regularization: float = 1.0,
        class_weights: Literal["inverse_frequency", "none"] = "inverse_frequency",
        max_iter: int = 1000,
        ignored_words: Sequence[str] = (),
    ) -> None:
        self.label_names = [str(name) for name in label_names]
        self._check_names()
        for name, value in (("ngram_max", ngram_max), ("min_df", min_df), ("max_features", max_features)):
            if not isinstance(value, int) or value < 1:
                raise InputError(f"{name} is {value!r}; it must be a whole number from 1")
        if not isinstance(char_ngram_max, int) or char_ngram_max not in (0, *range(2, 20)):
            raise InputError(
                f"char_ngram_max is {char_ngram_max!r}; it must be 0 (none), or a whole number from 2 to 19"
            )
        if not regularization > 0:
            raise InputError(f"regularization is {regularization!r}; it must be above 0")
        if class_weights not in ("inverse_frequency", "none"):
            hint = closest(class_weights, ("inverse_frequency", "none"))
            raise InputError(f"unknown class_weights {class_weights!r}; {hint}")
        self.settings: dict[str, Any] = {
            "ngram_max": ngram_max,
            "char_ngram_max": char_ngram_max,
            "min_df": min_df,
            "max_features": max_features,
            "regularization": float(regularization),
            "class_weights": class_weights,
            "max_iter": max_iter,
            "ignored_words": sorted({word.lower() for word in ignored_words}),
        }
        self.temperature = 1.0
        self.pipeline: Any = None
        self._learned: dict[str, Any] = {}

    def fit(self, texts: Sequence[str], labels: Sequence[int], groups: Sequence[Any] | None = None) -> TfidfClassifier:
        """Learn terms and weights.

        Args:
            texts: (rows,) strings.
            labels: (rows,) class numbers.
            groups: (rows,) near-duplicates share a group; `min_df` then counts groups, so that the many copies of
                one letter do not make its words common.

        Raises:
            InputError: a class has no row, the rows do not fit together, or no term is common enough.
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        labels = np.asarray(labels)
        self._check(texts, labels, groups)
        steps, features = self._features(texts, groups)
        balanced = self.settings["class_weights"] == "inverse_frequency"
        classifier = LogisticRegression(
            C=self.settings["regularization"],
            class_weight="balanced" if balanced else None,
            max_iter=self.settings["max_iter"],
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            classifier.fit(features, labels)
        iterations = int(classifier.n_iter_.max())
        converged = iterations < self.settings["max_iter"]
        if not converged:
            say(f"logistic regression stopped after {iterations} iterations without converging; raise max_iter")
        per_class = np.bincount(labels, minlength=len(self.label_names))
        weights = len(labels) / (len(per_class) * per_class) if balanced else np.ones(len(per_class))
        facts = {
            "iterations": iterations,
            "converged": converged,
            "class_weights": dict(zip(self.label_names, weights.tolist(), strict=True)),
        }
        return self._keep(steps, classifier, features, facts)

    def _keep(self, steps: list[tuple[str, Any]], head: Any, features: Any, facts: dict[str, Any]) -> TfidfClassifier:
        """Put the fitted parts together."""
        from sklearn.pipeline import Pipeline

        self.pipeline = Pipeline([*steps, ("classifier", head)])
        self._learned = {"vocabulary_size": features.shape[1], "training_rows": features.shape[0], **facts}
        return self

    def _features(self, texts: Sequence[str], groups: Sequence[Any] | None) -> tuple[list[tuple[str, Any]], Any]:
        """Return the steps from texts to features, fitted, and the (rows, terms) features."""
        from scipy.sparse import hstack
        from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
        from sklearn.pipeline import FeatureUnion

        counted, vectorizers = [], []
        for name, options in self._vectorizer_options().items():
            counts, terms = self._count(CountVectorizer(min_df=1, **options), texts, groups)
            counted.append(counts)
            # The terms travel as an array: skops writes a dict of 100,000 terms forty times slower.
            vectorizers.append((name, CountVectorizer(vocabulary=np.array(terms), **options)))
        counts = counted[0] if len(counted) == 1 else hstack(counted, format="csr")
        weighting = TfidfTransformer(sublinear_tf=True)
        features = weighting.fit_transform(counts)
        vectorizer = vectorizers[0][1] if len(vectorizers) == 1 else FeatureUnion(vectorizers)
        return [("count", vectorizer), ("tfidf", weighting)], features

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """Return (rows, classes) float64 scores whose softmax is the model's probability; no temperature applied."""
        if self.pipeline is None:
            raise InputError("the model is not fitted; call fit(texts, labels), or load a saved one")
        if not len(texts):
            return np.zeros((0, len(self.label_names)))
        scores = np.asarray(self.pipeline.decision_function(texts), dtype=np.float64)
        return scores if scores.ndim == 2 else np.stack([np.zeros_like(scores), scores], axis=1)

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """Return (rows, classes) probabilities, temperature applied."""
        logits = self.logits(texts)
        return softmax(logits, self.temperature) if len(logits) else logits

    def facts(self) -> dict[str, Any]:
        """Return what run.json records under `model`: plain data, no term."""
        classifier = self.pipeline.named_steps["classifier"]
        return {
            "kind": MODEL_TYPE,
            "class": type(self).__name__,
            "parameters": int(classifier.coef_.size + classifier.intercept_.size),
            "settings": {key: value for key, value in self.settings.items() if key != "ignored_words"},
            "ignored_words": len(self.settings["ignored_words"]),
            **self._learned,
        }

    def save(self, folder: str | os.PathLike) -> None:
        """Write `model.skops` and `config.json` as a whole; a folder that was there is replaced.

        Raises:
            DiskFullError: no room is left.
        """
        import skops.io

        config = {
            "model_type": MODEL_TYPE,
            "label_names": self.label_names,
            **self._config(),
            "settings": self.settings,
            "temperature": float(self.temperature),
            "learned": self._learned,
            "versions": {name: version(name) for name in ("scikit-learn", "skops")},
        }
        with atomic_folder(folder) as temporary:
            skops.io.dump(self.pipeline, temporary / MODEL_FILE, compression=zipfile.ZIP_DEFLATED)
            write_json(temporary / CONFIG_FILE, config)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> TfidfClassifier:
        """Read what `save` wrote; types that are not scikit-learn's own are refused before anything is built.

        Raises:
            InputError: the folder holds another kind of model, a damaged one, or one with types that are not trusted.
        """
        import skops.io

        folder = Path(folder)
        config = read_json(folder / CONFIG_FILE)
        found = config.get("model_type") if isinstance(config, dict) else None
        if found != MODEL_TYPE:
            raise InputError(
                f"{folder} holds a model of type {found!r}, not {MODEL_TYPE!r}; load an encoder with "
                "AutoModelForSequenceClassification.from_pretrained"
            )
        file = folder / MODEL_FILE
        if not file.exists():
            raise InputError(f"{folder} has a {CONFIG_FILE} but no {MODEL_FILE}; copy the whole folder")
        try:
            foreign = skops.io.get_untrusted_types(file=file)
            if foreign:
                raise InputError(
                    f"{file} holds types that scikit-learn does not bring: {', '.join(sorted(foreign))}. It was not "
                    f"written by {cls.__name__}.save and is not loaded, for such types may run code"
                )
            model = cls._unfitted(config)
            model.pipeline = skops.io.load(file)
            model.temperature, model._learned = float(config["temperature"]), config["learned"]
            learned = model._outputs()
        except (zipfile.BadZipFile, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{folder} holds a damaged model ({type(error).__name__}: {error}); train again, or copy it again"
            ) from None
        if learned != len(model.label_names):
            raise InputError(f"{folder}: {learned} classes are learned but {len(model.label_names)} are named")
        return model

    @classmethod
    def _unfitted(cls, config: dict[str, Any]) -> TfidfClassifier:
        """Return the model that config.json describes: of this class, or of `TfidfOutputs` where it names a task."""
        if "task" not in config:
            return cls(config["label_names"], **config["settings"])
        from .baseline_outputs import TfidfOutputs
        from .problems import problem_of_task

        return TfidfOutputs(problem_of_task(config["task"]), **config["settings"])

    def _outputs(self) -> int:
        """Return how many classes were learned."""
        return len(self.pipeline.named_steps["classifier"].classes_)

    def _config(self) -> dict[str, Any]:
        """Return what config.json says besides the settings."""
        return {}

    def _check_names(self) -> None:
        if len(set(self.label_names)) != len(self.label_names) or len(self.label_names) < 2:
            raise InputError(f"label_names are {self.label_names}; at least two different names are needed")

    def _vectorizer_options(self) -> dict[str, dict[str, Any]]:
        words = {
            "ngram_range": (1, self.settings["ngram_max"]),
            "token_pattern": WORDS,
            "stop_words": self.settings["ignored_words"] or None,
        }
        longest = self.settings["char_ngram_max"]
        return {"words": words} | ({"letters": {"analyzer": "char_wb", "ngram_range": (2, longest)}} if longest else {})

    def _count(self, vectorizer: Any, texts: Sequence[str], groups: Sequence[Any] | None) -> tuple[Any, list[str]]:
        """Return (rows, terms) counts of the terms that are kept, and those terms, sorted."""
        from scipy.sparse import csr_array

        least, most = self.settings["min_df"], self.settings["max_features"]
        try:
            counts = vectorizer.fit_transform(texts)
        except ValueError:
            raise InputError(f"none of the {len(texts)} texts holds a word of two letters or more") from None
        present = csr_array(counts, dtype=np.int32)
        present.data[:] = 1
        if groups is not None:
            group = np.unique(np.asarray(groups), return_inverse=True)[1]
            rows = np.arange(len(group))
            member = csr_array((np.ones(len(group), dtype=np.int32), (group, rows)))
            present = member @ present
            present.data[:] = 1
        names = vectorizer.get_feature_names_out()
        plain = np.array([not any(letter.isdigit() for letter in name) for name in names])
        kept = np.flatnonzero((present.sum(axis=0) >= least) & plain)
        if not len(kept):
            unit = "rows" if groups is None else "groups"
            raise InputError(
                f"no term occurs in {least} {unit} (min_df); lower it, or give more than {len(texts)} texts"
            )
        if len(kept) > most:
            frequency = np.asarray(counts.sum(axis=0)).ravel()[kept]
            kept = np.sort(kept[np.argsort(-frequency, kind="stable")[:most]])
        return counts[:, kept], names[kept].tolist()

    def _check(self, texts: Sequence[str], labels: np.ndarray, groups: Sequence[Any] | None) -> None:
        if len(texts) != len(labels) or (groups is not None and len(groups) != len(labels)):
            size = "" if groups is None else f", {len(groups)} groups"
            raise InputError(f"{len(texts)} texts, {len(labels)} labels{size}; every row needs each")
        numbers = np.arange(len(self.label_names))
        if len(labels) and not np.isin(labels, numbers).all():
            raise InputError(
                f"labels must be class numbers from 0 to {numbers[-1]}; found {np.unique(labels)[:9].tolist()}"
            )
        absent = [name for number, name in enumerate(self.label_names) if not (labels == number).any()]
        if absent:
            raise InputError(
                f"no training row is of class {', '.join(absent)}; leave the class out, add rows, or use fewer folds"
            )


def tfidf_classifier(spec: TfidfSpec, problem: Problem) -> TfidfClassifier:
    """Return an unfitted model with the settings of a recipe, for a kind of problem."""
    settings = asdict(spec)
    del settings["kind"]
    if isinstance(problem, SingleLabel):
        return TfidfClassifier(problem.label_names, **settings)
    from .baseline_outputs import TfidfOutputs

    return TfidfOutputs(problem, **settings)
