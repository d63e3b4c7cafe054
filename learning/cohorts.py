"""Many allocations at once: arms compared within each session and pooled, from tables of whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.effects import BORROWED
from learning.errors import LearningError
from learning.rewards import SCALE
from learning.symmetric import pseudo_inverses

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Tables = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]

WHOLE = 2.0**53
"""Where no product of a count and a sum is larger, floats hold it exactly, and are quicker than integers."""

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
    allocations, sessions, arms = shape
    flat = (places[0] * arms + places[2]) * sessions + places[1]  # as ``_across`` wants them
    tables = []
    for column in sums:
        table = np.zeros(allocations * arms * sessions, dtype=np.int64)
        np.add.at(table, flat, column)
        tables.append(np.swapaxes(table.reshape(allocations, arms, sessions), 1, 2))
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
    shared = np.empty((3, allocations, arms, arms))
    scores, variances = np.empty((2, allocations, arms))
    step = max(1, TOGETHER // max(1, sessions * arms))
    for start in range(0, allocations, step):
        part = slice(start, start + step)
        tables = _across(cohorts.n[part], cohorts.totals[part], cohorts.squares[part])
        shared[:, part], scores[part], variances[part] = _pooled(tables, ages)
    information, noise = (matrix[:, :-1, :-1] for matrix in _matrices(shared, variances[..., None]))
    weighing = information @ pseudo_inverses(noise, rcond=1e-12)
    precisions = weighing @ information
    return (precisions + np.swapaxes(precisions, 1, 2)) / 2, (weighing @ scores[:, :-1, None])[..., 0]


def _across(n: Integers, totals: Integers, squares: Integers) -> Tables:
    """The tables with arms before sessions, since numpy is quick along the last, as numbers whose products are exact.

    No product is larger than that of a count and a sum of squares: of whole numbers these are at least their sums, and
    n times them the square of the sum.
    """
    product = float(n.max(initial=0)) * float(squares.max(initial=0))
    exact = np.float64 if product <= WHOLE else np.int64 if product <= FITS else object
    n, totals, squares = (np.array(np.swapaxes(each, 1, 2), dtype=exact, order="C") for each in (n, totals, squares))
    return n, totals, squares


def _pooled(tables: Tables, ages: Floats) -> tuple[list[Floats], Floats, Floats]:
    """Sums over sessions in which at least two arms had units; overwrites ``tables`` (allocations, arms, sessions).

    With n the units of each arm, N those of all, w a session's weight and v the arms' variances: the sums of n n' times
    w / N, w^2 / N and w^2 v'n / N^2, scores, and v.
    """
    n, totals, squares = tables
    units = _over_arms(n)
    weights = np.repeat(ages[None], len(units), axis=0)
    weights[n.max(axis=1) == units] = 0.0
    units = np.maximum(units, 1).astype(np.float64, copy=False)
    residuals, repeats = _within(n, totals, squares)
    variances = _moderated(_summed(residuals, weights) / SCALE**2, _summed(repeats, weights))
    counts, totals = n.astype(np.float64, copy=False), totals.astype(np.float64, copy=False)
    aged = weights / units
    scores = (_summed(totals, weights) - _summed(counts, aged * _over_arms(totals))) / SCALE
    product, crossed = np.multiply(counts, aged[:, None], out=repeats), np.swapaxes(counts, 1, 2)
    shared = [product @ crossed]
    for factor in (weights, (variances[:, None] @ counts)[:, 0] / units):
        product *= factor[:, None]
        shared.append(product @ crossed)
    return shared, scores, variances


def _matrices(shared: Floats, variances: Floats) -> tuple[Floats, Floats]:
    """Information and noise, the sums of w L and w^2 L diag(v / n) L for L = diag(n) - n n' / N (see ``_pooled``).

    A row of n n' / N sums to n.
    """
    first, second = shared[:2].sum(axis=3, keepdims=True) * np.eye(shared.shape[2])
    cross = variances * shared[1]
    return first - shared[0], variances * second - cross - np.swapaxes(cross, 1, 2) + shared[2]


def _over_arms(tables: NDArray[Any]) -> NDArray[Any]:
    """The sums (allocations, sessions) of ``tables`` (allocations, arms, sessions), by the quicker of numpy's ways."""
    ones = np.ones(tables.shape[1], dtype=tables.dtype)
    return np.asarray(ones @ tables)


def _summed(tables: Floats, weights: Floats) -> Floats:
    """The sums (allocations, arms) over sessions of ``tables`` (allocations, arms, sessions) times ``weights``."""
    return np.asarray((tables @ weights[..., None])[..., 0])


def _within(n: NDArray[Any], totals: NDArray[Any], squares: NDArray[Any]) -> tuple[Floats, Floats]:
    """The sum of squared deviations from the mean in each cell, and its units beyond the first; overwrites ``squares``.

    Whole numbers until the division: what is left of a difference would be lost in floats.
    """
    room = totals * totals
    squares *= n
    squares -= room
    residuals = squares.astype(np.float64, copy=False)
    repeats = np.maximum(n, 1, out=room).astype(np.float64, copy=False)
    residuals /= repeats
    repeats -= 1
    return residuals, repeats


def _moderated(squares: Floats, freedom: Floats) -> Floats:
    """Each arm's variance, moderated with that of all; 0 where no arm had two units in a session."""
    free = freedom.sum(axis=1, keepdims=True)
    pooled = squares.sum(axis=1, keepdims=True) / np.where(free > 0, free, 1.0)
    return np.where(free > 0, (squares + BORROWED * pooled) / (freedom + BORROWED), 0.0)
