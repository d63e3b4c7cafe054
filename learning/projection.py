"""The nearest point whose values sum to a total and stay within bounds."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from learning.errors import LearningError

Floats = NDArray[np.float64]


def project(values: ArrayLike, *, low: ArrayLike, high: ArrayLike, total: float) -> Floats:
    """Euclidean projection of each row on {sum = ``total``, ``low`` <= w <= ``high``}: w = clip(v - tau, low, high).

    ``values`` is (d) or (n x d); the bounds are of that shape or broadcast to it. The sum falls with tau along
    straight pieces; the piece is found by bisection over its ends, so the answer is exact but for rounding
    (Held, Wolfe & Crowder 1974; Brucker 1984). Bounds are kept to the last bit, the sum to a few.

    Raises:
        LearningError: a number that is not finite, a low bound above its high one, or bounds that leave no such point.
    """
    wanted = np.asarray(values, dtype=np.float64)
    rows = np.atleast_2d(wanted)
    lowest, highest = (np.broadcast_to(np.asarray(bound, dtype=np.float64), rows.shape) for bound in (low, high))
    _check(rows, lowest, highest, total)
    projected = _lift(_shifted(rows, lowest, highest, total), lowest, highest, total)
    return projected.reshape(wanted.shape)


def _check(rows: Floats, low: Floats, high: Floats, total: float) -> None:
    if not (math.isfinite(total) and all(np.isfinite(numbers).all() for numbers in (rows, low, high))):
        raise LearningError("values, bounds and total must be finite numbers; leave missing ones out")
    if (low > high).any():
        row, place = np.argwhere(low > high)[0]
        raise LearningError(f"value {place} has no room: low {low[row, place]:g} lies above high {high[row, place]:g}")
    least, most = low.sum(axis=1), high.sum(axis=1)
    slack = 1e-12 * np.maximum(abs(low).sum(axis=1) + abs(high).sum(axis=1), abs(total))
    if (bad := (least > total + slack) | (most < total - slack)).any():
        row = int(np.argmax(bad))
        raise LearningError(
            f"no values within the bounds sum to {total:g}: they sum to {least[row]:g} at least, {most[row]:g} at most"
        )


def _shifted(rows: Floats, low: Floats, high: Floats, total: float) -> Floats:
    """clip(v - tau, low, high) with a tau from the middle of the piece on which the sum is reached."""
    knots = np.sort(np.concatenate([rows - high, rows - low], axis=1), axis=1)
    every = np.arange(len(rows))
    left, right = np.zeros(len(rows), dtype=np.intp), np.full(len(rows), knots.shape[1] - 1)
    for _ in range(knots.shape[1].bit_length()):
        middle = (left + right) // 2
        above = _sum(rows, low, high, knots[every, middle]) >= total
        left, right = np.where(above, middle, left), np.where(above, right, middle)
    tau = (knots[every, left] + knots[every, right]) / 2
    return np.asarray(np.clip(rows - tau[:, None], low, high))


def _sum(rows: Floats, low: Floats, high: Floats, tau: Floats) -> Floats:
    return np.asarray(np.clip(rows - tau[:, None], low, high).sum(axis=1))


def _lift(points: Floats, low: Floats, high: Floats, total: float) -> Floats:
    """The rest of the sum, shared equally among the values between their bounds: tau, on the straight piece."""
    free = (points > low) & (points < high)
    rest = (total - points.sum(axis=1)) / np.maximum(free.sum(axis=1), 1)
    return np.asarray(np.clip(points + free * rest[:, None], low, high))
