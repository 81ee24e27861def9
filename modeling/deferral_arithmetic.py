"""A policy's arithmetic on a few numbers in plain Python, for answers on CPU: what torch gives, in less time.

Beside an encoder that has just read its weights, an operation of torch or numpy on a handful of numbers costs some
15 µs, whatever it does, and a policy takes dozens. `deferral_signals` and `deferral_policies`, which hold the
definitions, come here for a few texts; a property test holds both to the same results.
"""

import math
import sys

import torch

FEW = 256
TINY = sys.float_info.min


def few(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is small, on CPU, and nothing records what is done with it.

    >>> few(torch.zeros(1, 2)), few(torch.zeros(1, 2, requires_grad=True) * 2), few(torch.zeros(1, 768))
    (True, False, False)
    """
    return (
        tensor.device.type == "cpu"
        and tensor.numel() <= FEW
        and not (tensor.requires_grad and torch.is_grad_enabled())
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
    )


def below_highest(logits: list[float]) -> tuple[int, list[float], list[float], float]:
    """Return what all uncertainty of a row of logits is made of.

    Returns:
        The class with the highest, the logits less that one, their exponentials with 0 for that class, and the sum of
        these, which is (1 − p1) / p1.

    >>> below_highest([0.0, 0.0])
    (0, [0.0, 0.0], [0.0, 1.0], 1.0)
    """
    highest = max(logits)
    predicted = logits.index(highest)
    lower = [logit - highest for logit in logits]
    others = [math.exp(value) for value in lower]
    others[predicted] = 0.0
    return predicted, lower, others, math.fsum(others)


def signals_of(logits: list[float], names: list[str], largest_log_odds: float) -> list[float]:
    """Return the columns that `uncertainty_signals` gives of a row."""
    predicted, lower, others, rest = below_highest(logits)
    total = 1.0 + rest
    columns = []
    for name in names:
        if name == "max_probability":
            columns.append(1.0 / total)
        elif name == "margin":
            columns.append((1.0 - max(others)) / total)
        elif name == "entropy":
            nats = math.log(total) - sum(map(float.__mul__, others, lower)) / total
            columns.append(min(max(nats / math.log(len(logits)), 0.0), 1.0))
        elif name == "energy":
            columns.append(-math.log(total) - logits[predicted])
        elif name == "log_odds":
            columns.append(min(-math.log(max(rest, TINY)), largest_log_odds))
        else:
            columns += [float(place == predicted) for place in range(len(logits))]
    return columns


def risk_of(logits: list[float], losses: list[list[float]] | None) -> float:
    """Return the loss that the classifier expects of its answer to a row, as `expected_loss` does."""
    predicted, _, others, rest = below_highest(logits)
    if losses is None:
        return rest / (1.0 + rest)
    others[predicted] = 1.0
    return sum(other * loss[predicted] for other, loss in zip(others, losses, strict=True)) / (1.0 + rest)


def sigmoid(value: float) -> float:
    """Return 1 / (1 + e^−x) without overflow.

    >>> sigmoid(0.0), sigmoid(1e4), sigmoid(-1e4)
    (0.5, 1.0, 0.0)
    """
    if value >= 0.0:
        return 1.0 / (1.0 + math.exp(-value))
    small = math.exp(value)
    return small / (1.0 + small)


def linear(layer: torch.nn.Linear, rows: list[list[float]]) -> list[list[float]]:
    """Return (batch, out) of (batch, in), as the layer does."""
    weights, biases = layer.weight.tolist(), layer.bias.tolist()
    return [
        [bias + sum(map(float.__mul__, row, weight)) for weight, bias in zip(weights, biases, strict=True)]
        for row in rows
    ]


def with_tokens(values: list[float], weights: list[list[float]], mask: list[int]) -> list[float]:
    """Return a row's (outputs,) with its tokens' (sequence, outputs) weights added, over the root of their number.

    >>> with_tokens([1.0], [[2.0], [4.0], [9.0]], [1, 1, 0])[0] == 1.0 + 6.0 / 2**0.5
    True
    """
    kept = [found for found, keep in zip(weights, mask, strict=True) if keep]
    root = math.sqrt(max(len(kept), 1))
    return [value + sum(found[place] for found in kept) / root for place, value in enumerate(values)]


__all__ = ["few", "linear", "risk_of", "sigmoid", "signals_of", "with_tokens"]
