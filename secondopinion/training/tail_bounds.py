"""Bounds that hold for any distribution: what a sample says, at most or at least, about the rows it was drawn from."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from ..core.errors import InputError


def binomial_p_value(hits: int, n: int, level: float) -> float:
    """Return P(Binomial(n, level) ≤ hits): the p-value of "the true share is above `level`".

    >>> round(binomial_p_value(0, 22, 0.1), 3)
    0.098
    """
    from scipy.stats import binom

    return float(binom.cdf(hits, n, level))


def clopper_pearson_upper(hits: int, n: int, delta: float) -> float:
    """Return the share that `hits` of `n` bound from above with a probability of 1 − delta (Clopper & Pearson 1934).

    Rounded up in the tenth digit, so that the tail at it is not above delta by a rounding error.

    >>> round(clopper_pearson_upper(0, 22, 0.1), 3)
    0.099
    """
    from scipy.stats import beta

    return 1.0 if hits >= n else min(1.0, float(beta.ppf(1 - delta, hits + 1, n - hits)) * (1 + 1e-10))


def hits_within(share: float, n: int, delta: float) -> int:
    """Return the largest m with P(Binomial(n, share) ≤ m) ≤ delta, -1 where there is none.

    >>> hits_within(0.1, 1000, 0.1), hits_within(0.1, 20, 0.1)
    (87, -1)
    """
    from scipy.stats import binom

    hits = int(binom.ppf(delta, n, share))
    while hits >= 0 and binom.cdf(hits, n, share) > delta:
        hits -= 1
    return hits


def mapie(module: str) -> Any:
    """Return a module of `mapie.risk_control`.

    Raises:
        InputError: mapie is not installed.
    """
    try:
        return importlib.import_module(f"mapie.risk_control.{module}")
    except ImportError:
        raise InputError("certified risks and cost caps need mapie: pip install 'secondopinion[deferral]'") from None


def hoeffding_bentkus_p_value(total: np.ndarray | float, n: int, level: float) -> np.ndarray:
    """Return the p-values of "the true mean is above `level`" for sums of n losses in [0, 1].

    The smaller of Hoeffding's and Bentkus' bound (Bates et al. 2021, "Distribution-free, risk-controlling prediction
    sets", theorem 7), as `mapie` computes it.

    Args:
        total: any shape, flattened: sums of n losses.
        n: number of losses.
        level: between 0 and 1.

    >>> hoeffding_bentkus_p_value([0.0, 10.0], 100, 0.1).round(4).tolist()
    [0.0, 1.0]
    """
    compute_hoeffding_bentkus_p_value = mapie("methods").compute_hoeffding_bentkus_p_value

    # Bentkus' bound rounds n·mean up: 7 rows of 100 must not count as 8 because 0.07·100 is a little above 7.
    mean = np.clip(np.atleast_1d(total) / n * (1 - 1e-14), 0.0, 1.0)
    return np.minimum(compute_hoeffding_bentkus_p_value(mean, n, level)[:, 0], 1.0)


def hoeffding_bentkus_upper(total: float, n: int, delta: float) -> float:
    """Return the mean that n losses in [0, 1] with this sum bound from above with a probability of 1 − delta.

    The level at which the p-value falls to delta, found by halving and rounded towards 1.

    >>> round(hoeffding_bentkus_upper(5.0, 100, 0.1), 3)
    0.107
    """
    low, high = min(total / n, 1.0), 1.0
    while high - low > 1e-7:
        middle = (low + high) / 2
        if middle > 0 and hoeffding_bentkus_p_value(total, n, middle)[0] <= delta:
            high = middle
        else:
            low = middle
    return high


def uniform_upper(share: float, n: int, delta: float) -> float:
    """Return an upper bound for the true rate above a threshold that the same rows chose in whatever way.

    The one-sided band around an empirical distribution (Dvoretzky, Kiefer & Wolfowitz; constant by Massart 1990), which
    asks for delta ≤ 0.5.

    >>> round(uniform_upper(0.07, 1000, 0.1), 3)
    0.104
    """
    return float(min(1.0, share + np.sqrt(np.log(1 / min(delta, 0.5)) / (2 * n))))
