"""How much better than the best arm known a value may turn out: noisy expected improvement."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.special import erfcx, ndtri
from scipy.stats import qmc

from learning.domain import Region
from learning.errors import LearningError
from learning.gaussian_process import LEVEL, GaussianProcess
from learning.kernels import Correlations

Floats = NDArray[np.float64]

JITTER = 1e-6
"""Part of the prior variance by which a drawn reward is uncertain, so that its neighbours stay solvable."""

CLIMBS = 20
"""So many times at most all climbers look further: 40 more would add less than a hundredth of the improvement."""

FIRST_STEP = 0.1
"""How far the first step goes, in sides of the unit cube."""

NEAR = 1e-5
"""Where no climber would move further, they are at the top."""

LONG_TAIL, CERTAIN = 50.0, 9.0
"""So many deviations below the best, four terms of a series are exact; above it, the improvement is the distance."""

_LOG_ROOT = 0.5 * math.log(2 * math.pi)
_MILLS = math.sqrt(math.pi / 2)


def log_improvement(z: Floats) -> Floats:
    """log(pdf(z) + z cdf(z)), the logarithm of E max(0, z + N(0, 1)), right where the improvement itself underflows.

    Ament et al. 2023, by the scaled complementary error function; below -50 the asymptotic series of Mills' ratio.
    """
    return _logs_and_ratios(np.asarray(z, dtype=np.float64))[0]


def _logs_and_ratios(z: Floats) -> tuple[Floats, Floats, Floats]:
    """The log improvement h, cdf(z) / h and pdf(z) / h, which are its derivative and what its curvature is made of."""
    near = z.clip(-LONG_TAIL, CERTAIN)
    mills = _MILLS * erfcx(near / -math.sqrt(2))
    rest = 1 + near * mills
    if (tail := z < -LONG_TAIL).any():
        inverse = 1 / z[tail] ** 2
        rest[tail] = inverse * (1 - inverse * (3 - inverse * (15 - 105 * inverse)))
        mills[tail] = (rest[tail] - 1) / z[tail]
    logs, slopes, heights = np.log(rest) - z * z / 2 - _LOG_ROOT, mills / rest, 1 / rest
    if (certain := z > CERTAIN).any():
        logs[certain], slopes[certain], heights[certain] = np.log(z[certain]), 1 / z[certain], 0.0
    return logs, slopes, heights


@dataclass(frozen=True, eq=False)
class NoisyImprovement:
    """Expected improvement over the best of some rewards that are themselves only believed (Letham et al. 2019).

    The rewards at ``anchors`` (the arms that could be best; at least one) are drawn from their joint posterior by
    scrambled Sobol points along its principal axes, the longest first (Acworth, Broadie & Glasserman 1998); each draw
    conditions the process, and the closed forms of the draws are averaged. So it counts that the best arm known is
    uncertain too, which a plug-in of the best posterior mean leaves out. Where much is uncertain, few draws hold what
    may be gained: of 32, on Branin's function among noise, the values chosen had 0.69 of the improvement of the
    best one, of 128 0.78.

    ``lower`` is the inverse Cholesky root of targets and anchors together, ``whitened`` (inputs x draws) lower times
    the targets and the draws, ``best`` (draws) the highest drawn reward; all in standardised rewards.
    """

    process: GaussianProcess
    inputs: Floats
    lower: Floats
    whitened: Floats
    best: Floats
    normals: Floats

    @classmethod
    def of(
        cls, process: GaussianProcess, anchors: Floats, *, seed: int, draws: int = 128, more: int = 0
    ) -> NoisyImprovement:
        """For ``anchors`` (a x columns of the kernel), with room for ``more`` values chosen later.

        Raises:
            LearningError: there is no anchor to improve on.
        """
        if len(anchors) == 0:
            raise LearningError("an improvement needs at least one arm to improve on, and none was given")
        points = qmc.Sobol(len(anchors) + more, scramble=True, seed=seed).random(draws)
        normals = ndtri(points.clip(1e-12, 1 - 1e-12)).T
        known = np.repeat(process.whitened[:, None], draws, axis=1)
        nothing = np.full(draws, -np.inf)
        start = cls(process, process.sample.inputs, process.lower, known, nothing, normals)
        return start.and_also(anchors)

    def and_also(self, chosen: Floats) -> NoisyImprovement:
        """With drawn rewards at ``chosen`` too: the fantasies under which the next value of a batch is sought."""
        process, n = self.process, len(self.inputs)
        cross = self.lower @ process.covariance(self.inputs, chosen)
        left = process.covariance(chosen, chosen) - cross.T @ cross
        sizes, axes = np.linalg.eigh(left)
        added = JITTER * process.variance + max(0.0, -2 * float(sizes[0]))
        root = cholesky(left + added * np.eye(len(chosen)), lower=True)
        corner = solve_triangular(root, np.eye(len(chosen)), lower=True)
        spread = (axes * np.sqrt(sizes + added))[:, ::-1] @ self.normals[: len(chosen)]
        drawn = cross.T @ self.whitened + spread
        lower = np.zeros((n + len(chosen), n + len(chosen)))
        lower[:n, :n], lower[n:, n:], lower[n:, :n] = self.lower, corner, -corner @ cross.T @ self.lower
        return NoisyImprovement(
            process,
            np.vstack([self.inputs, chosen]),
            lower,
            np.vstack([self.whitened, corner @ spread]),
            np.maximum(self.best, drawn.max(axis=0)),
            self.normals[len(chosen) :],
        )

    def log_values(self, inputs: Floats) -> Floats:
        """Log expected improvement (m), in standardised rewards, at ``inputs`` (m x columns of the kernel)."""
        z, deviation = self._standardised(self._white(self._correlations(inputs)))
        return _averaged(log_improvement(z), deviation)[0]

    def log_values_and_slopes(self, inputs: Floats) -> tuple[Floats, Floats]:
        """The same log values with their gradients (m x d) over the coordinates."""
        at = self._correlations(inputs)
        white = self._white(at)
        z, deviation = self._standardised(white)
        logs, slopes, heights = _logs_and_ratios(z)
        values, shares = _averaged(logs, deviation)
        by_mean = shares * slopes / deviation
        by_variance = (shares * heights).sum(axis=1, keepdims=True) / deviation**2
        pull = (by_mean @ self.whitened.T - by_variance * white) @ self.lower
        return values, at.slope(self.process.variance * pull, one=inputs, other=self.inputs)

    def _correlations(self, inputs: Floats) -> Correlations:
        process = self.process
        return process.model.kernel.between(process.kernel_parameters, inputs, self.inputs)

    def _white(self, correlations: Correlations) -> Floats:
        return np.asarray((LEVEL + self.process.variance * correlations.values) @ self.lower.T)

    def _standardised(self, white: Floats) -> tuple[Floats, Floats]:
        """The mean less the best, in deviations, by draw (m x draws), and the deviation (m x 1)."""
        variance = (self.process.prior_variance - (white**2).sum(axis=1)).clip(min=1e-12 * self.process.variance)
        deviation = np.sqrt(variance)[:, None]
        return (white @ self.whitened - self.best) / deviation, deviation


def _averaged(logs: Floats, deviation: Floats) -> tuple[Floats, Floats]:
    """The logarithms (m) of the mean improvement, and the part of it (m x draws) that is in each draw."""
    peak = logs.max(axis=1, keepdims=True)
    parts = np.exp(logs - peak)
    sums = parts.sum(axis=1, keepdims=True)
    values = peak + np.log(sums * deviation / logs.shape[1])
    return values[:, 0], parts / sums


def climbed(acquisition: NoisyImprovement, starts: Floats, *, region: Region, context: Floats) -> Floats:
    """Where the log improvement is highest near ``starts`` (m x d), inside ``region``; steps aside.

    Spectral projected gradients (Birgin, Martinez & Raydan 2000), all starts at once and each with a step of its own:
    on a simplex the top often lies on a face, where a search in coordinates before the projection is caught.
    ``context`` is the regime and age columns of the inputs.
    """
    points = region.project(starts)
    values, slopes = _along(acquisition, points, region, context)
    steps = FIRST_STEP / np.abs(slopes).max(axis=1).clip(min=1e-12)
    ways = region.project(points + steps[:, None] * slopes) - points
    parts = np.ones(len(points))
    for _ in range(CLIMBS):
        tried = region.project(points + parts[:, None] * ways)
        higher, there = _along(acquisition, tried, region, context)
        taken = higher >= values + 1e-4 * parts * (slopes * ways).sum(axis=1)
        moved = tried - points
        bend = (moved * (slopes - there)).sum(axis=1)
        spectral = np.where(bend > 0, (moved * moved).sum(axis=1) / np.where(bend > 0, bend, 1.0), 10 * steps)
        steps = np.where(taken, spectral.clip(1e-8, 1e4), steps)
        values, parts = np.where(taken, higher, values), np.where(taken, 1.0, 0.3 * parts)
        points, slopes = np.where(taken[:, None], tried, points), np.where(taken[:, None], there, slopes)
        ways = np.where(taken[:, None], region.project(points + steps[:, None] * slopes) - points, ways)
        if (np.abs(ways) * parts[:, None]).max() < NEAR:
            break
    return points


def _along(acquisition: NoisyImprovement, points: Floats, region: Region, context: Floats) -> tuple[Floats, Floats]:
    """Log values, and their gradients along the planes of groups."""
    values, slopes = acquisition.log_values_and_slopes(beside(points, context))
    return values, region.along(slopes)


def beside(points: Floats, context: Floats) -> Floats:
    """Inputs of a kernel: ``points`` (m x d), each with the same ``context``."""
    return np.hstack([points, np.repeat(context[None], len(points), axis=0)])
