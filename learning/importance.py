"""How much each logged unit counts for a policy that did not log it, and whether such weights can be trusted."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from learning.errors import LearningError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CONFIDENCE = 0.999
"""Of the interval in which a mean weight must lie: sound logs are refused once in a thousand times."""


@dataclass(frozen=True, eq=False)
class Logged:
    """n units whose arm, one of k, was drawn with known probabilities, and the policy that is to be judged on them.

    ``arms`` (n) are the places of the arms drawn, ``rewards`` (n) what they earned. ``propensities`` (n x k) are the
    probabilities that each unit's arm was drawn with, ``target`` (n x k) those of the policy to be judged; each row of
    either sums to 1.

    Raises:
        LearningError: shapes that differ, a reward that is not finite, rows that are no probabilities, or a unit with
            an arm that could not have been drawn.

    >>> half, sure = np.full((2, 2), 0.5), np.array([[0.0, 1.0], [0.0, 1.0]])
    >>> Logged(np.array([0, 1]), np.array([0.01, 0.03]), half, sure).weights
    array([0., 2.])
    """

    arms: Integers
    rewards: Floats
    propensities: Floats
    target: Floats

    def __post_init__(self) -> None:
        n, k = self.propensities.shape if self.propensities.ndim == 2 else (-1, -1)
        if not (self.arms.shape == self.rewards.shape == (n,) and self.target.shape == (n, k) and n > 0):
            shapes = [array.shape for array in (self.arms, self.rewards, self.propensities, self.target)]
            raise LearningError(f"arms (n), rewards (n), propensities (n, k) and target (n, k) are needed: {shapes}")
        if not np.isfinite(self.rewards).all():
            raise LearningError("a reward is not finite; leave units with an unknown reward out")
        _check_rows(self.propensities, "propensities")
        _check_rows(self.target, "target")
        wrong = np.flatnonzero((self.arms < 0) | (self.arms >= k))
        if len(wrong):
            raise LearningError(f"unit {wrong[0]} has arm {self.arms[wrong[0]]}: there are arms 0 to {k - 1}")
        wrong = np.flatnonzero(~(self.taken(self.propensities) > 0))
        if len(wrong):
            arm = self.arms[wrong[0]]
            raise LearningError(f"unit {wrong[0]} has arm {arm}, whose propensity was 0: the log contradicts itself")

    @property
    def n(self) -> int:
        """Units."""
        return len(self.arms)

    def taken(self, table: Floats) -> Floats:
        """What ``table`` (n x k) says of the arm that each unit had."""
        return np.asarray(np.take_along_axis(table, self.arms[:, None], axis=1)[:, 0])

    @cached_property
    def weights(self) -> Floats:
        """Target probability by propensity of the arm that each unit had, of shape (n)."""
        return self.taken(self.target) / self.taken(self.propensities)


def balanced(propensities: Floats, counts: Integers) -> Floats:
    """The propensities of several logging versions as of one: sum over versions of n_v / n x p_v (Agarwal 2017).

    What weights make of the mixture never varies more than with each version's own propensities, and a version that
    could not draw an arm does no harm while another could. It presumes that an arm earned the same under all versions:
    where the market moved between them, judge each version's units on their own.

    Args:
        propensities: (versions x n x k), what each version would have drawn ALL units with; or (versions x 1 x k) where
            it does not depend on the unit.
        counts: (versions), how many of the units each version logged.

    Raises:
        LearningError: shapes that do not fit, a negative count, or no unit at all.

    >>> balanced(np.array([[[0.95, 0.05]], [[0.75, 0.25]]]), np.array([300, 100])).round(12)
    array([[0.9, 0.1]])
    """
    if not (propensities.ndim == 3 and counts.shape == propensities.shape[:1]):
        raise LearningError(f"propensities (versions, n, k) need counts (versions), not {counts.shape}")
    if (counts < 0).any() or not counts.sum() > 0:
        raise LearningError(f"each version needs a count of units, and one at least some: {counts.tolist()}")
    return np.asarray(np.tensordot(counts / counts.sum(), propensities, axes=1))


@dataclass(frozen=True, slots=True)
class Weighing:
    """What can be told of n weights before any reward is looked at.

    ``effective`` is (sum of w)^2 / (sum of w^2), ``largest_share`` the part of all weight that one unit has (1 where
    there is no weight). ``mean`` is the mean weight; ``low`` to ``high`` is where it lies with probability
    0.999 if units got their arms by the logged propensities: the mean's own spread is known then, and not estimated.
    ``uncovered`` is the part of the target policy that falls on arms which could not have been drawn.
    """

    n: int
    effective: float
    largest_share: float
    mean: float
    low: float
    high: float
    uncovered: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """The least overlap of two policies on which one is judged by the other's log."""

    minimum_effective: float = 100.0
    largest_share: float = 0.05


def weighed(logged: Logged) -> Weighing:
    """Diagnose the weights of a log: nothing here depends on a reward."""
    weights, total = logged.weights, math.fsum(logged.weights)
    squares = math.fsum(weights**2)
    drawable = logged.propensities > 0
    covered = np.where(drawable, logged.target, 0.0).sum(axis=1)
    second = np.divide(logged.target**2, logged.propensities, out=np.zeros(drawable.shape), where=drawable)
    spread = math.sqrt(max(math.fsum(second.sum(axis=1) - covered**2), 0.0)) / logged.n
    half = float(ndtri((1 + CONFIDENCE) / 2)) * spread
    expected = math.fsum(covered) / logged.n
    return Weighing(
        n=logged.n,
        effective=total**2 / squares if squares > 0 else 0.0,
        largest_share=float(weights.max()) / total if total > 0 else 1.0,
        mean=total / logged.n,
        low=expected - half,
        high=expected + half,
        uncovered=max(1 - expected, 0.0),
    )


def refusal(weighing: Weighing, overlap: Overlap) -> str | None:
    """Why nothing should be concluded from such weights, in a sentence with figures; None where nothing is wrong."""
    slack = 1e-9
    if weighing.uncovered > slack:
        return (
            f"no overlap: {weighing.uncovered:.2%} of the policy falls on arms that were never drawn for such units; "
            f"give them a share first"
        )
    if not weighing.low - slack <= weighing.mean <= weighing.high + slack:
        return (
            f"the mean weight over {weighing.n:,} units is {weighing.mean:.4f}, outside of {weighing.low:.4f} to "
            f"{weighing.high:.4f}: arms were not drawn by the propensities that were logged"
        )
    if weighing.effective < overlap.minimum_effective:
        return (
            f"too little overlap: {weighing.n:,} units count as {weighing.effective:,.1f} of the "
            f"{overlap.minimum_effective:,g} that are needed"
        )
    if weighing.largest_share > overlap.largest_share:
        return (
            f"one unit has {weighing.largest_share:.2%} of all weight, more than {overlap.largest_share:.2%}: "
            f"the answer would be its reward"
        )
    return None


def _check_rows(table: Floats, name: str) -> None:
    wrong = np.flatnonzero(~((table >= 0).all(axis=1) & (np.abs(table.sum(axis=1) - 1) < 1e-9)))
    if len(wrong):
        raise LearningError(f"row {wrong[0]} of {name} is no distribution over arms: {table[wrong[0]].tolist()}")
