"""How much better than the best arm known a value may turn out: noisy expected improvement."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.special import erfcx, log_ndtr, ndtr, ndtri
from scipy.stats import qmc

from learning.domain import Region
from learning.errors import LearningError
from learning.gaussian_process import GaussianProcess

Floats = NDArray[np.float64]

JITTER = 1e-6
"""Part of the prior variance by which a drawn reward is uncertain, so that its neighbours stay solvable."""

CLIMBS = 60
"""So many times at most all climbers look further."""

FIRST_STEP = 0.1
"""How far the first step goes, in sides of the unit cube."""

NEAR = 1e-5
"""Where no climber would move further, they are at the top."""

_LOG_ROOT = 0.5 * math.log(2 * math.pi)


def log_improvement(z: Floats) -> Floats:
    """log(pdf(z) + z cdf(z)), the logarithm of E max(0, z + N(0, 1)), right where the improvement itself underflows.

    Ament et al. 2023; below -50 the asymptotic series of Mills' ratio.
    """
    z = np.asarray(z, dtype=np.float64)
    high = z.clip(min=-1)
    logs = np.log(np.exp(-(high**2) / 2 - _LOG_ROOT) + high * ndtr(high))
    if (tail := z < -1).any():
        logs[tail] = _log_tail(z[tail])
    return np.asarray(logs)


def _log_tail(z: Floats) -> Floats:
    inverse = 1 / z**2
    series = inverse * (1 - inverse * (3 - inverse * (15 - 105 * inverse)))
    near = z.clip(min=-50)
    mills = 1 + near * math.sqrt(math.pi / 2) * erfcx(-near / math.sqrt(2))
    return np.asarray(np.log(np.where(z < -50, series, mills)) - z**2 / 2 - _LOG_ROOT)


@dataclass(frozen=True, eq=False)
class NoisyImprovement:
    """Expected improvement over the best of some rewards that are themselves only believed (Letham et al. 2019).

    The rewards at ``anchors`` (the arms that could be best; at least one) are drawn from their joint posterior by
    scrambled Sobol points; each draw conditions the process, and the closed forms of the draws are averaged. So it
    counts that the best arm known is uncertain too, which a plug-in of the best posterior mean leaves out.

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
        cls, process: GaussianProcess, anchors: Floats, *, seed: int, draws: int = 32, more: int = 0
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
        root = cholesky(left + _jitter(left, process.variance) * np.eye(len(chosen)), lower=True)
        drawn = cross.T @ self.whitened + root @ self.normals[: len(chosen)]
        corner = solve_triangular(root, np.eye(len(chosen)), lower=True)
        lower = np.zeros((n + len(chosen), n + len(chosen)))
        lower[:n, :n], lower[n:, n:], lower[n:, :n] = self.lower, corner, -corner @ cross.T @ self.lower
        return NoisyImprovement(
            process,
            np.vstack([self.inputs, chosen]),
            lower,
            np.vstack([self.whitened, self.normals[: len(chosen)]]),
            np.maximum(self.best, drawn.max(axis=0)),
            self.normals[len(chosen) :],
        )

    def log_values(self, inputs: Floats) -> Floats:
        """Log expected improvement (m), in standardised rewards, at ``inputs`` (m x columns of the kernel)."""
        white = self.process.covariance(inputs, self.inputs) @ self.lower.T
        return self._averaged(white)[0]

    def log_values_and_slopes(self, inputs: Floats) -> tuple[Floats, Floats]:
        """The same log values with their gradients (m x d) over the coordinates."""
        process = self.process
        kernel, parameters = process.model.kernel, process.kernel_parameters
        at = kernel.at(parameters, kernel.crossed(inputs, self.inputs))
        white = process.variance * at.values @ self.lower.T
        values, z, logs, deviation = self._averaged(white)
        shares = np.exp(logs + np.log(deviation) - values[:, None]) / z.shape[1]
        by_mean = shares * np.exp(log_ndtr(z) - logs) / deviation
        by_variance = (shares * np.exp(-(z**2) / 2 - _LOG_ROOT - logs)).sum(axis=1, keepdims=True) / deviation**2
        pull = (by_mean @ self.whitened.T - by_variance * white) @ self.lower
        return values, at.slope(process.variance * pull, one=inputs, other=self.inputs)

    def _averaged(self, white: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Log values (m); z and its log improvement (m x draws), and the deviation (m x 1), for the derivatives."""
        variance = (self.process.variance - (white**2).sum(axis=1)).clip(min=1e-12 * self.process.variance)
        deviation = np.sqrt(variance)[:, None]
        z = (white @ self.whitened - self.best) / deviation
        logs = log_improvement(z)
        peak = logs.max(axis=1, keepdims=True)
        values = peak + np.log(np.exp(logs - peak).mean(axis=1, keepdims=True)) + np.log(deviation)
        return values[:, 0], z, logs, deviation


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
    """Log values, and their gradients inside the region."""
    values, slopes = acquisition.log_values_and_slopes(beside(points, context))
    return values, region.along(points, slopes)


def beside(points: Floats, context: Floats) -> Floats:
    """Inputs of a kernel: ``points`` (m x d), each with the same ``context``."""
    return np.hstack([points, np.repeat(context[None], len(points), axis=0)])


def _jitter(left: Floats, variance: float) -> float:
    """Enough for a root though rounding left an eigenvalue below 0."""
    return JITTER * variance + max(0.0, -2 * float(np.linalg.eigvalsh(left)[0]))
