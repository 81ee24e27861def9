"""The model of the page, whatever kind it is: one that knows when to ask, a plain classifier, or a bag of words."""

from __future__ import annotations

import json
from dataclasses import dataclass

from curve import Curve
from panels import Case, Opinion, Panels
from severity.readers import Baseline, Encoder, Published, fetch
from system import System, text_id


@dataclass(frozen=True)
class Reading:
    """What a model says of a text; the text itself is not in it.

    Attributes:
        probabilities: class → calibrated probability, in the order of the classes.
        case: with score and decision, of a model that defers; None otherwise.
    """

    probabilities: dict[str, float]
    case: Case | None = None

    @property
    def confidence(self) -> float:
        """The highest probability."""
        return max(self.probabilities.values())


class Model:
    """A published model and its facts.

    Args:
        source: folder or Hub id.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: whether code in the model's repository may run.

    Raises:
        ValueError: there is no such model, or it is none that classifies a text.
    """

    def __init__(self, source: str, revision: str | None = None, trust_remote_code: bool = False) -> None:
        config = fetch(source, "config.json", revision)
        kind = json.loads(config.read_text(encoding="utf-8")).get("model_type") if config else None
        if kind == "multitask_qa":
            raise ValueError(
                f"{source} answers questions; this page begins with a model that classifies texts: give that as the "
                "model, and the one that answers questions beside it"
            )
        self.panels: Panels | None = None
        if kind == "deferral":
            self.reader = System(source, revision, trust_remote_code)
            curve = Curve.read(self.reader.deferral, self.reader.config.threshold)
            self.panels = Panels(self.reader, curve)
        elif fetch(source, "model.skops", revision):
            self.reader = Baseline(source, revision)
        else:
            self.reader = Encoder(source, revision, trust_remote_code)
        self.published: Published = self.reader.published
        self.labels: tuple[str, ...] = self.reader.labels
        self._recorded: dict[str, str] = {}

    def record(self, answers: dict[str, str]) -> None:
        """Take texts with the answers that were written down with them, in place of an expert's."""
        self._recorded = {text_id(text): answer for text, answer in answers.items()}

    @property
    def defers(self) -> bool:
        """Whether the model knows when to ask."""
        return self.panels is not None

    @property
    def curve(self) -> Curve:
        """Of a model that defers."""
        return self.panels.curve

    def read(self, text: str) -> Reading:
        """Return what the model says of a text."""
        if self.panels is None:
            return Reading(self.reader.probabilities(text))
        found = self.reader.read(text)
        said = self._recorded.get(found.id)
        opinion = Opinion(said, "Recorded with this example; nobody was asked") if said else None
        return Reading(found.probabilities, Case(found, self.curve.asked_from(found.score), opinion))
