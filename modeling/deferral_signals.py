"""Signals of a classifier's uncertainty, read from its logits."""

import math
from collections.abc import Sequence

import torch

from .deferral_arithmetic import few, signals_of

SIGNALS = ("max_probability", "margin", "entropy", "energy", "log_odds", "predicted_class")
DISAGREEMENT = ("mutual_information", "variation_ratio")
LARGEST_LOG_ODDS = 20.0


def check_signals(names: Sequence[str]) -> None:
    """Refuse names that are no signals.

    Raises:
        ValueError: a name is unknown or stands twice.
    """
    unknown = [name for name in names if name not in SIGNALS]
    if unknown:
        raise ValueError(f"unknown uncertainty signals {unknown}; known: {', '.join(SIGNALS)}")
    if len(set(names)) != len(names):
        raise ValueError(f"uncertainty signals are named more than once: {list(names)}; name each once")


def signal_columns(names: Sequence[str], label_names: Sequence[str]) -> list[str]:
    """Return the name of each column that `uncertainty_signals` gives; `predicted_class` takes one a class.

    Raises:
        ValueError: a signal is unknown or named twice.

    >>> signal_columns(["margin", "predicted_class"], ["no", "yes"])
    ['margin', 'predicted_class=no', 'predicted_class=yes']
    """
    check_signals(names)
    columns: list[str] = []
    for name in names:
        columns += [f"{name}={label}" for label in label_names] if name == "predicted_class" else [name]
    return columns


def uncertainty_signals(logits: torch.Tensor, names: Sequence[str] = SIGNALS) -> torch.Tensor:
    """Return signals of uncertainty, computed in fp32 and finite for any finite logits.

    - `max_probability`: the largest softmax probability, p1.
    - `margin`: p1 − p2, over the second largest.
    - `entropy`: −Σ p ln p, divided by ln K, so between 0 and 1.
    - `energy`: −ln Σ exp(logit) (Liu et al. 2020, at temperature 1).
    - `log_odds`: ln(p1 / (1 − p1)), cut off at ±20, beyond which fp32 probabilities say nothing.
    - `predicted_class`: K columns, 1 for the predicted class: an expert's skill depends on the class.

    Args:
        logits: (batch, K) of any floating dtype, with K ≥ 2.
        names: which signals, in the order wanted.

    Returns:
        (batch, columns) float32, the columns as `signal_columns` names them.

    Raises:
        ValueError: a signal is unknown or named twice, or the logits are not of two or more classes.

    >>> uncertainty_signals(torch.tensor([[0.0, 0.0]]), ["max_probability", "entropy"]).tolist()
    [[0.5, 1.0]]
    """
    check_signals(names)
    if logits.dim() != 2 or logits.shape[1] < 2:
        raise ValueError(
            f"logits have the shape {tuple(logits.shape)}; expected (batch, classes) with 2 classes or more"
        )
    logits = logits.float()
    if names and few(logits):
        return torch.tensor([signals_of(row, list(names), LARGEST_LOG_ODDS) for row in logits.tolist()])
    classes = logits.shape[1]
    highest, predicted = logits.max(dim=1, keepdim=True)
    log_probabilities = torch.log_softmax(logits, dim=1)
    probabilities = log_probabilities.exp()
    top = probabilities.topk(2, dim=1).values
    surest = log_probabilities.gather(1, predicted)
    columns = []
    for name in names:
        if name == "max_probability":
            columns.append(top[:, :1])
        elif name == "margin":
            columns.append(top[:, :1] - top[:, 1:])
        elif name == "entropy":
            columns.append(
                entropy(probabilities, log_probabilities).div(math.log(classes)).clamp(0.0, 1.0).unsqueeze(1)
            )
        elif name == "energy":
            columns.append(surest - highest)
        elif name == "log_odds":
            # Summed without p1 rather than taken from 1, so that a small remainder keeps its digits.
            others = probabilities.scatter(1, predicted, 0.0).sum(dim=1, keepdim=True)
            others = others.clamp(min=torch.finfo(torch.float32).tiny)
            columns.append((surest - others.log()).clamp(-LARGEST_LOG_ODDS, LARGEST_LOG_ODDS))
        else:
            columns.append(torch.zeros_like(logits).scatter_(1, predicted, 1.0))
    return torch.cat(columns, dim=1) if columns else logits.new_zeros(logits.shape[0], 0)


def disagreement(stacked_logits: torch.Tensor) -> torch.Tensor:
    """Return how far several forwards of the same rows disagree: dropout samples, or the models of the folds.

    The columns are those of `DISAGREEMENT`: the mutual information between the prediction and the member,
    H(mean p) − mean H(p) in nats (BALD: Houlsby et al. 2011; for dropout Gal et al. 2017), and the variation
    ratio, the share of members that do not vote for the class most members vote for (Freeman 1965).

    Args:
        stacked_logits: (members, batch, K).

    Returns:
        (batch, 2) float32; zeros for one member.

    Raises:
        ValueError: the logits are not of three dimensions, or hold no member.

    >>> disagreement(torch.tensor([[[9e3, 0.0]], [[0.0, 9e3]]])).tolist()
    [[0.6931471824645996, 0.5]]
    """
    if stacked_logits.dim() != 3 or not stacked_logits.shape[0]:
        raise ValueError(
            f"logits have the shape {tuple(stacked_logits.shape)}; "
            "expected (members, batch, classes) with a member or more"
        )
    log_probabilities = torch.log_softmax(stacked_logits.float(), dim=-1)
    probabilities = log_probabilities.exp()
    mean = probabilities.mean(dim=0)
    tiny = torch.finfo(torch.float32).tiny
    information = entropy(mean, mean.clamp(min=tiny).log()) - entropy(probabilities, log_probabilities).mean(dim=0)
    ballots = torch.zeros_like(probabilities).scatter_(2, probabilities.argmax(dim=-1, keepdim=True), 1.0)
    return torch.stack([information.clamp(min=0.0), 1.0 - ballots.mean(dim=0).amax(dim=-1)], dim=1)


def entropy(probabilities: torch.Tensor, log_probabilities: torch.Tensor) -> torch.Tensor:
    """Return −Σ p ln p over the last dimension, in nats; a probability of 0 adds 0."""
    return -(probabilities * log_probabilities).sum(dim=-1)


__all__ = ["DISAGREEMENT", "SIGNALS", "disagreement", "signal_columns", "uncertainty_signals"]
