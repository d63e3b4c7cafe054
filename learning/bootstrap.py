"""An interval for the mean of a series whose neighbours resemble each other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError

Floats = NDArray[np.float64]

LEAST = 20
"""Fewer values than this give no interval."""


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """The mean of a series with its percentile interval, in the unit of the series, and the mean block length used."""

    mean: float
    low: float
    high: float
    block: float

    @property
    def distinguishable(self) -> bool:
        """Whether the interval leaves out "no effect"."""
        return self.low > 0 or self.high < 0


def mean_interval(
    series: Sequence[float] | Floats, *, generator: np.random.Generator, confidence: float = 0.95, draws: int = 4000
) -> MeanInterval | None:
    """Stationary block bootstrap (Politis & Romano 1994) with the block length that the series itself asks for.

    None below 20 values: no interval would be honest. The answer is for this one look; it is not anytime-valid.

    Raises:
        LearningError: a value that is not finite, or a confidence outside 0 to 1.
    """
    values = np.asarray(series, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise LearningError("a flat series of finite numbers is needed; leave missing values out")
    if not 0 < confidence < 1:
        raise LearningError(f"confidence must lie between 0 and 1, not {confidence}")
    if len(values) < LEAST:
        return None
    block = block_length(values)
    means = _resampled_means(values, block, generator=generator, draws=draws)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return MeanInterval(float(values.mean()), float(low), float(high), block)


def block_length(values: Floats) -> float:
    """Mean block length for the mean of ``values``, at least 1 (Politis & White 2004, corrected by Patton et al. 2009).

    Autocovariances count up to twice the lag after which none is significant, under a flat-top window.
    """
    n = len(values)
    centred = values - values.mean()
    longest = math.ceil(math.sqrt(n)) + max(5, math.ceil(math.sqrt(math.log10(n))))
    covariances = np.array([centred[lag:] @ centred[: n - lag] for lag in range(min(longest, n - 1) + 1)]) / n
    if not covariances[0] > 0:
        return 1.0
    lags = np.arange(1, min(2 * _last_significant(covariances / covariances[0], n), len(covariances) - 1) + 1)
    window = np.clip(2 * (1 - lags / max(len(lags), 1)), 0, 1)
    spectrum = covariances[0] + 2 * window @ covariances[lags]
    slope = 2 * (window * lags) @ covariances[lags]
    if not spectrum > 0:
        return 1.0
    largest = math.ceil(min(3 * math.sqrt(n), n / 3))
    return float(np.clip((slope / spectrum) ** 2 * n, 1, largest**3) ** (1 / 3))


def _last_significant(correlations: Floats, n: int) -> int:
    """The lag after which a whole run of autocorrelations is within chance; the last lag where there is no such run."""
    run = max(5, math.ceil(math.sqrt(math.log10(n))))
    chance = 2 * math.sqrt(math.log10(n) / n)
    for lag in range(len(correlations) - run):
        if np.all(np.abs(correlations[lag + 1 : lag + 1 + run]) < chance):
            return max(lag, 1)
    return len(correlations) - 1


def _resampled_means(values: Floats, block: float, *, generator: np.random.Generator, draws: int) -> Floats:
    """Means of ``draws`` resampled series, laid end to end; a block ends with chance 1 / block, and with its series."""
    n = len(values)
    length = draws * n
    gaps = generator.geometric(1 / block, size=int(length / block + 10 * math.sqrt(length) + 10))
    starts = np.cumsum(gaps)
    starts = np.sort(np.concatenate([starts[starts < length], np.arange(0, length, n)]), kind="stable")
    sizes = np.diff(starts, append=length)
    origins = generator.integers(n, size=len(starts))
    summed = np.concatenate([[0.0], np.cumsum(np.concatenate([values, values]))])
    sums = summed[origins + sizes] - summed[origins]
    return np.bincount(starts // n, weights=sums, minlength=draws) / n
