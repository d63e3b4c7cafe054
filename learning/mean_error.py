"""How far a mean may be off when neighbours in its series resemble each other."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.special import stdtr

from learning.errors import LearningError

Floats = NDArray[np.float64]

LEAST = 20
"""Fewer values than this have no error that could be believed."""


@dataclass(frozen=True, slots=True)
class MeanError:
    """The standard error of a mean, in the unit of its series, and the degrees of freedom it is known with."""

    error: float
    freedom: int

    def above(self, mean: float) -> float:
        """The probability that what ``mean`` estimates is above 0, by Student's t; 0.5 for nothing at all."""
        if self.error == 0:
            return 0.5 + 0.5 * float(np.sign(mean))
        return float(stdtr(self.freedom, mean / self.error)) if math.isfinite(mean / self.error) else 0.5


def mean_error(series: Floats, *, overlap: int = 0) -> MeanError | None:
    """The error of the mean from the slowest cosines in the series, each of which counts one degree of freedom.

    The mean of squares of the first B coefficients of the cosine transform estimates the spectrum at 0; the mean over
    its error is then Student's t with B degrees of freedom (Müller 2007; Lazarus, Lewis, Stock & Watson 2018, who
    advise B = 0.41 n^(2/3)). So its own uncertainty counts, which a bootstrap's standard error leaves out: where
    windows overlap, that erred in 9 to 11 % of worlds where 5 % were said, this in about 5 (tests/statistics).

    Args:
        series: of shape (n,), in order of time.
        overlap: how many values one and the same event may reach into. The cosines are so slow that the event fills no
            more than some 0.6 of half a wave: B is n / (1.25 overlap) at most.

    Returns:
        None below 20 values, or where two cosines are not slow enough.

    Raises:
        LearningError: a value that is not finite, or a negative overlap.
    """
    if series.ndim != 1 or not np.isfinite(series).all():
        raise LearningError("a flat series of finite numbers is needed; leave missing values out")
    if overlap < 0:
        raise LearningError(f"an overlap is a number of values, not {overlap}")
    n = len(series)
    cosines = math.floor(min(0.41 * n ** (2 / 3), n / (1.25 * max(overlap, 1))))
    if n < LEAST or cosines < 2:
        return None
    slow = np.asarray(dct(series - series.mean(), norm="ortho"), dtype=np.float64)[1 : cosines + 1]
    return MeanError(math.sqrt(float(slow @ slow) / cosines / n), cosines)
