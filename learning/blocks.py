"""Whether two things go together, tested on blocks of sessions, whatever the examples within a block share."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr
from scipy.stats import rankdata

from learning.errors import LearningError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEAST = 5
"""Fewer blocks than this are no test."""


def block_p_value(feature: Floats, outcome: Floats, *, sessions: Integers, length: int) -> float | None:
    """The two-sided p-value of no association between two columns of ranks; None with fewer than 5 blocks.

    Examples of one day rise and fall together, and windows overlap, so examples are no independent cases; blocks
    of sessions longer than an outcome's window nearly are. Each block has one number: the sum over its examples of
    the products of both deviations from their mean ranks. Their mean is tested with t, one degree of freedom less than
    there are blocks (Ibragimov & Müller 2010), which holds for few blocks and for such of unequal spread.

    Args:
        feature, outcome: of shape (examples,); NaN in either leaves the example out.
        sessions: of shape (examples,), the number of the session that each came in.
        length: how many sessions are one block, counted from the first.

    Raises:
        LearningError: shapes that differ, or a length below 1.

    >>> block_p_value(np.arange(3.0), np.arange(3.0), sessions=np.arange(3), length=1) is None
    True
    """
    if not (feature.ndim == 1 and feature.shape == outcome.shape == sessions.shape) or length < 1:
        shapes = ", ".join(str(array.shape) for array in (feature, outcome, sessions))
        raise LearningError(f"one shape (examples,) and a length of 1 or more are needed, not {shapes} and {length}")
    known = ~(np.isnan(feature) | np.isnan(outcome))
    if not known.any():
        return None
    _, blocks = np.unique((sessions[known] - sessions[known].min()) // length, return_inverse=True)
    left, right = rankdata(feature[known]), rankdata(outcome[known])
    sums = np.bincount(blocks, weights=(left - left.mean()) * (right - right.mean()))
    if len(sums) < LEAST:
        return None
    spread = float(sums.std(ddof=1))
    if not spread > 0:
        return 1.0
    distance = abs(float(sums.mean())) / spread * np.sqrt(len(sums))
    return min(1.0, 2 * float(stdtr(len(sums) - 1, -distance)))
