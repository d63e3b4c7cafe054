"""What each session would have earned under each score threshold, all at once."""

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError
from learning.rewards import SCALE

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def threshold_sums(
    scores: Floats, rewards: Floats, sessions: Integers, *, thresholds: Floats
) -> tuple[Integers, Floats]:
    """The numbers of the sessions (sessions,), rising, and what they earned by threshold (sessions, thresholds).

    A session earns the sum of the rewards of its units whose score is the threshold or more; the others were not
    bought, and that is a real 0. Judge thresholds by this sum, or its mean over sessions or units, never by the
    mean over what was bought: where higher scores have higher returns, that mean rises up to the highest threshold,
    however little is left to buy (design: unit_pnl).

    Rewards are counted in whole 1e-6, so the order of the rows changes no bit. One sort and one running sum
    serve all thresholds.

    Args:
        scores, rewards, sessions: of shape (units,). A unit's reward is size x net return, had it been bought.
        thresholds: of shape (thresholds,), any order.

    Raises:
        LearningError: shapes that differ, or a number that is missing: leave its unit out of all thresholds.

    >>> threshold_sums(np.array([0.2, 0.7]), np.array([0.03, 0.01]), np.array([5, 5]), thresholds=np.array([0.5, 0.1]))
    (array([5]), array([[0.01, 0.04]]))
    """
    _check(scores, rewards, sessions, thresholds)
    numbers, places = np.unique(sessions, return_inverse=True)
    order = np.argsort(thresholds, kind="stable")
    passed = np.searchsorted(thresholds[order], scores, side="right")
    width = len(thresholds) + 1
    cells = np.bincount(
        places * width + passed, weights=np.rint(rewards * SCALE), minlength=len(numbers) * width
    ).reshape(-1, width)
    sums = np.empty((len(numbers), len(thresholds)))
    sums[:, order] = cells[:, :0:-1].cumsum(axis=1)[:, ::-1] / SCALE
    return numbers, sums


def _check(scores: Floats, rewards: Floats, sessions: Integers, thresholds: Floats) -> None:
    if not (scores.ndim == thresholds.ndim == 1 and scores.shape == rewards.shape == sessions.shape):
        shapes = ", ".join(str(one.shape) for one in (scores, rewards, sessions))
        raise LearningError(f"scores, rewards and sessions must have one shape (units,), not {shapes}")
    for name, numbers in (("score", scores), ("reward", rewards), ("threshold", thresholds)):
        if not np.isfinite(numbers).all():
            place = int((~np.isfinite(numbers)).argmax())
            raise LearningError(f"{name} {place} is {numbers[place]}: leave a unit out of which something is unknown")
