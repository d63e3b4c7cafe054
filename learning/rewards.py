"""Rewards as exact integers, so that order, batches and revisions cannot change what is learned."""

from __future__ import annotations

import math
from dataclasses import dataclass

from learning.errors import LearningError

SCALE = 10**6
"""A quantised reward counts in 1e-6; its square in 1e-12."""


@dataclass(frozen=True, slots=True)
class RewardSum:
    """Exact count, sum and sum of squares of quantised rewards (integers, 1e-6 and 1e-12).

    A value: adding and taking away give new ones, in any order the same bits. Python's integers do not
    overflow; what keeps one in a column has to look at its bounds.

    >>> RewardSum(2, 30_000, 500_000_000).mean
    0.015
    """

    n: int = 0
    total: int = 0
    squares: int = 0

    def __add__(self, other: RewardSum) -> RewardSum:
        return RewardSum(self.n + other.n, self.total + other.total, self.squares + other.squares)

    def __sub__(self, other: RewardSum) -> RewardSum:
        """Take a revised outcome back."""
        return RewardSum(self.n - other.n, self.total - other.total, self.squares - other.squares)

    @property
    def mean(self) -> float | None:
        """In reward units (0.02 is 2 %), or None while nothing was counted."""
        return self.total / (self.n * SCALE) if self.n > 0 else None

    @property
    def variance(self) -> float | None:
        """Sample variance (n - 1) in squared reward units, or None below two rewards. Rounded once, at the end."""
        if self.n < 2:
            return None
        return (self.n * self.squares - self.total**2) / (self.n * (self.n - 1) * SCALE**2)

    @property
    def residual(self) -> float:
        """Sum of squared deviations from the mean in squared reward units; 0 where nothing was counted."""
        return (self.n * self.squares - self.total**2) / (self.n * SCALE**2) if self.n > 0 else 0.0


def quantise(reward: float, *, bound: float) -> RewardSum:
    """One reward, winsorised to -bound ... bound and rounded half to even at 1e-6.

    Raises:
        LearningError: a reward that is no number, or a bound that is not positive.

    >>> quantise(0.0234567, bound=1.0)
    RewardSum(n=1, total=23457, squares=550230849)
    """
    if not math.isfinite(reward):
        raise LearningError(f"a reward must be a finite number, not {reward}; leave an unknown reward out")
    if not (bound > 0 and math.isfinite(bound)):
        raise LearningError(f"the bound of rewards must be a positive number, not {bound}")
    total = round(min(max(reward, -bound), bound) * SCALE)
    return RewardSum(1, total, total * total)
