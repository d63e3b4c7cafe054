"""Many allocations at once: arms compared within each session and pooled, from tables of whole numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.effects import BORROWED
from learning.errors import LearningError
from learning.rewards import SCALE
from learning.symmetric import pseudo_inverses

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FITS = 2.0**62
"""Where a product of a count and a sum could be larger, Python's whole numbers are used instead of 64 bits."""

TOGETHER = 2**15
"""So many numbers of a table are worked on at a time: they stay in a core's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Cohorts:
    """Statistics of assignment cohorts, each field of shape (allocations, sessions, arms), int64, the baseline LAST.

    ``n``, ``totals`` and ``squares`` are those of a ``RewardSum`` (1, 1e-6, 1e-12), 0 where an arm had no units.
    Regimes are allocations of their own here; ``regimes.borrowed`` joins them.
    """

    n: Integers
    totals: Integers
    squares: Integers

    def __post_init__(self) -> None:
        """Refuse tables that do not fit each other, and negative counts."""
        if not (self.n.ndim == 3 and self.n.shape == self.totals.shape == self.squares.shape):
            shapes = f"{self.n.shape}, {self.totals.shape}, {self.squares.shape}"
            raise LearningError(f"cohorts are tables of one shape (allocations, sessions, arms), not {shapes}")
        if not self.n.dtype == self.totals.dtype == self.squares.dtype == np.int64:
            raise LearningError(f"cohorts are whole numbers of 64 bits, not {self.totals.dtype}")
        if not self.n.size:
            return
        if self.n.min() < 0:
            raise LearningError("a negative count of rewards: more was taken back than was ever added")


def cohorts_of(
    places: tuple[Integers, Integers, Integers],
    sums: tuple[Integers, Integers, Integers],
    *,
    shape: tuple[int, int, int],
) -> Cohorts:
    """Add rows up into tables. Any order of rows gives the same, and a row taken back is one of negative numbers.

    Args:
        places: the codes 0, 1, ... of allocation, session and arm, each of shape (rows,); the last arm is the baseline.
        sums: n, totals and squares of each row.
        shape: how many allocations, sessions and arms there are.

    Raises:
        LearningError: a code outside ``shape``, or as ``Cohorts``.
    """
    for code, most in zip(places, shape, strict=True):
        if len(code) and not 0 <= code.min() <= code.max() < most:
            raise LearningError(f"codes {code.min()} to {code.max()} do not fit a table of {shape}")
    flat = (places[0] * shape[1] + places[1]) * shape[2] + places[2]
    tables = []
    for column in sums:
        table = np.zeros(shape[0] * shape[1] * shape[2], dtype=np.int64)
        np.add.at(table, flat, column)
        tables.append(table.reshape(shape))
    return Cohorts(*tables)


def measured(cohorts: Cohorts, *, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """What each allocation measured of the differences to its baseline, as ``regimes.borrowed`` takes it.

    The analysis of ``arm_effects``, number for number (to rounding): session fixed effects, each arm's own variance
    moderated with that of all. Returned are precisions (allocations, k, k), information x noise^-1 x information, and
    the differences weighed by them (allocations, k); both are 0 where noise is not known yet. What happens in one
    allocation changes no bit of another.

    Args:
        weights: of shape (sessions,), one for each session's age, above 0; without, all are 1.

    Raises:
        LearningError: weights that do not fit.
    """
    allocations, sessions, arms = cohorts.n.shape
    ages = np.ones(sessions) if weights is None else np.asarray(weights, dtype=np.float64)
    if ages.shape != (sessions,) or not ((ages > 0) & np.isfinite(ages)).all():
        raise LearningError(f"{sessions} sessions need {sessions} positive weights, not {ages}")
    informations, noises = np.zeros((2, allocations, arms, arms))
    scores = np.zeros((allocations, arms))
    step = max(1, TOGETHER // max(1, sessions * arms))
    for start in range(0, allocations, step):
        part = slice(start, start + step)
        informations[part], scores[part], noises[part] = _pooled(
            cohorts.n[part], cohorts.totals[part], cohorts.squares[part], ages
        )
    information = informations[:, :-1, :-1]
    weighing = information @ pseudo_inverses(noises[:, :-1, :-1], rcond=1e-12)
    precisions = weighing @ information
    weighed = (weighing @ scores[:, :-1, None])[..., 0]
    return (precisions + np.swapaxes(precisions, 1, 2)) / 2, weighed


def _pooled(n: Integers, totals: Integers, squares: Integers, ages: Floats) -> tuple[Floats, Floats, Floats]:
    """Information, scores and noise over all arms, as sums over sessions in which at least two arms had units.

    Here tables have the shape (allocations, arms, sessions): numpy is quick along the last.
    """
    n, totals, squares = (np.ascontiguousarray(np.swapaxes(table, 1, 2)) for table in (n, totals, squares))
    met = np.count_nonzero(n, axis=1) > 1
    if not met.all():
        n, totals, squares = (table * met[:, None] for table in (n, totals, squares))
    units = np.where(met, n.sum(axis=1), 1)
    counts = n.astype(np.float64)
    shares = counts / units[:, None]
    crossed = np.swapaxes(shares, 1, 2)
    weighted = counts * ages
    information = _diagonal(weighted.sum(axis=2)) - weighted @ crossed
    totals, squares = _roomy(n, totals, squares)
    # Whole numbers until here: what is left of a difference would be lost in floats.
    above = (totals * units[:, None] - n * totals.sum(axis=1)[:, None]).astype(np.float64)
    scores = above @ (ages / (units * float(SCALE)))[..., None]
    variances = _variances(n, totals, squares, ages)[..., None]
    squared = weighted * ages
    cross = variances * (squared @ crossed)
    total = (shares * (np.swapaxes(variances, 1, 2) @ squared)) @ crossed
    noise = _diagonal(variances[..., 0] * squared.sum(axis=2)) - cross - np.swapaxes(cross, 1, 2) + total
    return information, scores[..., 0], noise


def _roomy(n: Integers, totals: Integers, squares: Integers) -> tuple[Integers, Integers]:
    """The sums as they are, or as whole numbers without end where products of them would not fit into 64 bits."""
    largest = max(float(squares.max(initial=0)), float(np.abs(totals).max(initial=0)))
    if float(n.max(initial=0)) * n.shape[1] * largest <= FITS:
        return totals, squares
    return totals.astype(object), squares.astype(object)


def _variances(counts: Integers, totals: Integers, squares: Integers, ages: Floats) -> Floats:
    """Each arm's variance, moderated with that of all; 0 where no arm had two units in a session."""
    divisors = np.maximum(counts, 1).astype(np.float64)
    residuals = (counts * squares - totals * totals).astype(np.float64) / divisors
    summed = residuals @ (ages / SCALE**2)
    freedom = (divisors - 1) @ ages
    free = freedom.sum(axis=1, keepdims=True)
    pooled = summed.sum(axis=1, keepdims=True) / np.where(free > 0, free, 1.0)
    return np.where(free > 0, (summed + BORROWED * pooled) / (freedom + BORROWED), 0.0)


def _diagonal(values: Floats) -> Floats:
    return np.asarray(values[..., None] * np.eye(values.shape[-1]))
