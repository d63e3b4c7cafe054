"""Student's t distribution with a location and a scale: what a mean or a next reward of unknown variance has."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, stdtr, stdtrit

from learning.errors import LearningError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class StudentT:
    """Student's t with ``df`` degrees of freedom, one for each entry; the fields have one shape."""

    df: Floats
    location: Floats
    scale: Floats

    @property
    def variance(self) -> Floats:
        """scale^2 df / (df - 2); infinite where df is 2 or less."""
        heavy = self.df <= 2
        return np.where(heavy, np.inf, self.scale**2 * self.df / np.where(heavy, 1.0, self.df - 2))

    def below(self, value: Floats | float) -> Floats:
        """The probability of being at most ``value``."""
        return np.asarray(stdtr(self.df, (value - self.location) / self.scale))

    def log_density(self, value: Floats | float) -> Floats:
        """The logarithm of the density at ``value``."""
        squared = ((value - self.location) / self.scale) ** 2
        constant = gammaln((self.df + 1) / 2) - gammaln(self.df / 2) - np.log(np.pi * self.df) / 2
        return np.asarray(constant - np.log(self.scale) - (self.df + 1) / 2 * np.log1p(squared / self.df))

    def interval(self, level: float) -> tuple[Floats, Floats]:
        """The interval around the location that holds the value with probability ``level``.

        Raises:
            LearningError: a level that is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise LearningError(f"the level of an interval must lie between 0 and 1, not {level}")
        radius = -self.scale * stdtrit(self.df, (1 - level) / 2)
        return self.location - radius, self.location + radius
