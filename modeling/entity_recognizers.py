"""Entities by a trained model: scispaCy, medspaCy, or a token classifier of the Hub."""

from typing import Any

from .clinical_entities import Entity
from .sequence_limit import NO_LIMIT

MEDSPACY = "medspacy"
PREFIXES = ("scispacy:", "hub:")
NAMES = "'scispacy:MODEL', 'medspacy' or 'hub:REPOSITORY'"
WINDOW, STRIDE = 512, 64


def names_recognizer(name: Any) -> bool:
    """Return whether a text names a recogniser, rather than a file of terms.

    >>> [names_recognizer(name) for name in ("hub:d4data/biomedical-ner-all", "medspacy", "terms.txt")]
    [True, True, False]
    """
    return isinstance(name, str) and (name == MEDSPACY or name.startswith(PREFIXES))


def find_recognizer(name: str) -> "SpacyRecognizer | HubRecognizer":
    """Return the recogniser of a name: `scispacy:en_core_sci_sm`, `medspacy`, `hub:d4data/biomedical-ner-all`.

    Raises:
        ValueError: no recogniser has that name, or what it needs is not there.
    """
    if not names_recognizer(name):
        raise ValueError(f"unknown recogniser {name!r}; expected {NAMES}")
    source, _, model = name.partition(":")
    if source == MEDSPACY:
        return SpacyRecognizer(_medspacy(), "medspacy")
    if not model:
        raise ValueError(f"{name!r} names no model; expected {NAMES}")
    return SpacyRecognizer(_scispacy(model), "scispacy") if source == "scispacy" else HubRecognizer(model)


class SpacyRecognizer:
    """Entities of a spaCy pipeline, which scispaCy's models and medspaCy are.

    Args:
        nlp: the pipeline; it gives `ents` with `start_char`, `end_char` and `label_`.
        name: what the entities' terms are empty of: the pipeline's name, for messages.
    """

    def __init__(self, nlp: Any, name: str = "spacy") -> None:
        self.nlp, self.name = nlp, name

    def __call__(self, text: str) -> list[Entity]:
        """Return the entities of a text in its order, none overlapping; a kind is the label in lower case."""
        # Longer texts are refused by spaCy's limit of memory for parsers; a text is one note here.
        self.nlp.max_length = max(self.nlp.max_length, len(text) + 1)
        document = self.nlp(text)
        return [
            Entity(one.start_char, one.end_char, (one.label_ or "entity").lower(), text[one.start_char : one.end_char])
            for one in document.ents
        ]


class HubRecognizer:
    """Entities of a token classifier of the Hub, or of a folder. Notes of any length are read in windows.

    Args:
        model: a repository or a folder with a token classifier and a fast tokenizer.

    Raises:
        ValueError: there is no such model, or it is none.
    """

    def __init__(self, model: str) -> None:
        from transformers import AutoModelForTokenClassification, AutoTokenizer, TokenClassificationPipeline

        try:
            tokenizer = AutoTokenizer.from_pretrained(model)
            classifier = AutoModelForTokenClassification.from_pretrained(model).eval()
        except (OSError, ValueError) as error:
            raise ValueError(
                f"hub:{model} cannot be loaded as a token classifier: {str(error).splitlines()[0]} Give the name of a "
                "repository on the Hub, or a folder, as in 'hub:d4data/biomedical-ner-all'"
            ) from error
        positions = getattr(classifier.config, "max_position_embeddings", None) or WINDOW
        if tokenizer.model_max_length > NO_LIMIT:
            # Some families lose their first positions to the padding's index.
            tokenizer.model_max_length = min(WINDOW, positions if positions <= WINDOW else positions - 2)
        stride = min(STRIDE, tokenizer.model_max_length // 4)
        self.pipe = TokenClassificationPipeline(
            model=classifier,
            tokenizer=tokenizer,
            aggregation_strategy="first",
            stride=stride,
            device="cpu",
        )

    def __call__(self, text: str) -> list[Entity]:
        """Return the entities of a text in its order, none overlapping; a kind is the label in lower case."""
        if not text.strip():
            return []
        return [
            Entity(int(one["start"]), int(one["end"]), one["entity_group"].lower(), text[one["start"] : one["end"]])
            for one in self.pipe(text)
        ]


def _scispacy(model: str) -> Any:
    try:
        import spacy
    except ImportError as error:
        raise ValueError(_to_install("scispacy", f"scispacy:{model}")) from error
    try:
        return spacy.load(model)
    except OSError as error:
        raise ValueError(
            f"scispaCy's model {model!r} is not installed; its address for pip install stands in "
            "https://github.com/allenai/scispacy#available-models"
        ) from error


def _medspacy() -> Any:
    try:
        import medspacy
    except ImportError as error:
        raise ValueError(_to_install("medspacy", MEDSPACY)) from error
    return medspacy.load()


def _to_install(extra: str, name: str) -> str:
    return (
        f"the recogniser {name!r} needs packages that are not installed: pip install 'secondopinion[{extra}]' (they "
        "need numpy < 2). Or take the built-in terms, entities=True, or a token classifier, entities='hub:REPOSITORY'"
    )


__all__ = ["HubRecognizer", "SpacyRecognizer", "find_recognizer", "names_recognizer"]
