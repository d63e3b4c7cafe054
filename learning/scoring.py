"""From what a regression believes to the next weights of a score, within bounds and the daily budget of change."""

import numpy as np
from scipy.special import ndtr

from learning.errors import LearningError
from learning.moments import Floats
from learning.regression import Regression
from learning.simplex import daily_bounds, project


def next_weights(
    fit: Regression, *, old: Floats, lower: Floats | float, upper: Floats | float, cap: Floats | float
) -> Floats:
    """The weights (d) of a score sum(w x) that ``fit`` suggests, as near as one day's change may come to them.

    Wanted is the expected positive part of each feature's slope, m Phi(m/s) + s phi(m/s) for a slope N(m, s^2) in the
    feature's own unit, scaled to the sum of ``old``. A feature that surely points down wants 0; with nothing known
    features of equal spread want equal weights. Then the exact projection: the sum stays, bounds and cap hold.

    Args:
        old: the weights in force, of shape (d,).
        lower, upper: bounds of each weight. cap: the largest absolute change a day.

    Raises:
        LearningError: not one old weight for each feature, no positive sum, or bounds that cannot be reached today.
    """
    width = len(fit.scaling.fills)
    if old.shape != (width,) or not (np.isfinite(old).all() and old.sum() > 0):
        raise LearningError(f"each of {width} features needs an old weight, with a positive sum, not {old.tolist()}")
    low, high = daily_bounds(old, lower=lower, upper=upper, cap=cap)
    wanted = _positive_slopes(fit, width)
    total = float(old.sum())
    return project(wanted / wanted.sum() * total if wanted.sum() > 0 else old, lower=low, upper=high, total=total)


def _positive_slopes(fit: Regression, width: int) -> Floats:
    """E max(slope, 0) by feature; 0 for one that never varied: nothing says what it is worth."""
    scales = fit.scaling.scales[:width]
    inverse = np.where(scales > 0, 1 / np.where(scales > 0, scales, 1.0), 0.0)
    means = fit.coefficients[:width] * inverse
    spreads = np.sqrt(fit.covariance.diagonal()[:width]) * inverse
    ratios = np.divide(means, spreads, out=np.zeros(width), where=spreads > 0)
    expected: Floats = means * ndtr(ratios) + spreads * np.exp(-(ratios**2) / 2) / np.sqrt(2 * np.pi)
    return np.maximum(expected, 0.0)
