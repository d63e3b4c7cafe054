"""Functions whose maximum is known, for searches to look for."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray
from scipy.stats import qmc

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """A function to be maximised; ``best`` is its maximum and ``spread`` its range.

    On a simplex the values are weights that sum to 1; a search that knows no simplex gets its values divided by
    their sum.
    """

    name: str
    low: Floats
    high: Floats
    value: Callable[[Floats], float]
    best: float
    spread: float
    simplex: bool = False

    def point(self, asked: Floats) -> Floats:
        """What is evaluated."""
        return np.asarray(asked / asked.sum() if self.simplex else asked)

    def beginnings(self, count: int, seed: int) -> Floats:
        """Sobol points (count x d)."""
        points = qmc.Sobol(len(self.low), seed=seed).random(1 << (count - 1).bit_length())[:count]
        if self.simplex:
            exponential = -np.log1p(-points)
            return np.asarray(exponential / exponential.sum(axis=1, keepdims=True))
        return np.asarray(self.low + points * (self.high - self.low))


def branin() -> Problem:
    """Two dimensions, three equal maxima at -0.397887."""

    def value(x: Floats) -> float:
        a, b = float(x[0]), float(x[1])
        valley = b - 5.1 / (4 * math.pi**2) * a * a + 5 / math.pi * a - 6
        return -(valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10)

    return Problem("Branin", np.array([-5.0, 0.0]), np.array([10.0, 15.0]), value, -0.397887, 308.13 - 0.397887)


def hartmann() -> Problem:
    """Six dimensions, a maximum of 3.32237 among several."""
    slopes = np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    )
    places = 1e-4 * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    )
    heights = np.array([1.0, 1.2, 3.0, 3.2])

    def value(x: Floats) -> float:
        return float(heights @ np.exp(-(slopes * (x - places) ** 2).sum(axis=1)))

    return Problem("Hartmann-6", np.zeros(6), np.ones(6), value, 3.32237, 3.32237)


def weights() -> Problem:
    """Six weights that sum to 1: what is far from the best ones loses, some directions seven times as much as others.

    The worst corner is the minimum, as of any concave function on a simplex.
    """
    best = np.array([0.3, 0.25, 0.2, 0.15, 0.07, 0.03])
    factors = default_rng(1).normal(size=(6, 6))
    loss = factors @ np.diag([1.0, 1.4, 2.0, 3.0, 5.0, 7.0]) @ factors.T / 6

    def value(x: Floats) -> float:
        away = x - best
        return -float(away @ loss @ away)

    worst = min(value(corner) for corner in np.eye(6))
    return Problem("6 weights", np.zeros(6), np.ones(6), value, 0.0, -worst, simplex=True)
