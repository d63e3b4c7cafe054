"""How features go together with an outcome: Pearson and Spearman, with examples that overlap counted for what they are.

Pearson asks for a line, Spearman for any rise or fall (ranks; equal values share their middle rank). Each
example weighs its uniqueness, and the sum of these is the effective number that intervals and p-values stand on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr
from scipy.stats import false_discovery_control

from learning.errors import LearningError

Floats = NDArray[np.float64]

LEAST = 10
"""Fewer pairs than this give no correlation."""

CELLS = 2**21
"""Examples x features that are looked at in one go."""


@dataclass(frozen=True, slots=True)
class Association:
    """One correlation coefficient with its interval.

    ``p_value`` is that of no association, two-sided; ``q_value`` the least rate of false discoveries at which this one
    is among those that are believed, over all features that were asked for together.
    """

    value: float
    low: float
    high: float
    p_value: float
    q_value: float


@dataclass(frozen=True, slots=True)
class Correlation:
    """What is known of one feature and the outcome: both coefficients, or the ``reason`` why there are none.

    ``pairs`` counts examples that have both numbers; ``effective`` is as how many independent ones they count.
    """

    feature: str
    pairs: int
    effective: float
    pearson: Association | None = None
    spearman: Association | None = None
    reason: str | None = None


def correlations(
    names: Sequence[str],
    features: Floats,
    outcome: Floats,
    *,
    uniqueness: Floats | None = None,
    confidence: float = 0.95,
) -> list[Correlation]:
    """The correlation of each feature with the outcome, in the order of ``names``.

    Intervals are Fisher's with variance 1 / (effective - 3) for Pearson and (1 + r^2 / 2) / (effective - 3) for
    Spearman (Bonett & Wright 2000); p-values those of t with effective - 2 degrees of freedom; q-values by Benjamini
    & Hochberg (1995), one family a coefficient, valid for independent features and for such as rise together.

    Args:
        features: of shape (examples, features); NaN is missing and leaves the pair out.
        outcome: of shape (examples); NaN is missing.
        uniqueness: of shape (examples), above 0 to 1 (``average_uniqueness``); without it examples do not overlap.

    Raises:
        LearningError: shapes that do not fit, a number that is infinite, or a uniqueness or confidence out of range.

    >>> made = correlations(["gap"], np.arange(12.0)[:, None] ** 3, np.arange(12.0))
    >>> round(made[0].spearman.value, 12), round(made[0].pearson.value, 4)
    (1.0, 0.9095)
    """
    weights = np.ones(len(outcome)) if uniqueness is None else uniqueness
    _check(names, features, outcome, weights)
    if not 0 < confidence < 1:
        raise LearningError(f"confidence must lie between 0 and 1, not {confidence}")
    width = max(1, CELLS // max(len(outcome), 1))
    blocks = [features[:, start : start + width] for start in range(0, len(names), width)]
    pairs, effective, *varied, plain, ranked = np.hstack(
        [np.empty((6, 0)), *(_figures(block, outcome, weights) for block in blocks)]
    )
    reasons = _reasons(pairs, effective, varied=varied)
    known = np.array([reason is None for reason in reasons], dtype=bool)
    lines = iter(_associations(plain[known], effective[known], confidence=confidence, slope=0.0))
    ranks = iter(_associations(ranked[known], effective[known], confidence=confidence, slope=0.5))
    return [
        Correlation(name, int(n), float(worth), next(lines), next(ranks))
        if reason is None
        else Correlation(name, int(n), float(worth), reason=reason)
        for name, n, worth, reason in zip(names, pairs, effective, reasons, strict=True)
    ]


def _figures(features: Floats, outcome: Floats, weights: Floats) -> Floats:
    """By feature: pairs, their effective number, whether feature and outcome vary, both coefficients."""
    present = ~(np.isnan(features) | np.isnan(outcome)[:, None])
    shares = np.where(present, weights[:, None], 0.0)
    left, right = np.where(present, features, np.inf), np.where(present, outcome[:, None], np.inf)
    varied = [_varied(values, present) for values in (left, right)]
    ranked = _pearson(_midranks(left, shares), _midranks(right, shares), shares)
    plain = _pearson(np.where(present, left, 0.0), np.where(present, right, 0.0), shares)
    return np.array([present.sum(axis=0), shares.sum(axis=0), *varied, plain, ranked], dtype=np.float64)


def _reasons(pairs: Floats, effective: Floats, *, varied: Sequence[Floats]) -> list[str | None]:
    reasons: list[str | None] = []
    for n, worth, feature, outcome in zip(pairs, effective, *varied, strict=True):
        if n < LEAST:
            reasons.append(f"{n:.0f} of {LEAST} pairs")
        elif worth <= 3:
            reasons.append(f"{n:,.0f} pairs overlap so much that they count as {worth:.1f}, and more than 3 are needed")
        elif not (feature and outcome):
            reasons.append(f"the {'outcome' if feature else 'feature'} is the same in all {n:,.0f} pairs")
        else:
            reasons.append(None)
    return reasons


def _varied(values: Floats, present: NDArray[np.bool_]) -> Floats:
    """Whether there are two different values among those present, of shape (features)."""
    most = np.where(present, values, -np.inf).max(axis=0, initial=-np.inf)
    return np.asarray(values.min(axis=0, initial=np.inf) < most)


def _midranks(values: Floats, weights: Floats) -> Floats:
    """The weight below each value plus half of the weight at it, by column: middle ranks, less one half."""
    order = np.argsort(values, axis=0)
    ordered = np.take_along_axis(values, order, axis=0)
    above = np.cumsum(np.take_along_axis(weights, order, axis=0), axis=0)
    changes = ordered[1:] != ordered[:-1]
    edge = np.ones((1, values.shape[1]), dtype=bool)
    before = np.concatenate([np.zeros((1, values.shape[1])), above[:-1]])
    starts = np.maximum.accumulate(np.where(np.concatenate([edge, changes]), before, 0.0), axis=0)
    ends = np.where(np.concatenate([changes, edge]), above, np.inf)
    ends = np.minimum.accumulate(ends[::-1], axis=0)[::-1]
    ranks = np.empty_like(ordered)
    np.put_along_axis(ranks, order, (starts + ends) / 2, axis=0)
    return ranks


def _pearson(left: Floats, right: Floats, weights: Floats) -> Floats:
    """The weighted coefficient of each column; all deviations are from the weighted means."""
    with np.errstate(divide="ignore", invalid="ignore"):
        total = weights.sum(axis=0)
        left = left - (weights * left).sum(axis=0) / total
        right = right - (weights * right).sum(axis=0) / total
        left, right = left / np.abs(left).max(axis=0, initial=0), right / np.abs(right).max(axis=0, initial=0)
        spread = np.sqrt((weights * left**2).sum(axis=0) * (weights * right**2).sum(axis=0))
        return np.asarray(((weights * left * right).sum(axis=0) / spread).clip(-1, 1))


def _associations(values: Floats, effective: Floats, *, confidence: float, slope: float) -> list[Association]:
    """``slope``: how the variance of Fisher's z grows with the squared coefficient."""
    if not len(values):
        return []
    half = float(ndtri((1 + confidence) / 2)) * np.sqrt((1 + slope * values**2) / (effective - 3))
    with np.errstate(divide="ignore"):
        centre = np.arctanh(values)
        distance = np.abs(values) * np.sqrt((effective - 2) / (1 - values**2))
    p_values = 2 * stdtr(effective - 2, -distance)
    q_values = np.asarray(false_discovery_control(p_values))
    columns = (values, np.tanh(centre - half), np.tanh(centre + half), p_values, q_values)
    return [Association(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _check(names: Sequence[str], features: Floats, outcome: Floats, weights: Floats) -> None:
    shape = (len(outcome), len(names))
    if features.shape != shape or outcome.shape != shape[:1] or weights.shape != shape[:1]:
        shapes = ", ".join(str(array.shape) for array in (features, outcome, weights))
        raise LearningError(f"{len(names)} names need features, outcome and uniqueness of the same examples: {shapes}")
    if np.isinf(features).any() or np.isinf(outcome).any():
        raise LearningError("a feature or outcome is infinite; leave it missing (NaN) or bound it")
    if not ((weights > 0) & (weights <= 1)).all():
        raise LearningError("every uniqueness must lie above 0 and at most at 1")
