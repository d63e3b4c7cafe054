"""By how much a way of choosing beat the incumbent on sessions that it had not seen, and how sure that is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from learning.bootstrap import mean_interval
from learning.confidence import anytime_p_value, tightest_at
from learning.errors import LearningError
from learning.mean_error import mean_error

Floats = NDArray[np.float64]

TIGHTEST_AT = 120
"""Sessions at which looking again and again costs least; fixed before any look."""


@dataclass(frozen=True, slots=True)
class Improvement:
    """The mean difference to the incumbent of one session out of fold, in the unit of the gains, and its uncertainty.

    ``low`` and ``high`` are the stationary block bootstrap's interval, each of whose ends errs with about
    ``error_rate``. ``probability`` is that of a mean above 0 by Student's t with the error and the freedom of
    ``mean_error``: it is of one look. ``confidence`` is 1 - p of a normal-mixture confidence sequence with the same
    error: whoever looks again whenever sessions have come to those that were seen, and acts as soon as it reaches
    1 - ``error_rate``, acts on nothing with probability ``error_rate`` in all. That is of sessions that only grow in
    number. Where old ones are dropped for new ones it holds for as long as the window takes to roll by once, about,
    and whoever goes on has to spend the error rate over such windows. ``n`` counts sessions; ``effective_n`` is as how
    many independent ones they count, by that error. What cannot be had is None: the mean without sessions,
    the others below 20 or where windows are too long for them.
    """

    mean: float | None
    low: float | None
    high: float | None
    probability: float | None
    confidence: float | None
    n: int
    effective_n: float | None
    error_rate: float

    @property
    def proposes(self) -> bool:
        """Whether the difference is above 0 at the stated error rate of one look, and the interval says so too."""
        return (
            self.probability is not None
            and self.low is not None
            and self.probability >= 1 - self.error_rate
            and self.low > 0
        )


def improvement(
    differences: Sequence[float] | Floats,
    *,
    generator: np.random.Generator,
    error_rate: float = 0.05,
    overlap: int = 0,
) -> Improvement:
    """Judge ``differences``, one a session in order of time: what was chosen less the incumbent, out of fold.

    The choice must not have seen these sessions; then it does not matter from how many candidates it was made,
    and a way of choosing that has no edge is proposed with probability ``error_rate``, asymptotically in the sessions.

    Args:
        overlap: how many sessions the longest outcome window has in common with those of the next sessions.

    Raises:
        LearningError: a difference that is not finite, a negative overlap, or an error rate outside 0 to 0.5.
    """
    if not 0 < error_rate < 0.5:
        raise LearningError(f"the error rate must lie between 0 and 0.5, not {error_rate}")
    values = np.asarray(differences, dtype=np.float64)
    error = mean_error(values, overlap=overlap)
    interval = mean_interval(values, generator=generator, confidence=1 - 2 * error_rate)
    if interval is None or error is None:
        mean = float(values.mean()) if len(values) else None
        return Improvement(mean, None, None, None, None, len(values), None, error_rate)
    effective = float(len(values))
    if error.error > 0:
        effective = min(float(values.var(ddof=1)) / error.error**2, effective)
    probability = error.above(interval.mean)
    return Improvement(
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        probability=probability,
        confidence=at_every_look(probability, len(values), error_rate=error_rate),
        n=len(values),
        effective_n=effective,
        error_rate=error_rate,
    )


def at_every_look(probability: float, sessions: int, *, error_rate: float) -> float:
    """1 - p, one-sided, of the sequence that is tightest at ``TIGHTEST_AT`` sessions; ½ where the mean is not above 0.

    Of 500 series without an edge, looked at weekly through six windows that rolled on, 81 were believed at 5 % in each,
    and 16 where each window had its part by ``learning.spending`` (tests/learning/test_improvement.py).

    The mean in units of its error is the Normal quantile of ``probability``: so the error's degrees of freedom count.
    """
    if probability <= 0.5:
        return 0.5
    score = float(ndtri(min(probability, 1 - 1e-16))) * math.sqrt(sessions)
    rho = tightest_at(TIGHTEST_AT, alpha=2 * error_rate)
    return 1 - anytime_p_value(score, sessions, rho=rho) / 2
