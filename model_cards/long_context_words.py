"""What a card says of a model for long texts: how its encoder was lengthened, and what its processor does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .tables import count

TASK = "clinical-text-classification"
UNMASKED, PARTING = "unmasked", "parting"


def has_processor(facts: Mapping[str, Any]) -> bool:
    """Whether texts go through a `ClinicalProcessor`."""
    return bool(facts["model"].get("processor"))


def reading(facts: Mapping[str, Any]) -> str:
    """Return how texts are read, in some sentences; empty where there is nothing to say.

    >>> facts = {"model": {"max_length": 1024, "long_context": "longformer", "attention_window": 256}}
    >>> reading(facts).startswith("The encoder was made a Longformer for 1,024 tokens")
    True
    """
    model = facts["model"]
    sentences, length = [], model.get("max_length")
    if model.get("long_context") == "longformer":
        sentences.append(
            f"The encoder was made a Longformer for {count(length)} tokens before it was trained (Beltagy et al. 2020, "
            f"section 5): position embeddings repeated, attention within windows of {count(model['attention_window'])} "
            "tokens, projections of global attention copied from the local ones."
        )
    elif model.get("long_context"):
        sentences.append(
            f"The encoder's position embeddings were repeated for {count(length)} tokens before it was trained; its "
            "attention is full."
        )
    if model.get("truncation_side") == "left":
        sentences.append("Longer texts lose their beginning.")
    processor = model.get("processor")
    if processor:
        sentences.append(f"A `ClinicalProcessor` reads every text first: {steps(processor)}.")
    return " ".join(sentences)


def steps(processor: Mapping[str, Any]) -> str:
    """Return what a processor does, as one clause."""
    done = []
    if processor.get("measurements"):
        done.append("measurements get one spelling, each in its own unit")
    if processor.get("value_buckets"):
        done.append("a token says how large a value is")
    if processor.get("abbreviations"):
        done.append("abbreviations are written out")
    if processor.get("global_attention"):
        source = {True: "the project's dictionary", False: None}.get(processor.get("entities"), "terms of its own")
        most = processor["max_global"]
        if source is None or most == 1:
            done.append("the first token attends to the whole text")
        else:
            done.append(
                f"the first token and those of medical entities ({source}) attend to the whole text, {count(most)} "
                "tokens at most"
            )
    return "; ".join(done) or "it changes nothing"


def training_limits(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what went wrong in training, by the signs that were kept in its folds."""
    signs = [sign for result in facts["fold_results"] for sign in result.get("warnings") or []]
    shares = [sign["share"] for sign in signs if sign["kind"] == UNMASKED]
    if shares:
        yield (
            f"**Texts without an entity.** In up to {max(shares):.0%} of the training texts no entity was found, so "
            "nothing but their first token attends to the whole of them."
        )
    folds = facts["fold_results"]
    parted = sum(any(sign["kind"] == PARTING for sign in fold.get("warnings") or []) for fold in folds)
    if parted:
        yield (
            f"**Overfitting.** In {parted} of {len(folds)} trained folds the validation loss rose while the training "
            "loss fell; the epoch kept is the best by the monitored figure."
        )
