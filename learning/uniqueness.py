"""How much of each window is its own, where windows of one group overlap: average uniqueness."""

import math

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SHARES = 2**45
"""One session's uniqueness counts in so many parts: whole numbers, so that no group's sums touch another's."""

LONGEST = 2**18
"""Windows have fewer sessions than this, or their sum would leave 64 bits."""


def average_uniqueness(groups: Integers, starts: Integers, stops: Integers) -> Floats:
    """The mean over each window's sessions of 1 / (windows of its group that are open then), of shape (windows,).

    López de Prado (2018, chapter 4): 1 for a window that nothing overlaps, 1/3 for each of three windows over the same
    sessions. Exact to 1e-13, and the same bits whatever the order and the other groups.

    Args:
        groups: of shape (windows,), what can overlap, such as an instrument.
        starts, stops: of shape (windows,), the numbers of the first and the last session.

    Raises:
        LearningError: shapes that differ, or a window that ends before it starts or has 2**18 sessions.

    >>> average_uniqueness(np.array([7, 7, 9]), np.array([0, 1, 0]), np.array([1, 2, 5]))
    array([0.75, 0.75, 1.  ])
    """
    _check(groups, starts, stops)
    owners, moments = np.concatenate([groups, groups]), np.concatenate([starts, stops + 1])
    order = np.lexsort((moments, owners))
    opened = np.repeat(np.array([1, -1]), len(groups))[order].cumsum()
    parts = np.where(opened > 0, np.rint(SHARES / np.maximum(opened, 1)), 0).astype(np.uint64)
    passing = parts[:-1] * np.diff(moments[order]).astype(np.uint64)
    passed = np.zeros(len(order), dtype=np.uint64)
    passed[order[1:]] = passing.cumsum()
    return (passed[len(groups) :] - passed[: len(groups)]) / ((stops + 1 - starts) * float(SHARES))


def effective_n(uniqueness: Floats) -> float:
    """As how many windows without any overlap these count: the sum of their uniqueness."""
    return math.fsum(uniqueness)


def _check(groups: Integers, starts: Integers, stops: Integers) -> None:
    if not (groups.ndim == 1 and groups.shape == starts.shape == stops.shape):
        shapes = ", ".join(str(array.shape) for array in (groups, starts, stops))
        raise LearningError(f"groups, starts and stops must have one shape (windows,), not {shapes}")
    wrong = np.flatnonzero((stops < starts) | (stops - starts >= LONGEST - 1))
    if len(wrong):
        start, stop = starts[wrong[0]], stops[wrong[0]]
        raise LearningError(
            f"window {wrong[0]} is from session {start} to {stop}: 1 to {LONGEST - 1:,} sessions are needed"
        )
