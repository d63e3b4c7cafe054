"""How much may be tried so that trying never costs more than a stated part of what the baseline earns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from learning.confidence import boundary, tightest_at
from learning.errors import LearningError
from learning.mean_error import mean_error
from learning.rewards import SCALE, RewardSum

Floats = NDArray[np.float64]

TIGHTEST_AT = 100
"""Sessions at which the bound of what the baseline earns is tightest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What was played so far against the baseline.

    ``units`` are those of all arms so far, ``gained`` (in reward x units) is a lower confidence bound of the units of
    each other arm times its difference to the baseline, summed: see ``gained_at_least``. ``baseline`` (reward a unit)
    is a lower confidence bound of what the baseline earns.
    """

    units: int
    gained: float
    baseline: float


def conservative_cap(record: Record, *, ahead: int, worst: float, alpha: float) -> float:
    """The largest fraction of the ``ahead`` coming units that may go to arms other than the baseline.

    A conservative bandit (Wu et al. 2016; Kazerouni et al. 2017) keeps, with B the baseline's mean reward and d each
    arm's difference to it,  sum over all units played of the mean reward of the arm >= (1 - alpha) x units x B.
    In differences that is  sum of d >= -alpha x units x B, and what moves all arms alike has cancelled. The cap is what
    keeps it after the coming units, too, if each of the others' earned ``worst`` less than the baseline's:
    (gained + alpha (units + ahead) baseline) / (ahead x -worst), within 0 to 1.

    Guarantee: if ``gained``, ``baseline`` and ``worst`` are lower bounds of the truth at every look, all together and
    except with probability delta, and the cap was kept at every look, then, except with the same probability delta, the
    cumulative mean reward is at least (1 - alpha) times the baseline's at every look. Coming units are counted by
    their shares: where a lot assigns more of them than its share says, the surplus is in ``gained`` at the next look,
    no earlier. Mean rewards are meant, not realised ones, which chance alone takes below any line. Where the baseline
    is not surely above 0, no loss is allowed, and what is kept is the baseline's whole reward: then only what the
    others have surely gained may be spent.

    Args:
        worst: lower confidence bound (reward a unit) of the difference of any arm that may be tried; at the start, what
            nobody doubts, such as -2 times the bound of the rewards.

    Raises:
        LearningError: no coming units, a negative count, alpha outside 0 to 1, or a bound that is not finite.

    >>> conservative_cap(Record(units=1_000, gained=-0.2, baseline=0.01), ahead=50, worst=-0.1, alpha=0.05)
    0.065
    """
    if ahead <= 0 or record.units < 0:
        raise LearningError(f"a cap is for coming units, after at least 0 others, not for {ahead} after {record.units}")
    if not 0 <= alpha <= 1:
        raise LearningError(f"alpha is the part of the baseline's reward that may be lost, 0 to 1, not {alpha}")
    if not all(math.isfinite(bound) for bound in (record.gained, record.baseline, worst)):
        raise LearningError(
            f"bounds must be finite: gained {record.gained}, baseline {record.baseline}, worst {worst}; where nothing "
            "is known yet, hand in what nobody doubts"
        )
    room = record.gained + alpha * (record.units + ahead) * max(record.baseline, 0.0)
    if room < 0:
        return 0.0
    return 1.0 if worst >= 0 else min(1.0, room / (ahead * -worst))


def gained_at_least(units: Floats, lower: Floats) -> float:
    """A lower bound of what the other arms gained on the baseline together, in reward x units.

    Args:
        units: of shape (arms,), how many units each other arm was given.
        lower: of shape (arms,), lower confidence bounds of each arm's difference to the baseline. For a guarantee at
            every look they must hold at every look, together: the ``low`` of the gate's evidence with alpha / arms. It
            is two-sided, so the bound below fails half as often.

    Raises:
        LearningError: shapes that differ, a negative count, or an arm with units whose bound is not finite.
    """
    units, lower = np.asarray(units, dtype=np.float64), np.asarray(lower, dtype=np.float64)
    if units.ndim != 1 or units.shape != lower.shape or not (units >= 0).all():
        raise LearningError(f"each arm needs a count of units and a bound, not {units} and {lower}")
    if not np.isfinite(lower[units > 0]).all():
        raise LearningError(f"an arm was given units, but its bound is not finite: {lower}; use what nobody doubts")
    return math.fsum(count * bound for count, bound in zip(units, lower, strict=True) if count > 0)


def within_cap(shares: list[int], *, baseline_index: int, cap: float) -> list[int]:
    """Integer shares, those that are not the baseline's scaled down to at most ``cap`` together; it has the rest.

    Rounded down, so that the cap is never passed; shares within it stay as they are.

    Raises:
        LearningError: a cap outside 0 to 1, or no such arm.

    >>> within_cap([300, 100, 9600], baseline_index=2, cap=0.02)
    [150, 50, 9800]
    """
    if not 0 <= cap <= 1:
        raise LearningError(f"a cap is a fraction, not {cap}")
    if not 0 <= baseline_index < len(shares):
        raise LearningError(f"there is no arm {baseline_index} among {len(shares)}")
    total = sum(shares)
    tried = total - shares[baseline_index]
    limit = math.floor(cap * total + 1e-9)
    if tried <= limit:
        return list(shares)
    scaled = [share * limit // tried for share in shares]
    scaled[baseline_index] = 0
    scaled[baseline_index] = total - sum(scaled)
    return scaled


def earned_at_least(sessions: Sequence[RewardSum], *, error_rate: float, overlap: int) -> float | None:
    """A lower bound, for looking at again and again, of what a unit earns on average (reward a unit).

    The units of a session move together, and sessions whose windows overlap resemble each other: so the mean is that of
    all units, its error that of the sessions' sums about it (``mean_error``), with its degrees of freedom, the bound
    the normal-mixture confidence sequence over sessions, one-sided (``confidence.boundary``), tightest at
    ``TIGHTEST_AT``. It holds asymptotically (tests/learning). None where ``mean_error`` has no answer.

    Args:
        sessions: whole ones, in their order; those without units are left out.
        overlap: over how many sessions a unit's reward is measured.

    Raises:
        LearningError: an error rate outside 0 to 0.5, or a negative overlap.
    """
    if not 0 < error_rate < 0.5:
        raise LearningError(f"the error rate must lie between 0 and 0.5, not {error_rate}")
    played = [sums for sums in sessions if sums.n > 0]
    units = sum(sums.n for sums in played)
    mean = sum(sums.total for sums in played) / (max(units, 1) * SCALE)
    apart = np.array([sums.total / SCALE - mean * sums.n for sums in played])
    error = mean_error(apart, overlap=overlap)
    if error is None:
        return None
    count = len(played)
    rho = tightest_at(TIGHTEST_AT, alpha=2 * error_rate)
    normal = boundary(count, alpha=2 * error_rate, rho=rho) / math.sqrt(count)
    return mean - float(stdtrit(error.freedom, ndtr(normal))) * error.error * count / units
