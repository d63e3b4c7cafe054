"""Rewards of unknown mean and variance: the Normal-Inverse-Gamma belief, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from learning.errors import LearningError
from learning.student import StudentT

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class NormalGamma:
    """Belief about mean and variance of rewards, one for each entry; the fields have one shape or broadcast.

    variance ~ inverse gamma(a, b), mean given variance ~ N(m, variance / kappa) (Murphy 2007). ``kappa`` counts
    the units that the mean's prior is worth, 2a those of the variance's.
    """

    kappa: Floats
    m: Floats
    a: Floats
    b: Floats

    def after(self, n: Floats, s1: Floats, s2: Floats) -> NormalGamma:
        """The belief once ``n`` units (aged, so not always whole) with these sums of rewards and squares were seen.

        kappa' = kappa + n, m' = (kappa m + s1) / kappa', a' = a + n / 2, b' = b + (s2 + kappa m^2 - kappa' m'^2) / 2.
        The last is computed as b + (s2 - s1^2 / n + kappa n (s1 / n - m)^2 / kappa') / 2, which is the same number and
        loses fewer digits. n = 0 leaves the belief as it is, to the last bit.

        Raises:
            LearningError: sums that are not finite, or that no rewards can have (negative n, or s2 < s1^2 / n).
        """
        n, s1, s2 = (np.asarray(each, dtype=np.float64) for each in (n, s1, s2))
        units = np.where(n > 0, n, 1.0)
        spread = _spread(n, s1, s2, units=units)
        kappa = self.kappa + n
        shift = self.kappa * n * (s1 / units - self.m) ** 2 / kappa
        m = np.where(n > 0, (self.kappa * self.m + s1) / kappa, self.m)
        return NormalGamma(kappa, m, self.a + n / 2, self.b + (spread + shift) / 2)

    @property
    def mean(self) -> StudentT:
        """Where the mean reward lies: Student's t with 2a degrees of freedom."""
        return StudentT(2 * self.a, self.m, np.sqrt(self.b / (self.a * self.kappa)))

    @property
    def predictive(self) -> StudentT:
        """Where the next reward lies: Student's t with 2a degrees of freedom."""
        return StudentT(2 * self.a, self.m, np.sqrt(self.b * (self.kappa + 1) / (self.a * self.kappa)))

    def log_evidence(self, n: Floats, s1: Floats, s2: Floats) -> Floats:
        """Log marginal likelihood of such rewards under this belief (natural logarithm, of a density in reward units).

        The sum of the log predictive densities one by one, in any order. With aged sums it is that of faded
        (power) likelihoods: good for comparing priors, no longer a probability of data.

        Raises:
            LearningError: as ``after``.
        """
        seen = self.after(n, s1, s2)
        variance = gammaln(seen.a) - gammaln(self.a) + self.a * np.log(self.b) - seen.a * np.log(seen.b)
        return np.asarray(variance + np.log(self.kappa / seen.kappa) / 2 - np.asarray(n) / 2 * np.log(2 * np.pi))


def normal_gamma_prior(*, kappa: float, m: float, a: float, b: float) -> NormalGamma:
    """A belief before any reward; kappa units worth of mean ``m``, variance around b / a worth 2a units.

    Raises:
        LearningError: kappa, a or b that is not positive, or m that is not finite.

    >>> prior = normal_gamma_prior(kappa=1.0, m=0.0, a=1.0, b=0.0001)
    >>> prior.after(np.array([3.0]), np.array([0.04]), np.array([0.001])).m
    array([0.01])
    """
    if not (min(kappa, a, b) > 0 and np.isfinite([kappa, m, a, b]).all()):
        raise LearningError(f"kappa, a and b must be positive and m a number, not {kappa}, {a}, {b} and {m}")
    return NormalGamma(*(np.asarray(each, dtype=np.float64) for each in (kappa, m, a, b)))


def _spread(n: Floats, s1: Floats, s2: Floats, *, units: Floats) -> Floats:
    """The sum of squared deviations from the mean of what was seen; what rounding leaves below 0 is 0."""
    squared = s1**2 / units
    wrong = (n < 0) | (s2 - squared < -1e-9 * (s2 + squared)) | ~np.isfinite(n + s1 + s2)
    wrong |= (n == 0) & ((s1 != 0) | (s2 != 0))
    if wrong.any():
        place = np.unravel_index(np.argmax(wrong), wrong.shape)
        found = ", ".join(str(float(np.broadcast_to(each, wrong.shape)[place])) for each in (n, s1, s2))
        raise LearningError(f"no rewards have this count, sum and sum of squares: {found}; was too much taken back?")
    return np.maximum(s2 - squared, 0.0)
