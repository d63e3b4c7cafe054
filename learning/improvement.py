"""By how much a way of choosing beat the incumbent on sessions that it had not seen, and how sure that is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr

from learning.bootstrap import mean_interval
from learning.errors import LearningError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Improvement:
    """The mean difference to the incumbent of one session out of fold, in the unit of the gains, and its uncertainty.

    ``low`` and ``high`` are the stationary block bootstrap's interval, each of whose ends errs with ``error_rate``.
    ``probability`` is that of a mean above 0, by Student's t on ``effective_n`` - 1 degrees of freedom with the
    bootstrap's standard error. ``n`` counts sessions; ``effective_n`` is as how many independent ones they count.
    What cannot be had is None: the mean without sessions, the others below 20.
    """

    mean: float | None
    low: float | None
    high: float | None
    probability: float | None
    n: int
    effective_n: float | None
    error_rate: float

    @property
    def proposes(self) -> bool:
        """Whether the difference is above 0 at the stated error rate, of one look at it."""
        return self.probability is not None and self.probability >= 1 - self.error_rate


def improvement(
    differences: Sequence[float] | Floats, *, generator: np.random.Generator, error_rate: float = 0.05
) -> Improvement:
    """Judge ``differences``, one a session in order of time: what was chosen less the incumbent, out of fold.

    The choice must not have seen these sessions; then it does not matter from how many candidates it was made, and a
    way of choosing that has no edge is proposed with probability ``error_rate``, asymptotically in the sessions. With
    few folds that each choose anew more was seen, for exits 6.6 % at 5 % and above (tests/statistics, null learners).

    Raises:
        LearningError: a difference that is not finite, or an error rate outside 0 to 0.5.
    """
    if not 0 < error_rate < 0.5:
        raise LearningError(f"the error rate must lie between 0 and 0.5, not {error_rate}")
    values = np.asarray(differences, dtype=np.float64)
    interval = mean_interval(values, generator=generator, confidence=1 - 2 * error_rate)
    if interval is None:
        mean = float(values.mean()) if len(values) else None
        return Improvement(mean, None, None, None, len(values), None, error_rate)
    error = (interval.high - interval.low) / (2 * float(ndtri(1 - error_rate)))
    effective = min(float(values.var(ddof=1)) / error**2, float(len(values))) if error > 0 else float(len(values))
    probability = _above(interval.mean, error, freedom=max(effective - 1, 1))
    return Improvement(interval.mean, interval.low, interval.high, probability, len(values), effective, error_rate)


def _above(mean: float, error: float, *, freedom: float) -> float:
    if error == 0:
        return 0.5 + 0.5 * float(np.sign(mean))
    return float(stdtr(freedom, mean / error)) if math.isfinite(mean / error) else 0.5
