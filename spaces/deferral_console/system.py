"""The deferring model of the page: what it says of a text, and which features made it ask.

Needs transformers only: a model of this project brings its own code along. Weights are safetensors; nothing is
unpickled.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from dataclasses import dataclass
from typing import Any

from severity.readers import Published, fetch


@dataclass(frozen=True)
class Pull:
    """What one feature adds to the sum that becomes the score.

    Attributes:
        name: of the feature.
        value: as read from this text; None for a word.
        standard: (value − mean) / standard deviation over the training texts; None for a word.
        amount: weight × standardised value; above 0 it speaks for asking.
    """

    name: str
    value: float | None
    standard: float | None
    amount: float


@dataclass(frozen=True)
class Reading:
    """What the model says of a text; the text itself is not in it.

    Attributes:
        id: SHA-1 of the text.
        probabilities: class → calibrated probability, in the order of the classes.
        score: higher = rather ask.
        expert: who would be asked.
        tokens: how many the text has.
        pulls: features by the size of their part; empty where the policy has no weights.
        start: the sum before any feature.
    """

    id: str
    probabilities: dict[str, float]
    score: float
    expert: str
    tokens: int
    pulls: tuple[Pull, ...] = ()
    start: float = 0.0

    @property
    def answer(self) -> str:
        """The classifier's own class."""
        return max(self.probabilities, key=self.probabilities.__getitem__)


def text_id(text: str) -> str:
    """Return the name that a text has in the review queue and among recorded answers."""
    return hashlib.sha1(text.strip().encode("utf-8", "surrogatepass")).hexdigest()


