"""Splits of history into what a choice may be made from and what it is judged on, without a look ahead."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError

Integers = NDArray[np.int64]

LONGEST_HORIZON = 30
"""Sessions: the longest of the usual horizons."""


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Row numbers to choose from (``train``) and to judge on (``test``), of sessions ``first`` to ``last``.

    ``overlap`` is how many sessions any outcome window shares with that of the session after it, at the most.
    """

    first: int
    last: int
    train: Integers
    test: Integers
    overlap: int


def walk_forward(
    starts: Integers,
    ends: Integers,
    *,
    warm_up: int,
    block: int,
    embargo: int = LONGEST_HORIZON,
    minimum: int = 100,
) -> list[Fold]:
    """Folds in order of time: each is judged on a block of sessions and chosen from what was *known* before it.

    Purged: a row is trained on only if its outcome window has ended before the block's first session (López de Prado
    2018, chapter 7). So no training window overlaps a test window, and the learner stands where it would have stood on
    that day. Embargoed: after a block so many sessions pass before the next block begins. With the
    longest horizon, no outcome is judged twice and the blocks share no session of any window. Rows of these sessions
    are trained on later, once they are known.

    Args:
        starts, ends: of shape (rows,), numbers of the first and the last session of each row's outcome window: its
            assignment, and its horizon. Any order.
        warm_up: so many sessions from the first on are never judged.
        block: sessions in a test block; the last one may be shorter.
        minimum: folds with fewer rows to train on are left out, as are those with none to judge.

    Raises:
        LearningError: shapes that differ, a window that ends before it starts, or lengths that are not possible.

    >>> days = np.arange(10)
    >>> folds = walk_forward(days, days + 1, warm_up=4, block=2, embargo=1, minimum=1)
    >>> [(fold.first, fold.last, len(fold.train)) for fold in folds]
    [(4, 5, 3), (7, 8, 6)]
    """
    _check(starts, ends)
    if warm_up < 0 or block < 1 or embargo < 0 or minimum < 1:
        raise LearningError(
            "warm_up and embargo must not be negative, block and minimum at least 1: "
            f"{warm_up}, {embargo}, {block}, {minimum}"
        )
    if not len(starts):
        return []
    latest, overlap, folds = int(starts.max()), int((ends - starts).max()), []
    for first in range(int(starts.min()) + warm_up, latest + 1, block + embargo):
        last = min(first + block - 1, latest)
        train, test = np.flatnonzero(ends < first), np.flatnonzero((starts >= first) & (starts <= last))
        if len(train) >= minimum and len(test):
            folds.append(Fold(first, last, train, test, overlap))
    return folds


def _check(starts: Integers, ends: Integers) -> None:
    if not (starts.ndim == 1 and starts.shape == ends.shape):
        raise LearningError(f"starts and ends must have one shape (rows,), not {starts.shape} and {ends.shape}")
    if not (np.issubdtype(starts.dtype, np.integer) and np.issubdtype(ends.dtype, np.integer)):
        raise LearningError(f"sessions are numbered with whole numbers, not {starts.dtype} and {ends.dtype}")
    if (ends < starts).any():
        row = int((ends < starts).argmax())
        raise LearningError(f"row {row} has a window from session {starts[row]} to {ends[row]}, which ends too early")
