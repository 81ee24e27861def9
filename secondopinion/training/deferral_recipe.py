"""The parts of a recipe that are about deferring: who is asked, what a mistake costs, which policies compete."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from ..core.errors import InputError, closest
from .threshold_rule import ThresholdRule

SINGLE_EXPERT = ("rs", "asm")
PolicyName = Literal["selective", "compare_confidence", "logistic", "network", "two_stage", "ce", "rs", "ova", "asm"]
SignalName = Literal["max_probability", "margin", "entropy", "energy", "log_odds", "predicted_class"]
TraitName = Literal[
    "length", "fragmentation", "digit_share", "negation", "hedging", "measurements", "drugs", "truncated"
]


@dataclass(frozen=True)
class PriceSpec:
    """US dollars for a million tokens."""

    input_per_million: float
    output_per_million: float


@dataclass(frozen=True)
class LlmExpertSpec:
    """A language model behind an OpenAI-compatible endpoint, or a hosted provider.

    Attributes:
        name: of the expert in votes, cards and figures.
        model: as the endpoint calls it.
        base_url: of the endpoint, such as `http://127.0.0.1:8000/v1`.
        provider: of `huggingface_hub`, in place of `base_url`.
        api_key_env: environment variable that holds the key.
        prompt: name of a shipped prompt or a YAML file; chosen by the corpus when left out.
        prompt_texts: `system` and `user` templates that replace the prompt's.
        probabilities: `none`, `logprobs` or `verbalised`.
        structured: `auto`, `json_schema` or `none`.
        concurrency: requests under way at once.
        requests_per_minute: at most.
        timeout_s: of one request.
        max_retries: of one request.
        temperature: of sampling.
        max_tokens: of an answer.
        seed: of sampling, where the server has one.
        prices: for the cost of calls.
        spending_cap_usd: asking stops before it is passed.
        allow_remote: hosts outside this machine that may be sent texts (`true` for the one that is named).
        redact: mask identifiers before sending.
    """

    kind: Literal["llm"] = "llm"
    name: str = "llm"
    model: str | None = None
    base_url: str | None = None
    provider: str | None = None
    api_key_env: str | None = None
    prompt: str | None = None
    prompt_texts: dict[str, str] | None = None
    probabilities: Literal["none", "logprobs", "verbalised"] = "none"
    structured: Literal["auto", "json_schema", "none"] = "auto"
    concurrency: int = 8
    requests_per_minute: float | None = None
    timeout_s: float = 60.0
    max_retries: int = 6
    temperature: float = 0.0
    max_tokens: int = 200
    seed: int | None = 13
    prices: PriceSpec | None = None
    spending_cap_usd: float | None = None
    allow_remote: bool | list[str] = False
    redact: bool = False


@dataclass(frozen=True)
class ModelExpertSpec:
    """Another classifier; `label_map` says which of its classes is which of ours."""

    kind: Literal["model"] = "model"
    name: str = "model"
    model: str | None = None
    revision: str | None = None
    label_map: dict[str, str] | None = None
    trust_remote_code: bool = False
    cost_per_call_usd: float = 0.0


@dataclass(frozen=True)
class RecordedExpertSpec:
    """Votes on file: Parquet, CSV or JSONL."""

    kind: Literal["recorded"] = "recorded"
    name: str = "recorded"
    path: str | None = None
    cost_per_call_usd: float = 0.0


@dataclass(frozen=True)
class PersonExpertSpec:
    """A person: rows go into a review queue, answers come back when they are there."""

    kind: Literal["person"] = "person"
    name: str = "person"
    queue: str | None = None
    cost_per_call_usd: float = 0.0


@dataclass(frozen=True)
class RunExpertSpec:
    """Another run on the same rows: its out-of-fold predictions are the votes."""

    kind: Literal["run"] = "run"
    name: str = "run"
    path: str | None = None
    cost_per_call_usd: float = 0.0


EXPERT_KINDS: dict[str, type] = {
    "llm": LlmExpertSpec,
    "model": ModelExpertSpec,
    "person": PersonExpertSpec,
    "recorded": RecordedExpertSpec,
    "run": RunExpertSpec,
}
ExpertSpec = LlmExpertSpec | ModelExpertSpec | PersonExpertSpec | RecordedExpertSpec | RunExpertSpec


@dataclass(frozen=True)
class RiskSpec:
    """The risk that is certified: at most `level`, with probability at least 1 − `delta`."""

    level: float
    delta: float = 0.1


@dataclass(frozen=True)
class LossSpec:
    """What mistakes cost.

    Attributes:
        kind: `error` (every mistake 1) or `f1` (weights that make a small change of the positive class's F1 linear:
            a miss costs 2 − F, a false alarm F, with F the classifier's own F1).
        missed: class → how many times more a missed row of it costs than any other mistake.
        per_call: what asking costs, as a share of the smallest mistake above (λ).
    """

    kind: Literal["error", "f1"] = "error"
    missed: dict[str, float] = field(default_factory=dict)
    per_call: float = 0.0

    def matrix(self, label_names: list[str], positive_label: str | None = None, f1: float | None = None) -> np.ndarray:
        """Return the (classes, classes) losses C[true, said].

        Args:
            label_names: (classes,).
            positive_label: the class whose F1 counts, for `kind: f1`.
            f1: the classifier's own F1 of it.

        Raises:
            InputError: a class is unknown, or a factor is not above 0.

        >>> LossSpec(missed={"Death": 5.0}).matrix(["Death", "Other"]).tolist()
        [[0.0, 5.0], [1.0, 0.0]]
        """
        losses = 1.0 - np.eye(len(label_names))
        for name, factor in self.missed.items():
            if name not in label_names:
                raise InputError(f"deferral.losses.missed: no class {name!r}; {closest(name, label_names)}")
            if not 0 < factor < math.inf:
                raise InputError(f"deferral.losses.missed: {name} is {factor}; a factor is above 0, and finite")
            losses[label_names.index(name)] *= factor
        if self.kind == "f1":
            if positive_label is None or len(label_names) != 2:
                raise InputError("deferral.losses.kind 'f1' needs two classes, and deferral.positive_label naming one")
            place = label_names.index(positive_label)
            losses[place] *= 2.0 - f1
            losses[1 - place] *= f1
        return losses


@dataclass(frozen=True)
class DeferralSpec:
    """How a deferring system is made of a run and votes.

    Attributes:
        policies: the candidates; the one to use is declared on validation rows.
        declare_by: the system's figure at the budget that declares it.
        positive_label: for binary F1; macro F1 counts without it.
        signals: uncertainty signals that policies read.
        traits: traits of the text that policies read.
        token_weights: whether linear policies also weigh single tokens.
        embedding: whether policies also read the pooled embedding. The folds' models have different embedding
            spaces, so everything is then fitted on the published fold's held-out rows.
        network_size: width of the hidden layer of `network`.
        mc_dropout_samples: further passes with dropout on.
        regularization: inverse strength of the L2 penalty of fitted policies.
        alpha: of joint surrogates.
        losses: what mistakes and calls cost.
        threshold: how the threshold is chosen.
        risk: what is certified, if anything.
        fallback: whether the system falls back to the better single model where no gain over it holds up.
        seed: of splits and of networks.
    """

    policies: list[PolicyName] = field(default_factory=lambda: ["selective", "compare_confidence", "logistic"])
    declare_by: Literal["f1", "accuracy", "loss"] = "f1"
    positive_label: str | None = None
    signals: list[SignalName] = field(default_factory=lambda: list(get_args(SignalName)))
    traits: list[TraitName] = field(default_factory=lambda: list(get_args(TraitName)))
    token_weights: bool = True
    embedding: bool = False
    network_size: int = 16
    mc_dropout_samples: int = 0
    regularization: float = 1.0
    alpha: float = 1.0
    losses: LossSpec = field(default_factory=LossSpec)
    threshold: ThresholdRule = field(default_factory=lambda: ThresholdRule(budget=0.07))
    risk: RiskSpec | None = None
    fallback: bool = True
    seed: int = 13

    def require(self, label_names: list[str]) -> None:
        """Raise unless the section fits the classes.

        Raises:
            InputError: naming what does not.
        """
        if not self.policies:
            raise InputError("deferral.policies is empty; name at least one, 'compare_confidence' say")
        if self.positive_label is not None and self.positive_label not in label_names:
            raise InputError(
                f"deferral.positive_label: no class {self.positive_label!r}; "
                f"{closest(self.positive_label, label_names)}"
            )
        self.losses.matrix(label_names, self.positive_label, 0.5)
        self._require_values()

    def _require_values(self) -> None:
        from ..modeling.deferral_signals import SIGNALS
        from ..modeling.text_traits import TRAITS

        for key, given, known in (("signals", self.signals, SIGNALS), ("traits", self.traits, TRAITS)):
            unknown = [name for name in given if name not in known]
            if unknown or len(set(given)) < len(given):
                wrong = f"no {unknown[0]!r}; {closest(unknown[0], known)}" if unknown else f"{given} names one twice"
                raise InputError(f"deferral.{key}: {wrong}")
        for key, value, least, most in (
            ("losses.per_call", self.losses.per_call, 0.0, math.inf),
            ("regularization", self.regularization, 1e-9, math.inf),
            ("alpha", self.alpha, 0.0, 1.0),
            ("network_size", self.network_size, 0, math.inf),
            ("mc_dropout_samples", self.mc_dropout_samples, 0, math.inf),
        ):
            if not (least <= value <= most and math.isfinite(value)):
                upper = "" if most == math.inf else f" and at most {most:g}"
                raise InputError(f"deferral.{key} is {value}; it is at least {least:g}{upper}")


def local_experts(experts: list[Any]) -> dict[str, dict[str, str]]:
    """Return expert → what its entry says of this machine: paths and addresses, which run.json leaves out."""
    kept = ("path", "queue", "model", "prompt", "base_url")
    return {spec.name: {key: getattr(spec, key) for key in kept if getattr(spec, key, None)} for spec in experts}


def expert_specs(experts: list[Any]) -> dict[str, Any]:
    """Return experts by name.

    Raises:
        InputError: two share one.
    """
    names = [expert.name for expert in experts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"two experts are called {twice[0]!r}; give each its own name in the recipe")
    return dict(zip(names, experts, strict=True))
