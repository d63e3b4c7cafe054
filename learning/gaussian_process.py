"""What is believed about the reward of any value, from noisy rewards of some."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs
from scipy.optimize import minimize
from scipy.special import ndtri
from scipy.stats import qmc

from learning.errors import LearningError
from learning.kernels import Kernel, PairCorrelations, Pairs

Floats = NDArray[np.float64]

_potrf, _potri, _potrs, _trtri = get_lapack_funcs(("potrf", "potri", "potrs", "trtri"), dtype=np.float64)

LEVEL = 1.0
"""Variance of the unknown level of all rewards, for targets of variance 1. A search looks most where rewards are high,
so the mean of its targets lies above that of the rewards: were it taken for their level, what lies far from all targets
would seem nearly as good as the best, and on Hartmann's function every fourth evaluation went there.
"""

JITTERS = (1e-10, 1e-8, 1e-6, 1e-4)
"""Parts of the mean variance that are added, one after the other, until the covariance has a Cholesky root."""


@dataclass(frozen=True, slots=True)
class Model:
    """A level (Rasmussen & Williams 2006, 2.40), a kernel, its variance and, if ``fitted_noise``, noise of all targets
    on top of what is known.

    The parameters are logarithms, in this order: the variance, those of the kernel, the noise variance.
    Each has a normal prior on the logarithm, for targets of variance 1 and coordinates in the unit cube: length scale
    0.5 whatever the dimension (a scale that grows with its root, as in Hvarfner et al. 2024, takes a narrow top among
    noise for noise: on Hartmann's function in six dimensions every fourth search missed it), variance 1, rho 0.7,
    ageing over 90, noise exp(-2).
    """

    kernel: Kernel
    fitted_noise: bool = False

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return 1 + self.kernel.size + self.fitted_noise

    @property
    def prior(self) -> tuple[Floats, Floats]:
        """Means and standard deviations of the log parameters."""
        kernel = self.kernel
        length = (math.log(0.5), 1.0)
        rows = [(0.0, 1.0), *[length] * kernel.dimensions]
        rows += [(math.log(0.7), 0.5)] * kernel.regimes + [(math.log(90), 1.0)] * kernel.ages
        rows += [(-2.0, 1.0)] * self.fitted_noise
        means, deviations = np.array(rows).T
        return means, deviations

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """Where the log parameters are looked for: within four deviations of the prior, rho below 1."""
        means, deviations = self.prior
        ends = [(float(m - 4 * s), float(m + 4 * s)) for m, s in zip(means, deviations, strict=True)]
        if self.kernel.regimes:
            place = 1 + self.kernel.dimensions
            ends[place] = (ends[place][0], -1e-6)
        return ends


@dataclass(frozen=True, eq=False)
class Sample:
    """Targets (n) at inputs (n x columns of the kernel) with the variance (n) of each target's noise.

    Where targets share noise, as differences to one baseline do, ``noise`` is its covariance (n x n).

    Raises:
        LearningError: shapes that do not fit, no target at all, a number that is not finite, or a negative variance.
    """

    inputs: Floats
    targets: Floats
    noise: Floats

    def __post_init__(self) -> None:
        n = len(self.targets)
        fits = self.noise.shape in ((n,), (n, n))
        if n == 0 or self.targets.shape != (n,) or not fits or len(self.inputs) != n:
            raise LearningError(f"{n} targets need as many inputs and noises: {self.inputs.shape}, {self.noise.shape}")
        if not all(np.isfinite(numbers).all() for numbers in (self.inputs, self.targets, self.noise)):
            raise LearningError("inputs, targets and noise must be finite numbers; leave missing ones out")
        if self.variances.min() < 0:
            raise LearningError(f"the variance of a target's noise must not be negative: {self.variances.min()}")

    @property
    def variances(self) -> Floats:
        """Of the noise of each target (n)."""
        return self.noise if self.noise.ndim == 1 else np.asarray(self.noise.diagonal())

    @cached_property
    def places(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Columns and rows of each pair below the diagonal, column by column."""
        return np.triu_indices(len(self.targets), 1)

    def pairs(self, kernel: Kernel) -> Pairs:
        """Each pair of inputs once."""
        return kernel.pairs(self.inputs[self.places[0]], self.inputs[self.places[1]])

    def standardised(self) -> tuple[Sample, float, float]:
        """The sample less its mean, by its deviation, and both; targets with much noise count less.

        Weights are 1 / (variance of the targets + noise): equal noise gives the plain mean and deviation. They are
        divided by no less than their noise's deviation, the median: targets that lie nearer together than that do so by
        luck, and say nothing of how near rewards are. Targets without noise that are all the same are divided by 1.
        """
        spread = self.targets.var() + self.variances
        weights = 1 / spread if spread.min() > 0 else np.ones(len(spread))
        mean = float(np.average(self.targets, weights=weights))
        seen = float(np.average((self.targets - mean) ** 2, weights=weights))
        noisy = self.variances[self.variances > 0]
        deviation = math.sqrt(max(seen, float(np.median(noisy)) if len(noisy) else 0.0))
        scale = deviation if deviation > 1e-12 * max(abs(mean), 1e-300) else 1.0
        return Sample(self.inputs, (self.targets - mean) / scale, self.noise / scale**2), mean, scale


@dataclass(frozen=True, eq=False)
class GaussianProcess:
    """The posterior of the reward, less noise, for a sample and the parameters of its model.

    ``mean`` and ``scale`` are what the targets were standardised with; ``log_parameters`` are those of the standardised
    targets. ``lower`` (n x n) is the inverse of the covariance's Cholesky root, ``whitened`` = lower @ targets.
    """

    model: Model
    log_parameters: Floats
    sample: Sample
    mean: float
    scale: float
    lower: Floats
    whitened: Floats

    @property
    def variance(self) -> float:
        """That of the kernel: of the standardised reward around its level, before anything is known."""
        return math.exp(self.log_parameters[0])

    @property
    def prior_variance(self) -> float:
        """That of the standardised reward, its level included."""
        return LEVEL + self.variance

    @property
    def kernel_parameters(self) -> Floats:
        """Those of the kernel."""
        return self.log_parameters[1 : 1 + self.model.kernel.size]

    def covariance(self, one: Floats, other: Floats) -> Floats:
        """Prior covariance (m x n) of the standardised rewards of two sets of inputs."""
        kernel = self.model.kernel
        return LEVEL + self.variance * kernel.at(self.kernel_parameters, kernel.crossed(one, other)).values

    def posterior(self, inputs: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation (m) of the reward at ``inputs``, in the unit of the targets."""
        white = self._white(inputs)
        left = self.prior_variance - (white**2).sum(axis=1)
        return self.mean + self.scale * (white @ self.whitened), self.scale * np.sqrt(left.clip(min=0))

    def joint(self, inputs: Floats) -> tuple[Floats, Floats]:
        """Mean (m) and covariance (m x m) of the rewards at ``inputs``, in the unit of the targets."""
        white = self._white(inputs)
        covariance = self.covariance(inputs, inputs) - white @ white.T
        return self.mean + self.scale * (white @ self.whitened), self.scale**2 * (covariance + covariance.T) / 2

    def difference(self, inputs: Floats, origin: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation (m) of the reward at ``inputs`` less that at one ``origin``."""
        white, base = self._white(inputs), self._white(origin[None])
        apart = 2 * (self.prior_variance - self.covariance(inputs, origin[None])[:, 0])
        left = apart - ((white - base) ** 2).sum(axis=1)
        return self.scale * ((white - base) @ self.whitened), self.scale * np.sqrt(left.clip(min=0))

    def _white(self, inputs: Floats) -> Floats:
        return self.covariance(inputs, self.sample.inputs) @ self.lower.T


def log_likelihood(log_parameters: Floats, *, model: Model, sample: Sample) -> tuple[float, Floats]:
    """Log density of the targets as they are (mean 0), and its gradient over the log parameters.

    Rasmussen & Williams 2006, 5.8 and 5.9. The prior of the parameters is not in it.

    Raises:
        LearningError: the number of parameters is not ``model.size``.
    """
    if len(log_parameters) != model.size:
        raise LearningError(f"this model has {model.size} parameters, not {len(log_parameters)}")
    return _likelihood(log_parameters, model, sample, sample.pairs(model.kernel))


def conditioned(sample: Sample, *, model: Model, log_parameters: Floats) -> GaussianProcess:
    """The posterior for known parameters, which are those of standardised targets."""
    standard, mean, scale = sample.standardised()
    return _conditioned(
        standard, mean, scale, model=model, log_parameters=log_parameters, pairs=standard.pairs(model.kernel)
    )


def _conditioned(
    standard: Sample, mean: float, scale: float, *, model: Model, log_parameters: Floats, pairs: Pairs
) -> GaussianProcess:
    covariance = _filled(standard, model, log_parameters, pairs)[0]
    lower, _ = _trtri(_root(covariance), lower=1)
    return GaussianProcess(model, log_parameters, standard, mean, scale, lower, lower @ standard.targets)


def fitted(
    sample: Sample, *, model: Model, seed: int, starts: int = 4, previous: Floats | None = None
) -> GaussianProcess:
    """The posterior for the parameters of highest likelihood x prior.

    L-BFGS-B from the prior's means and from ``starts`` - 1 Sobol points of the prior; with ``previous``, the log
    parameters of an earlier fit of this model, from there alone.

    Raises:
        LearningError: ``previous`` has another number of parameters than the model.
    """
    standard, mean, scale = sample.standardised()
    begins = _starts(model, seed, starts) if previous is None else np.asarray(previous, dtype=np.float64)[None]
    if begins.shape[1] != model.size:
        raise LearningError(f"this model has {model.size} parameters, the earlier fit {begins.shape[1]}")
    pairs = standard.pairs(model.kernel)
    low, high = np.array(model.bounds).T
    ends = [
        minimize(  # type: ignore[no-untyped-call]
            _loss,
            begin.clip(low, high),
            args=(model, standard, pairs),
            jac=True,
            method="L-BFGS-B",
            bounds=model.bounds,
            options={"ftol": 1e-7, "maxiter": 100},
        )
        for begin in begins
    ]
    best = min(ends, key=lambda end: float(end.fun))
    return _conditioned(standard, mean, scale, model=model, log_parameters=np.asarray(best.x), pairs=pairs)


def _starts(model: Model, seed: int, count: int) -> Floats:
    means, deviations = model.prior
    points = qmc.Sobol(model.size, scramble=True, seed=seed).random(1 << (count - 1).bit_length())
    drawn = means + deviations * ndtri(points.clip(1e-3, 1 - 1e-3))
    drawn[0] = means
    return np.asarray(drawn[:count])


def _loss(log_parameters: Floats, model: Model, sample: Sample, pairs: Pairs) -> tuple[float, Floats]:
    means, deviations = model.prior
    away = (log_parameters - means) / deviations
    value, gradient = _likelihood(log_parameters, model, sample, pairs)
    return float(away @ away) / 2 - value, away / deviations - gradient


def _filled(sample: Sample, model: Model, log_parameters: Floats, pairs: Pairs) -> tuple[Floats, PairCorrelations]:
    """The covariance of the targets, diagonal and below, and the correlations of their pairs."""
    n = len(sample.targets)
    columns, rows = sample.places
    variance = math.exp(log_parameters[0])
    at = model.kernel.at(log_parameters[1 : 1 + model.kernel.size], pairs)
    flat = np.zeros(n * n)
    flat[columns * n + rows] = LEVEL + variance * at.values
    if sample.noise.ndim == 2:
        flat[columns * n + rows] += sample.noise[rows, columns]
    extra = math.exp(log_parameters[-1]) if model.fitted_noise else 0.0
    flat[:: n + 1] = LEVEL + variance + sample.variances + extra
    return flat.reshape((n, n), order="F"), at


def _likelihood(log_parameters: Floats, model: Model, sample: Sample, pairs: Pairs) -> tuple[float, Floats]:
    covariance, at = _filled(sample, model, log_parameters, pairs)
    root = _root(covariance)
    solved, _ = _potrs(root, sample.targets, lower=1)
    value = -(sample.targets @ solved + len(solved) * math.log(2 * math.pi)) / 2 - np.log(root.diagonal()).sum()
    inverse, _ = _potri(root, lower=1)
    diagonal = (solved**2 - inverse.diagonal()) / 2
    columns, rows = sample.places
    variance = math.exp(log_parameters[0])
    below = variance * (solved[rows] * solved[columns] - inverse.ravel(order="F")[columns * len(solved) + rows])
    gradient = np.empty(model.size)
    gradient[0] = below @ at.values + variance * diagonal.sum()
    gradient[1 : 1 + model.kernel.size] = at.pullback(below)
    if model.fitted_noise:
        gradient[-1] = math.exp(log_parameters[-1]) * diagonal.sum()
    return float(value), gradient


def _root(covariance: Floats) -> Floats:
    """The lower Cholesky root; a covariance that rounding left without one gets a little more variance."""
    size = float(covariance.diagonal().mean())
    for jitter in JITTERS:
        root, failed = _potrf(covariance, lower=1, clean=1)
        if not failed:
            return np.asarray(root)
        covariance = covariance + jitter * size * np.eye(len(covariance))
    raise LearningError(f"no root of a covariance with variances {size:g} on average: are its parameters finite?")
