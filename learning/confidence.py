"""An interval that may be looked at after every session: the normal-mixture confidence sequence.

For a sum S of centred increments with intrinsic variance V, the probability that |S| ever exceeds
sqrt((V + rho) log((V + rho) / (rho alpha^2))) is at most alpha (Robbins 1970; Howard et al. 2021). That
is exact for normal increments of known variance. Where the variance is estimated and rewards are not
normal, it holds asymptotically (Waudby-Smith et al. 2021): rely on it from about 100 units an arm on.
"""

import math

from scipy.special import lambertw, ndtri

from learning.errors import LearningError


def boundary(variance: float, *, alpha: float, rho: float) -> float:
    """What |S| stays under at all variances V at once, except with probability ``alpha``."""
    _check(alpha)
    return math.sqrt((variance + rho) * math.log((variance + rho) / (rho * alpha**2)))


def tightest_at(variance: float, *, alpha: float) -> float:
    """The rho whose boundary is tightest at this V (Howard et al. 2021).

    V / (-W(-alpha^2 / e) - 1), with the branch -1 of Lambert's W.
    """
    _check(alpha)
    branch: complex = lambertw(-(alpha**2) / math.e, k=-1)  # type: ignore[no-untyped-call]
    return float(variance / (-branch.real - 1))


def anytime_p_value(score: float, variance: float, *, rho: float) -> float:
    """The least alpha whose boundary at V is passed by S; at most 1. Valid at every look, also the luckiest."""
    exponent = (math.log((variance + rho) / rho) - score**2 / (variance + rho)) / 2
    return math.exp(min(exponent, 0.0))


def information_to_find(effect: float, *, alpha: float, power: float) -> float:
    """V at which a drift of ``effect`` (standard deviations a unit of V) is outside with probability ``power``.

    By one look at V, with the boundary tightest there. With two arms V is the sum of n_a n_b / (n_a + n_b).
    """
    if not (effect > 0 and 0 < power < 1):
        raise LearningError(f"an effect above 0 and a power between 0 and 1 are needed, not {effect}, {power}")
    return float(((boundary(1.0, alpha=alpha, rho=tightest_at(1.0, alpha=alpha)) + ndtri(power)) / effect) ** 2)


def _check(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise LearningError(f"alpha must lie between 0 and 1, not {alpha}")
