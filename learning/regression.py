"""Which way each feature points, how strongly, and how sure that is: Bayesian ridge and logistic regression.

A missing feature is filled with its weighted mean over the examples of the fit, and an indicator says that it was
missing. Leaving its examples out would lose most of them where many features have a few holes, and would bias the
rest where holes are not pure chance; the indicator takes up what "missing" itself foretells, and after
standardising the filled value is 0: it says nothing. Fit on the training examples alone, and the fill is theirs.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtr

from learning.errors import LearningError
from learning.moments import CHUNK, Floats, Moments, check, moments

VAGUE = 1e-6
"""Shape and rate of the gamma priors of both precisions (MacKay 1992; scikit-learn's BayesianRidge): nearly flat."""

ROUNDS = 300
CLOSE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """How examples become p standardised columns: the d features, then indicators of those that have holes.

    ``fills`` (d) stand in for missing features; ``holed`` are the places of the features that have an indicator;
    ``means`` and ``scales`` (p) are the columns' weighted means and standard deviations, a scale of 0 where a column
    never varies: that column is 0 throughout.
    """

    fills: Floats
    holed: tuple[int, ...]
    means: Floats
    scales: Floats

    def columns(self, features: Floats) -> Floats:
        """The standardised columns (examples, p) of ``features`` (examples, d; NaN is missing)."""
        missing = np.isnan(features)
        table = np.hstack([np.where(missing, self.fills, features), missing[:, list(self.holed)]])
        made: Floats = (table - self.means) * np.where(self.scales > 0, 1 / np.maximum(self.scales, 1e-300), 0.0)
        return made


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """A normal belief about the coefficients of the standardised columns of ``scaling``.

    ``coefficients`` (p) is what one standard deviation of a column adds to the outcome (ridge) or its log odds
    (logistic), the features first; ``covariance`` is p x p. ``intercept`` is the level at the means of all columns.
    ``prior`` is the precision of the coefficients' prior N(0, 1 / prior); ``noise`` the precision of one example's
    outcome, None for the logistic one.
    """

    scaling: Scaling
    coefficients: Floats
    covariance: Floats
    intercept: float
    prior: float
    noise: float | None
    n: int
    effective_n: float

    @property
    def probabilities_positive(self) -> Floats:
        """The probability (p) that each coefficient is above 0; one half where nothing was learned."""
        found: Floats = ndtr(self.coefficients / np.sqrt(np.maximum(self.covariance.diagonal(), 1e-300)))
        return found

    @property
    def directions(self) -> Floats:
        """1 or -1 by the likelier sign of each feature's coefficient (d), 0 where neither is."""
        directions: Floats = np.sign(self.coefficients[: len(self.scaling.fills)])
        return directions

    def predict(self, features: Floats) -> Floats:
        """The expected outcome (ridge), or the log odds (logistic), of ``features`` (examples, d)."""
        levels: Floats = self.intercept + self.scaling.columns(features) @ self.coefficients
        return levels


def ridge(summed: Moments, *, prior: float | None = None, noise: float | None = None) -> Regression:
    """Bayesian ridge regression (MacKay 1992; Bishop 2006, section 3.5), from moments alone.

    With both precisions given, the closed form: the penalty of a ridge regression is prior / noise. With neither,
    both maximise the evidence; the sum of the weights is then the number of examples, so let a weight be what an
    example is worth (its uniqueness).

    Raises:
        LearningError: fewer than two examples of positive weight, or only one precision, or one that is not positive.
    """
    scaling, gram, reach, spread = _standardised(summed)
    values, vectors = np.linalg.eigh(gram)
    values, turned = values.clip(min=0), vectors.T @ reach
    if prior is None and noise is None:
        prior, noise = _most_evident(values, turned, spread, summed.weight)
    if prior is None or noise is None or not (0 < prior < np.inf and 0 < noise < np.inf):
        raise LearningError(f"give both precisions as positive numbers, or neither: {prior}, {noise}")
    inverse = 1 / (prior + noise * values)
    return Regression(
        scaling=scaling,
        coefficients=vectors @ (noise * inverse * turned),
        covariance=(vectors * inverse) @ vectors.T,
        intercept=float(summed.products[-2, -1] / summed.weight),
        prior=prior,
        noise=noise,
        n=summed.n,
        effective_n=summed.effective_n,
    )


def logistic(features: Floats, wins: Floats, *, prior: float, weights: Floats | None = None) -> Regression:
    """Bayesian logistic regression by Laplace's approximation (Bishop 2006, section 4.5).

    The mode by Newton's method, the covariance from its curvature; the intercept has no prior. Memory: the standardised
    columns, 8 bytes each, a million examples of six features with holes about 100 MB.

    Args:
        features: of shape (examples, d), NaN is missing.
        wins: of shape (examples,), 1 or 0.
        prior: the precision of each standardised coefficient; 1 / C of scikit-learn.
        weights: of shape (examples,), such as average uniqueness.

    Raises:
        LearningError: as ``moments``; other outcomes than 0 and 1 or only one of them, or a prior that is not positive.
    """
    worth = np.ones(len(features)) if weights is None else weights
    check(features, wins, worth)
    if not 0 < prior < np.inf:
        raise LearningError(f"the precision of the prior must be a positive number, not {prior}")
    if not np.isin(wins, (0.0, 1.0)).all() or len(np.unique(wins[worth > 0])) < 2:
        raise LearningError("outcomes must be 1 or 0, and both must have examples of positive weight")
    summed = moments(features, wins, weights=worth)
    scaling, *_ = _standardised(summed)
    share = float(summed.products[-2, -1] / summed.weight)
    odds = _PenalisedOdds(scaling, features, wins, worth=worth, prior=prior)
    level: Floats = np.append(np.zeros(len(scaling.means)), np.log(share / (1 - share)))
    loss, slope, curve = odds.at(level)
    for _ in range(ROUNDS):
        step: Floats = np.asarray(np.linalg.solve(curve, slope), dtype=np.float64)
        if slope @ step < CLOSE * loss:
            break
        level, loss, slope, curve = odds.after(step, level, loss)
    covariance: Floats = np.asarray(np.linalg.inv(curve), dtype=np.float64)[:-1, :-1]
    return Regression(
        scaling=scaling,
        coefficients=level[:-1],
        covariance=covariance,
        intercept=float(level[-1]),
        prior=prior,
        noise=None,
        n=summed.n,
        effective_n=summed.effective_n,
    )


def _standardised(summed: Moments) -> tuple[Scaling, Floats, Floats, float]:
    """The scaling, and of the standardised columns A and the centred outcome b: A'WA, A'Wb and b'Wb."""
    if summed.n < 2 or not summed.weight > 0:
        raise LearningError(f"a regression needs at least two examples of positive weight, not {summed.n}")
    width = len(summed.origin)
    gaps = summed.products[-1, width : 2 * width]
    known = summed.weight - gaps
    moved = np.where(known > 0, summed.products[-1, :width] / np.where(known > 0, known, 1.0), 0.0)
    holed = tuple(int(place) for place in np.flatnonzero(gaps > 0))
    turn = np.zeros((width + len(holed) + 1, 2 * width + 2))
    turn[:width, :width] = np.eye(width)
    turn[:width, width : 2 * width] = np.diag(moved)
    turn[width + np.arange(len(holed)), width + np.array(holed, dtype=int)] = 1.0
    turn[-1, -2] = 1.0
    sums, products = turn @ summed.products[:, -1], turn @ summed.products @ turn.T
    spread = products - np.outer(sums, sums) / summed.weight
    squares, size = spread.diagonal()[:-1], products.diagonal()[:-1]
    scales = np.where(squares > 1e-12 * size, np.sqrt(np.maximum(squares, 0) / summed.weight), 0.0)
    means = sums[:-1] / summed.weight
    means[:width] += summed.origin
    inverse = np.where(scales > 0, 1 / np.where(scales > 0, scales, 1.0), 0.0)
    gram = spread[:-1, :-1] * np.outer(inverse, inverse)
    scaling = Scaling(summed.origin + moved, holed, means, scales)
    return scaling, gram, spread[:-1, -1] * inverse, max(float(spread[-1, -1]), 0.0)


def _most_evident(values: Floats, turned: Floats, spread: float, weight: float) -> tuple[float, float]:
    """Prior and noise precision by MacKay's fixed point, in the directions of the eigenvectors of A'WA."""
    noise, prior = 1 / (spread / weight + float(np.finfo(np.float64).eps)), 1.0
    for _ in range(ROUNDS):
        level = noise * turned / (prior + noise * values)
        misfit = max(spread - 2 * float(level @ turned) + float(level**2 @ values), 0.0)
        known = float((noise * values / (prior + noise * values)).sum())
        before = prior, noise
        prior = (known + 2 * VAGUE) / (float(level @ level) + 2 * VAGUE)
        noise = (weight - known + 2 * VAGUE) / (misfit + 2 * VAGUE)
        if abs(prior - before[0]) <= CLOSE * prior and abs(noise - before[1]) <= CLOSE * noise:
            break
    return prior, noise


class _PenalisedOdds:
    """What Newton's method minimises: minus the logarithm of likelihood and prior. Columns are standardised once."""

    def __init__(self, scaling: Scaling, features: Floats, wins: Floats, *, worth: Floats, prior: float) -> None:
        self._wins, self._worth = wins, worth
        self._penalty = np.append(np.full(len(scaling.means), prior), 0.0)
        self._columns = np.ones((len(wins), len(self._penalty)))
        for start in range(0, len(wins), CHUNK):
            rows = slice(start, start + CHUNK)
            self._columns[rows, :-1] = scaling.columns(features[rows])

    def at(self, level: Floats) -> tuple[float, Floats, Floats]:
        """Loss, its slope and its curvature at ``level``: the coefficients, then the intercept."""
        penalty = self._penalty
        loss, slope, curve = float(penalty @ level**2) / 2, penalty * level, np.diag(penalty)
        for start in range(0, len(self._wins), CHUNK):
            rows = slice(start, start + CHUNK)
            columns, wins, worth = self._columns[rows], self._wins[rows], self._worth[rows]
            odds = columns @ level
            likely = expit(odds)
            loss += float(worth @ (np.logaddexp(0.0, odds) - wins * odds))
            slope = slope + (worth * (likely - wins)) @ columns
            curve = curve + (columns * (worth * likely * (1 - likely))[:, None]).T @ columns
        return loss, slope, curve

    def after(self, step: Floats, level: Floats, loss: float) -> tuple[Floats, float, Floats, Floats]:
        """Level, loss, slope and curvature after a Newton step, halved until the loss does not grow."""
        size = 1.0
        while True:
            there: Floats = level - size * step
            lower, slope, curve = self.at(there)
            if lower <= loss * (1 + 1e-14) or size < 1e-6:
                return there, lower, slope, curve
            size /= 2
