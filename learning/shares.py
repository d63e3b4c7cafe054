"""From belief to shares: the probability of being best, within a budget, as integers."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from learning.errors import LearningError

Floats = NDArray[np.float64]


def probability_best(mean: Floats, covariance: Floats, *, seed: int, draws: int = 4096) -> Floats:
    """Probability that each arm has the highest reward; the baseline, whose difference is 0, comes LAST.

    ``mean`` (k) and ``covariance`` (k x k) are those of the differences to the baseline. Exact for one arm beside the
    baseline; else from ``draws`` (a power of two) scrambled Sobol points (Owen 1998), to about 0.005. The
    arms are put in an order of their own first, so how they are listed does not matter.

    Raises:
        LearningError: shapes that do not fit, or a value that is not finite.
    """
    mean, covariance = np.asarray(mean, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    k = len(mean)
    if mean.shape != (k,) or covariance.shape != (k, k) or not np.isfinite([*mean, *covariance.ravel()]).all():
        raise LearningError(f"{k} finite means need a finite {k} x {k} covariance, not {covariance.shape}")
    if k == 0:
        return np.ones(1)
    if k == 1:
        better = _one_better(float(mean[0]), math.sqrt(float(covariance[0, 0])))
        return np.array([better, 1 - better])
    order = np.lexsort((covariance.sum(axis=1), covariance.diagonal(), mean))
    points = qmc.Sobol(k, scramble=True, seed=seed).random(draws)
    differences = mean[order] + ndtri(points.clip(1e-12, 1 - 1e-12)) @ _root(covariance[np.ix_(order, order)]).T
    best = np.argmax(np.column_stack([differences, np.zeros(draws)]), axis=1)
    probabilities = np.empty(k + 1)
    probabilities[[*order, k]] = np.bincount(best, minlength=k + 1) / draws
    return probabilities


def integer_shares(
    probabilities: Sequence[float] | Floats, *, baseline_index: int, budget: float, floor: float, total: int = 10_000
) -> list[int]:
    """Shares in 1/``total`` that sum to ``total``, in the order of ``probabilities``.

    Arms other than the baseline get their probability of being best, scaled down until together they fit
    into ``budget`` (a fraction), but at least ``floor`` (a fraction) each, or an equal part of the budget
    where that is less. The baseline has the rest. The last units go to the largest remainders, then to
    the earlier arm; the budget is never exceeded.

    Raises:
        LearningError: probabilities that do not sum to 1, or a budget or floor outside 0 to 1.
    """
    values = np.asarray(probabilities, dtype=np.float64)
    if not (np.all(values >= 0) and abs(values.sum() - 1) < 1e-6):
        raise LearningError(f"probabilities must not be negative and must sum to 1: {list(values)}")
    if not (0 <= budget <= 1 and 0 <= floor <= 1):
        raise LearningError(f"budget and floor must lie in 0 to 1: {budget}, {floor}")
    if not 0 <= baseline_index < len(values):
        raise LearningError(f"there is no arm {baseline_index} among {len(values)}")
    others = [place for place in range(len(values)) if place != baseline_index]
    shares = [0] * len(values)
    for place, share in zip(
        others, _within(values[others] * total, budget=budget * total, floor=floor * total), strict=True
    ):
        shares[place] = share
    shares[baseline_index] = total - sum(shares)
    return shares


def _one_better(mean: float, sd: float) -> float:
    if sd == 0:
        return float(np.heaviside(mean, 0.5))
    return float(ndtr(mean / sd))


def _root(covariance: Floats) -> Floats:
    """A square root that also serves where an arm is known exactly."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(values.clip(min=0)))


def _within(wanted: Floats, *, budget: float, floor: float) -> list[int]:
    """Integers near ``wanted``, each at least ``floor``, together at most ``budget``."""
    if not len(wanted):
        return []
    limit = math.floor(budget + 1e-9)
    least = min(math.floor(floor + 0.5), limit // len(wanted))
    ideal = _filled(wanted, limit=limit, least=least)
    shares = np.floor(ideal + 1e-9).astype(np.int64)
    spare = min(limit, math.floor(ideal.sum() + 1e-9)) - int(shares.sum())
    for place in np.argsort(-(ideal - shares), kind="stable")[:spare]:
        shares[place] += 1
    return [int(share) for share in shares]


def _filled(wanted: Floats, *, limit: int, least: int) -> Floats:
    """max(least, scale x wanted) with the largest scale up to 1 that stays within ``limit``."""
    low = np.zeros(len(wanted), dtype=bool)
    while True:
        free = float(wanted[~low].sum())
        room = limit - least * int(low.sum())
        scale = room / free if free > room else 1.0
        below = ~low & (scale * wanted < least)
        if not below.any():
            return np.where(low, least, scale * wanted)
        low |= below
