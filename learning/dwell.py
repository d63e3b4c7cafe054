"""Which arms take part, and when new shares are worth a change: so that shares do not flutter."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from learning.errors import LearningError
from learning.shares import integer_shares

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dwell:
    """When shares may change.

    New ones are taken once those in force were for ``minimum_sessions``, and if the share of some arm moves by more
    than ``least_change`` (in the units of shares, 1/10,000). With 0 and 0 they always are.
    """

    minimum_sessions: int
    least_change: int

    def __post_init__(self) -> None:
        """Refuse what is below 0."""
        if min(self.minimum_sessions, self.least_change) < 0:
            raise LearningError(f"a dwell is at least 0 sessions and a change at least 0: {self!r}")


def settled(
    proposed: Sequence[int], in_force: Sequence[int], *, baseline_index: int, sessions: int, cap: int, dwell: Dwell
) -> list[int]:
    """The shares to go on with: ``proposed``, or still those in force.

    Caution does not wait: whatever the dwell, ``proposed`` is taken when it stops an arm other than the baseline (a
    share above 0 becomes 0), or when those in force give away more than ``cap``. With a floor for every arm that takes
    part, none is ever stopped by rounding.

    Args:
        proposed, in_force: shares of the same arms in the same order, with the same sum.
        sessions: for how many sessions those in force have been.
        cap: what the other arms together may have now, by budget and guard, in the units of shares.

    Raises:
        LearningError: shares that do not fit each other, or ``proposed`` gives away more than ``cap``.

    >>> rule = Dwell(minimum_sessions=5, least_change=100)
    >>> settled([400, 9600], [250, 9750], baseline_index=1, sessions=4, cap=500, dwell=rule)
    [250, 9750]
    >>> settled([400, 9600], [250, 9750], baseline_index=1, sessions=5, cap=500, dwell=rule)
    [400, 9600]
    """
    if len(proposed) != len(in_force) or sum(proposed) != sum(in_force) or min(*proposed, *in_force) < 0:
        raise LearningError(f"shares of the same arms must have the same sum: {list(proposed)}, {list(in_force)}")
    if not 0 <= baseline_index < len(proposed):
        raise LearningError(f"there is no arm {baseline_index} among {len(proposed)}")
    whole = sum(proposed)
    if whole - proposed[baseline_index] > cap:
        raise LearningError(f"the proposed shares {list(proposed)} give away more than {cap}: cap them first")
    pairs = list(zip(proposed, in_force, strict=True))
    stops = any(new == 0 < old for place, (new, old) in enumerate(pairs) if place != baseline_index)
    moves = max(abs(new - old) for new, old in pairs) > dwell.least_change
    if stops or whole - in_force[baseline_index] > cap or (moves and sessions >= dwell.minimum_sessions):
        return list(proposed)
    return list(in_force)


def worse_than_baseline(mean: Floats, variance: Floats, *, margin: float, probability: float) -> Flags:
    """Which arms to drop: worse than the baseline by more than ``margin`` with at least ``probability``.

    Args:
        mean, variance: of one shape, the normal belief about each arm's difference to the baseline; the variance is the
            diagonal of a ``Posterior``'s covariance. Looked at daily, a belief crosses a bound now and then that it
            would not keep: choose the probability high, .99 rather than .9.
        margin: at least 0, in reward.

    Raises:
        LearningError: shapes or values that do not fit, a negative margin, or a probability not above ½ and below 1.

    >>> worse_than_baseline(np.array([-0.03, -0.03]), np.array([1e-4, 1e-6]), margin=0.01, probability=0.99)
    array([False,  True])
    """
    mean, variance = np.asarray(mean, dtype=np.float64), np.asarray(variance, dtype=np.float64)
    if mean.shape != variance.shape or not (np.isfinite(mean) & np.isfinite(variance) & (variance >= 0)).all():
        raise LearningError(f"each finite mean needs a variance of at least 0, not {mean} and {variance}")
    if not (margin >= 0 and 0.5 < probability < 1):
        raise LearningError(f"a margin of at least 0 and a probability of ½ to 1 are needed: {margin}, {probability}")
    below = -margin - mean
    exact = variance == 0
    worse = np.where(exact, (below > 0).astype(np.float64), ndtr(below / np.sqrt(np.where(exact, 1.0, variance))))
    return np.asarray(worse >= probability)


def out_of_shadow(sessions_in_shadow: Sequence[int], *, minimum: int) -> Flags:
    """Which arms may have a share: those that have been in shadow (share 0, watched only) for ``minimum`` sessions.

    Raises:
        LearningError: a negative number of sessions.
    """
    sessions = np.asarray(sessions_in_shadow, dtype=np.int64)
    if minimum < 0 or (sessions < 0).any():
        raise LearningError(f"sessions in shadow are counted from 0: {list(sessions_in_shadow)}, minimum {minimum}")
    return sessions >= minimum


def shares_of_those(
    taking_part: Flags,
    probabilities: Floats,
    *,
    baseline_index: int,
    budget: float,
    floor: float,
) -> list[int]:
    """Integer shares, 0 for the arms that do not take part; see ``integer_shares`` for the others.

    Args:
        taking_part: of shape (arms,); the baseline always does.
        probabilities: of being best (or of top-two), of shape (taking part,), of the arms that take part and no others,
            in the order of all: hand only their means and covariances to ``probability_best``.

    Raises:
        LearningError: the baseline does not take part, the numbers of arms differ, or as ``integer_shares``.

    >>> shares_of_those(np.array([True, False, True]), [0.5, 0.5], baseline_index=2, budget=0.05, floor=0.005)
    [500, 0, 9500]
    """
    present = np.flatnonzero(taking_part)
    if baseline_index not in present:
        raise LearningError(f"the baseline, arm {baseline_index}, must take part: {list(taking_part)}")
    if len(present) != len(probabilities):
        raise LearningError(f"{len(present)} arms take part, so {len(probabilities)} probabilities do not fit")
    place = int(np.searchsorted(present, baseline_index))
    shares = [0] * len(taking_part)
    split = integer_shares(probabilities, baseline_index=place, budget=budget, floor=floor)
    for arm, share in zip(present, split, strict=True):
        shares[arm] = share
    return shares