class System:
    """A classifier that knows when to ask, with its tokenizer and its publisher's facts.

    Args:
        source: folder or Hub id.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: whether code in the model's repository may run; a model of this project needs it where
            the package `secondopinion` is not installed.

    Raises:
        ValueError: the model does not defer, or nothing was published about its deferral.
    """

    def __init__(self, source: str, revision: str | None = None, trust_remote_code: bool = False) -> None:
        import torch
        from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

        fetch(source, "config.json", revision)
        hub = {"revision": revision, "trust_remote_code": trust_remote_code}
        config = AutoConfig.from_pretrained(source, **hub)
        if config.model_type != "deferral":
            raise ValueError(
                f"{source} is a model of the type {config.model_type!r}, which answers every text itself; "
                "make a system that defers with: secondopinion defer RUN --budget 0.1"
            )
        self.published = Published.read(source, revision)
        self.deferral = self.published.facts.get("deferral")
        if not self.deferral:
            raise ValueError(
                f"{source} holds no run.json with the section `deferral`, which the page draws its curve from; "
                "publish the run again with: secondopinion push RUN --to FOLDER"
            )
        # A threshold is bound to the dtype that its scores were made with.
        made_with = (config.threshold_record or {}).get("dtype")
        dtype = {"dtype": getattr(torch, made_with)} if made_with else {}
        self.tokenizer = AutoTokenizer.from_pretrained(source, **hub)
        self.model = AutoModelForSequenceClassification.from_pretrained(source, **hub, **dtype).eval()
        self.config = self.model.config
        self.labels = tuple(self.config.label_names)
        self.max_tokens = self._max_tokens()
        self._code = sys.modules[type(self.model).__module__]
        self._lock = threading.Lock()
        # A tokenizer that truncates on one thread and counts on another fails.
        self._reading = threading.Lock()

    def _max_tokens(self) -> int:
        inner = self.config.classifier_config
        inner = getattr(inner, "encoder_config", inner)
        known = (
            self.config.max_length,
            getattr(inner, "max_position_embeddings", None),
            self.tokenizer.model_max_length,
        )
        return int(min(value for value in known if value))

    def count(self, text: str) -> int:
        """Return how many tokens a text has."""
        with self._reading:
            return len(self.tokenizer(self.published.prepare(text), truncation=False, verbose=False)["input_ids"])

    def read(self, text: str) -> Reading:
        """Return what the model says of a text; what does not fit is left out, and the policy is told so."""
        import torch

        tokens = self.count(text)
        with self._reading:
            inputs = self.tokenizer(
                self.published.prepare(text), truncation=True, max_length=self.max_tokens, return_tensors="pt"
            )
        features: list[torch.Tensor] = []
        with self._lock, torch.no_grad():
            hook = self.model.features.register_forward_hook(lambda *given: features.append(given[-1]))
            try:
                output = self.model(**inputs, truncated=torch.tensor([tokens > self.max_tokens]))
            finally:
                hook.remove()
        expert = int(output.expert[0])
        start, pulls = self._pulls(features[0], inputs, expert) if features else (0.0, [])
        return Reading(
            id=text_id(text),
            probabilities=dict(zip(self.labels, output.logits[0].float().softmax(-1).tolist(), strict=True)),
            score=float(output.deferral_score[0]),
            expert=self.config.expert_names[expert],
            tokens=tokens,
            pulls=tuple(sorted(pulls, key=lambda pull: -abs(pull.amount))),
            start=start,
        )

    def _pulls(self, features: Any, inputs: Any, expert: int) -> tuple[float, list[Pull]]:
        """Return the sum before any feature and each feature's part: gradient × standardised value.

        For a linear policy, which is the usual one, that is exactly weight × standardised value. A policy that also
        has an output for the classifier is read as the difference of both outputs.
        """
        import torch

        head = self.model.policy.head
        against = self.config.policy in ("network", "two_stage")

        def part(outputs: torch.Tensor) -> torch.Tensor:
            return outputs[expert + 1] - outputs[0] if against else outputs[expert]

        standard = ((features - head.mean) / head.std)[0].detach().requires_grad_()
        with torch.enable_grad():
            hidden = standard if head.hidden is None else torch.tanh(head.hidden(standard))
            total = part(head.output(hidden))
            (slope,) = torch.autograd.grad(total, standard)
        amounts = (slope * standard).detach()
        start = float(total.detach() - amounts.sum())
        names = self._code.feature_names(self.config, self._code.sizes(self.config.classifier_config)[1])
        rows = zip(names, features[0].tolist(), standard.tolist(), amounts.tolist(), strict=True)
        pulls = _without_embedding([Pull(*row) for row in rows])
        return start, pulls + self._tokens(head, inputs, part)

    def _tokens(self, head: Any, inputs: Any, part: Any) -> list[Pull]:
        """Return the parts of words, where the policy has a weight for each token; equal words count as one."""
        if head.tokens is None:
            return []
        ids = inputs["input_ids"][0]
        weights = head.tokens.weight.detach()[ids.clamp(max=head.tokens.num_embeddings - 1)] / len(ids) ** 0.5
        places = inputs.word_ids(0) if self.tokenizer.is_fast else [None] * len(ids)
        groups: dict[Any, list[int]] = {}
        for token, place in enumerate(places):
            groups.setdefault(f"alone {token}" if place is None else place, []).append(token)
        amounts: dict[str, float] = {}
        for tokens in groups.values():
            word = self.tokenizer.decode(ids[tokens]).strip()
            amounts[word] = amounts.get(word, 0.0) + float(part(weights[tokens].sum(dim=0)))
        return [Pull(f"word “{word}”", None, None, amount) for word, amount in amounts.items()]


def _without_embedding(pulls: list[Pull]) -> list[Pull]:
    """Return the features with the parts of the embedding, which mean nothing one by one, as one sum."""
    hidden = [pull for pull in pulls if pull.name.startswith("embedding_")]
    if not hidden:
        return pulls
    rest = [pull for pull in pulls if not pull.name.startswith("embedding_")]
    return [*rest, Pull("embedding", None, None, sum(pull.amount for pull in hidden))]
