"""What a linear regression needs to know of its examples, summed up in one pass: weighted moments, holes apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError

Floats = NDArray[np.float64]

CHUNK = 2**15
"""So many examples are summed at once, which needs a few megabytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Weighted sums and products of d features, of where they are missing, and of the outcome.

    ``products`` (2d + 2 x 2d + 2) is the sum of w z z' over examples, for z = (x - ``origin`` with 0 where missing;
    1 where missing; y; 1). A hole is told by its indicator and adds nothing, so filling it with any value later
    is arithmetic, not another pass. ``origin`` (d) keeps the sums small beside what they are subtracted from.
    ``n`` counts examples, ``weight_squares`` is the sum of w^2.
    """

    origin: Floats
    products: Floats
    n: int
    weight_squares: float

    def __add__(self, other: Moments) -> Moments:
        """Both together.

        Raises:
            LearningError: the origins differ.
        """
        if not np.array_equal(self.origin, other.origin):
            raise LearningError("moments are added only about one origin: hand the first one's origin to the others")
        return Moments(
            self.origin,
            self.products + other.products,
            self.n + other.n,
            self.weight_squares + other.weight_squares,
        )

    @property
    def weight(self) -> float:
        """The sum of the weights."""
        return float(self.products[-1, -1])

    @property
    def effective_n(self) -> float:
        """As how many examples of equal weight these count (Kish 1965); 0 without any."""
        return self.weight**2 / self.weight_squares if self.weight_squares > 0 else 0.0


def moments(
    features: Floats, outcomes: Floats, *, weights: Floats | None = None, origin: Floats | None = None
) -> Moments:
    """The moments of ``features`` (examples, d; NaN is missing) and ``outcomes`` (examples,).

    Args:
        weights: of shape (examples,), such as average uniqueness; None is 1 each.
        origin: of shape (d,), values near the features' means; None takes the means of the first examples.

    Raises:
        LearningError: shapes that do not fit, an infinite feature, an unknown outcome, or a negative weight.
    """
    chosen = np.ones(len(features)) if weights is None else weights
    check(features, outcomes, chosen)
    centre = _means(features[:CHUNK]) if origin is None else np.asarray(origin, dtype=np.float64)
    if centre.shape != features.shape[1:] or not np.isfinite(centre).all():
        raise LearningError(f"the origin needs a finite number for each of {features.shape[1]} features")
    width = 2 * features.shape[1] + 2
    products = np.zeros((width, width))
    for start in range(0, len(features), CHUNK):
        rows = slice(start, start + CHUNK)
        table = _table(features[rows], outcomes[rows], centre)
        products += (table * chosen[rows, None]).T @ table
    return Moments(centre, (products + products.T) / 2, len(features), float(chosen @ chosen))


def check(features: Floats, outcomes: Floats, weights: Floats) -> None:
    """That examples fit each other and are known where they must be. Raises LearningError."""
    if features.ndim != 2 or not features.shape[1] or not outcomes.shape == weights.shape == features.shape[:1]:
        raise LearningError(
            "features need the shape (examples, d), outcomes and weights (examples,), "
            f"not {features.shape}, {outcomes.shape}, {weights.shape}"
        )
    if np.isinf(features).any():
        raise LearningError(f"feature {np.argwhere(np.isinf(features))[0][1]} is infinite: NaN is a missing one")
    if not np.isfinite(outcomes).all():
        raise LearningError("an outcome is not a finite number: leave out examples whose outcome is unknown")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise LearningError("weights must be finite and not negative")


def _table(features: Floats, outcomes: Floats, origin: Floats) -> Floats:
    """z of each example, one a row."""
    width = features.shape[1]
    table = np.ones((len(features), 2 * width + 2))
    missing = np.isnan(features)
    table[:, :width] = np.where(missing, 0.0, features - origin)
    table[:, width : 2 * width] = missing
    table[:, -2] = outcomes
    return table


def _means(features: Floats) -> Floats:
    known = ~np.isnan(features)
    means: Floats = np.where(known, features, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return means
