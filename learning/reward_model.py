"""What each arm is expected to earn a unit, from units that are not it: the model of doubly robust estimators."""

import numpy as np

from learning.errors import LearningError
from learning.importance import Floats, Integers

FOLDS = 5

BORROWED = 10.0
"""As if so many more units of each arm had earned the mean of all arms."""


def cross_fitted_means(arms: Integers, rewards: Floats, sessions: Integers, *, k: int, folds: int = FOLDS) -> Floats:
    """Predicted rewards (n x k): for each unit the mean of each arm in sessions of other folds, shrunk to that of all.

    Sessions are dealt out to the folds in turn, so no unit's session is in what predicts it (Chernozhukov 2018).

    Args:
        arms: the place of each unit's arm (n).
        rewards: what each unit earned (n).
        sessions: a number of each unit's session (n).

    Raises:
        LearningError: shapes that differ, a place outside 0 to ``k`` - 1, a reward that is not finite, or fewer than
            two folds.
    """
    n = len(arms)
    if not arms.shape == rewards.shape == sessions.shape == (n,) or n == 0:
        raise LearningError(f"arms, rewards and sessions (n) are needed: {arms.shape, rewards.shape, sessions.shape}")
    if not 0 <= arms.min() <= arms.max() < k:
        raise LearningError(f"there are arms 0 to {k - 1}, and one is {arms.min()} or {arms.max()}")
    if not np.isfinite(rewards).all():
        raise LearningError("a reward is not finite; leave units with an unknown reward out")
    if folds < 2:
        raise LearningError(f"what is predicted must not be fitted on: at least 2 folds, not {folds}")
    _, places = np.unique(sessions, return_inverse=True)
    fold = places % folds
    counts, sums = np.zeros((2, folds, k))
    np.add.at(counts, (fold, arms), 1)
    np.add.at(sums, (fold, arms), rewards)
    counts, sums = counts.sum(axis=0) - counts, sums.sum(axis=0) - sums
    units = counts.sum(axis=1, keepdims=True)
    overall = np.divide(sums.sum(axis=1, keepdims=True), units, out=np.zeros_like(units), where=units > 0)
    return np.asarray(((sums + BORROWED * overall) / (counts + BORROWED))[fold])
