"""What is believed about the differences of arms to their baseline, in each regime."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learning.cohorts import Cohorts, measured
from learning.regimes import between_regimes, borrowed

Floats = NDArray[np.float64]


class Differences(NamedTuple):
    """Normal belief about the differences to the baseline, by allocation and regime.

    ``means`` (allocations, regimes, k), ``covariances`` (allocations, regimes, k, k), and ``tau`` (allocations), the
    standard deviation of an arm's value between regimes.
    """

    means: Floats
    covariances: Floats
    tau: Floats


def within_sessions(cohorts: Cohorts, *, regimes: int, prior_sd: float, weights: Floats | None = None) -> Differences:
    """Differences within each session, pooled over sessions and shrunk toward none: N(0, prior_sd^2) for each arm.

    Args:
        cohorts: of each allocation its ``regimes`` tables, one after the other.
        weights: of shape (sessions,), one for each session's age.

    Raises:
        LearningError: as ``measured`` and ``borrowed``.
    """
    precisions, weighed = measured(cohorts, weights=weights)
    others = weighed.shape[1]
    shape = (len(weighed) // regimes, regimes, others)
    precisions, weighed = precisions.reshape(*shape, others), weighed.reshape(shape)
    tau = np.sqrt(between_regimes(precisions, weighed))
    return Differences(*borrowed(precisions, weighed, prior_sd=prior_sd, tau=tau), tau)
