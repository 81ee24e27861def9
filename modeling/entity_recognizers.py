"""Entities by others' means: a model of scispaCy, rules of medspaCy, or a token classifier of the Hub."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .clinical_entities import Entity
from .sequence_limit import NO_LIMIT

MEDSPACY = "medspacy"
SOURCES = ("scispacy", MEDSPACY, "hub")
NAMES = "'scispacy:MODEL', 'medspacy:RULES.json' or 'hub:REPOSITORY'"
WINDOW, STRIDE = 512, 64


def names_recognizer(name: Any) -> bool:
    """Return whether a text names a recogniser, rather than a file of terms.

    >>> [names_recognizer(name) for name in ("hub:d4data/biomedical-ner-all", "medspacy:rules.json", "terms.txt")]
    [True, True, False]
    """
    return isinstance(name, str) and name.partition(":")[0] in SOURCES


def recognizer_parts(name: str) -> tuple[str, str]:
    """Return where a recogniser comes from, and which of those.

    Raises:
        ValueError: no recogniser has that name.

    >>> recognizer_parts("scispacy:en_core_sci_sm")
    ('scispacy', 'en_core_sci_sm')
    """
    if not names_recognizer(name):
        raise ValueError(f"unknown recogniser {name!r}; expected {NAMES}")
    source, _, which = name.partition(":")
    if not which:
        raise ValueError(f"{name!r} does not say which; expected {NAMES}")
    return source, which


def find_recognizer(name: str) -> "SpacyRecognizer | HubRecognizer":
    """Return the recogniser of a name, such as `scispacy:en_core_sci_sm` or `hub:d4data/biomedical-ner-all`.

    Raises:
        ValueError: no recogniser has that name, or what it needs is not there.
    """
    source, which = recognizer_parts(name)
    if source == MEDSPACY:
        return rule_recognizer(read_rules(which))
    return HubRecognizer(which) if source == "hub" else SpacyRecognizer(_scispacy(which))


def read_rules(path: str | os.PathLike) -> list[dict[str, Any]]:
    """Return the rules of a file of medspaCy's: `{"target_rules": [{"literal": "chest pain", "category": "PROBLEM"}]}`.

    Raises:
        ValueError: there is no such file, or it holds something else.
    """
    path = Path(path).expanduser()
    form = 'expected {"target_rules": [{"literal": "chest pain", "category": "PROBLEM"}, …]}, as medspaCy reads it'
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(f"no file of rules at {str(path)!r}; give medspacy:RULES.json") from error
    except ValueError as error:
        raise ValueError(f"{path.name} is not valid JSON: {error}; {form}") from error
    rules = content.get("target_rules") if isinstance(content, dict) else None
    if not isinstance(rules, list) or not rules:
        raise ValueError(f"{path.name} holds no rules; {form}")
    for number, rule in enumerate(rules):
        missing = [name for name in ("literal", "category") if not isinstance(rule, dict) or not rule.get(name)]
        if missing:
            raise ValueError(f"{path.name}: target_rules[{number}] has no {' and no '.join(missing)}; {form}")
    return rules


def rule_recognizer(rules: Iterable[dict[str, Any]]) -> "SpacyRecognizer":
    """Return the recogniser of medspaCy's rules.

    Only its tokenizer and its matcher are loaded: what else its pipelines hold finds no entities, and its splitter of
    sentences writes the words of a text to the log.

    Raises:
        ValueError: medspaCy is not installed, or a rule is none of its own.
    """
    try:
        import medspacy
        from medspacy.ner import TargetRule
    except ImportError as error:
        raise ValueError(_to_install(MEDSPACY, "medspacy:RULES.json")) from error
    nlp = medspacy.load(medspacy_enable=["medspacy_tokenizer", "medspacy_target_matcher"])
    try:
        nlp.get_pipe("medspacy_target_matcher").add([TargetRule.from_dict(dict(rule)) for rule in rules])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"medspaCy does not take these rules: {error}") from error
    return SpacyRecognizer(nlp)


class SpacyRecognizer:
    """Entities of a spaCy pipeline, which scispaCy's models and medspaCy are.

    Args:
        nlp: the pipeline; it gives `ents` with `start_char`, `end_char` and `label_`.
    """

    def __init__(self, nlp: Any) -> None:
        self.nlp = nlp

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


def _to_install(extra: str, name: str) -> str:
    return (
        f"the recogniser {name!r} needs packages that are not installed: pip install 'secondopinion[{extra}]' (they "
        "need numpy < 2). Or take the built-in terms, entities=True, or a token classifier, entities='hub:REPOSITORY'"
    )


__all__ = [
    "MEDSPACY",
    "HubRecognizer",
    "SpacyRecognizer",
    "find_recognizer",
    "names_recognizer",
    "read_rules",
    "recognizer_parts",
    "rule_recognizer",
]
