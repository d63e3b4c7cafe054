"""One belief a regime, each borrowing from the others as far as regimes have been alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learning.beta import Beta, beta_like, beta_prior
from learning.errors import LearningError
from learning.symmetric import inverses, pseudo_inverses

Floats = NDArray[np.float64]


def between_regimes(precisions: Floats, weighed: Floats) -> Floats:
    """tau^2, the variance between regimes of one arm's value, by the method of moments, of shape (...).

    Cochran's Q about the pooled estimate, less what noise alone would give, over its slope in tau^2, and 0 where that
    is negative: DerSimonian and Laird (1986), for vectors Jackson, White and Riley (2013) with tau^2 I between regimes.
    Chosen above restricted likelihood because it has a closed form for all allocations at once, asks for no normality
    of the values, and takes singular precisions. One tau serves all arms, since a handful of regimes tells little about
    each arm's own. Where fewer than two regimes measured anything it is 0.

    Args:
        precisions: of shape (..., regimes, k, k), the inverse covariance of what each regime measured, 0 for nothing.
        weighed: of shape (..., regimes, k), the precision times the estimate.

    Raises:
        LearningError: shapes that do not fit, or a value that is not finite.
    """
    _check(precisions, weighed)
    pooled, total = precisions.sum(axis=-3), weighed.sum(axis=-2)
    each, inverse = pseudo_inverses(precisions, rcond=1e-10), pseudo_inverses(pooled, rcond=1e-10)
    within = np.einsum("...ri,...rij,...rj->...", weighed, each, weighed)
    excess = within - np.einsum("...i,...ij,...j->...", total, inverse, total)
    freedom = _trace(precisions @ each).sum(axis=-1) - _trace(pooled @ inverse)
    slope = _trace(pooled) - _trace(inverse @ (precisions @ precisions).sum(axis=-3))
    informative = slope > 1e-9 * _trace(pooled)
    return np.where(informative, np.maximum(excess - freedom, 0.0) / np.where(informative, slope, 1.0), 0.0)


def borrowed(
    precisions: Floats, weighed: Floats, *, prior_sd: float, tau: Floats | float, prior_mean: Floats | float = 0.0
) -> tuple[Floats, Floats]:
    """Means (..., regimes, k) and covariances (..., regimes, k, k) of the values in each regime, given all of them.

    Values of a regime are N(mu, tau^2 I), mu is N(prior_mean, prior_sd^2 I). tau 0 pools regimes completely; the larger
    tau, the less they tell each other. That tau was estimated is not counted into the covariance (empirical Bayes).
    For independent arms hand in diagonal precisions, 1 / variance of each arm's mean.

    Args:
        precisions, weighed: as for ``between_regimes``; leading dimensions are allocations.
        tau: of shape (...) or one for all.

    Raises:
        LearningError: as ``between_regimes``, or ``prior_sd`` is not positive or ``tau`` negative.

    >>> means, _ = borrowed(np.array([[[4.0]], [[0.0]]]), np.array([[0.8], [0.0]]), prior_sd=1.0, tau=0.5)
    >>> means.round(6).tolist()
    [[0.166667], [0.133333]]
    """
    _check(precisions, weighed)
    squared = np.asarray(tau, dtype=np.float64)[..., None, None, None] ** 2
    if not (prior_sd > 0 and np.isfinite(prior_sd) and np.isfinite(squared).all() and np.min(tau) >= 0):
        raise LearningError(f"prior_sd must be positive and tau at least 0, not {prior_sd} and {tau}")
    unit = np.eye(precisions.shape[-1])
    # Given mu, values are N(spread (weighed + mu / tau^2), spread) with spread = tau^2 kept.
    kept = inverses(unit + squared * precisions)
    common = inverses(unit / prior_sd**2 + (kept @ precisions).sum(axis=-3))
    learned = prior_mean / prior_sd**2 + np.einsum("...rij,...rj->...i", kept, weighed)
    mean = np.einsum("...ij,...j->...i", common, learned)[..., None, :]
    means = np.einsum("...rij,...rj->...ri", kept, mean + squared[..., 0] * weighed)
    covariances = squared * kept + kept @ common[..., None, :, :] @ np.swapaxes(kept, -1, -2)
    return means, (covariances + np.swapaxes(covariances, -1, -2)) / 2


def win_rates(wins: Floats, losses: Floats, *, tau: Floats | float) -> Beta:
    """Belief about win rates (..., regimes, arms): what the other regimes say of an arm, then its own wins and losses.

    The others' mean rates are taken as in ``borrowed``, for one arm by itself: rates of a regime ~ N(mu, tau^2), mu as
    wide as the uniform distribution. What that predicts for this regime becomes the Beta prior of the same mean and
    variance (no wider than one pseudo-unit is); own wins and losses are then counted exactly. For stationary settings,
    where levels may be pooled.

    Args:
        wins, losses: of shape (..., regimes, arms), aged or not.
        tau: of shape (...) or one for all, above 0: with 0 a regime seen often would fix the others for ever.

    Raises:
        LearningError: a negative or not finite count, or a tau that is not positive.
    """
    spread = np.asarray(tau, dtype=np.float64)[..., None, None] ** 2
    if not (np.isfinite(spread).all() and (np.asarray(tau) > 0).all()):
        raise LearningError(f"tau, by how much regimes differ, must be positive, not {tau}")
    beta_prior(1, 1).after(wins, losses)  # refuses what cannot be counted before it is divided by
    rates, precisions = measured_rates(wins, losses)
    told = precisions / (1 + precisions * spread)
    heard, weighed = told.sum(axis=-2, keepdims=True) - told, (told * rates).sum(axis=-2, keepdims=True) - told * rates
    units = 12 + heard
    return beta_like((6 + weighed) / units, 1 / units + spread).after(wins, losses)


def measured_rates(wins: Floats, losses: Floats) -> tuple[Floats, Floats]:
    """Win rates and their precisions, of the shape of ``wins``, with one win and one loss more (Agresti, Coull 1998).

    A rate of which nothing was seen has precision 0.
    """
    units = wins + losses
    rates = (wins + 1) / (units + 2)
    return rates, units / (rates * (1 - rates))


def _trace(matrices: Floats) -> Floats:
    return np.asarray(np.trace(matrices, axis1=-2, axis2=-1))


def _check(precisions: Floats, weighed: Floats) -> None:
    if precisions.ndim < 3 or precisions.shape != (*weighed.shape, weighed.shape[-1]):
        raise LearningError(
            f"precisions (..., regimes, k, k) must fit weighed (..., regimes, k), "
            f"not {precisions.shape} and {weighed.shape}"
        )
    if not (np.isfinite(precisions).all() and np.isfinite(weighed).all()):
        raise LearningError("a precision or weighed estimate is not finite; where nothing was measured both are 0")
