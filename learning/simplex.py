"""The nearest point to wanted values that keeps a sum, bounds and the daily budget of change, exactly."""

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError

Floats = NDArray[np.float64]

EPSILON = float(np.finfo(np.float64).eps)


def project(values: Floats, *, lower: Floats | float, upper: Floats | float, total: float) -> Floats:
    """The points nearest to the rows of ``values`` (..., k), of the same shape, within bounds and with sum ``total``.

    w = clip(v - tau, lower, upper), where tau is found from the sorted points at which a value meets a bound (Helgason,
    Kennington & Lall 1980). Bounds hold exactly; the sum to k steps of the largest number involved. A row
    that already fits comes back as it is, and permuting a row permutes its answer to the last bit.

    Args:
        lower, upper: finite, broadcast to ``values``.

    Raises:
        LearningError: a value that is not finite, or bounds within which no point has this sum.

    >>> project(np.array([0.9, 0.3, 0.0]), lower=0.05, upper=0.6, total=1.0).round(6)
    array([0.6 , 0.35, 0.05])
    """
    wanted, low, high = (np.array(one, dtype=np.float64) for one in np.broadcast_arrays(values, lower, upper))
    _check(wanted, low, high, total)
    order = np.lexsort((high, low, wanted), axis=-1)
    wanted, low, high = (np.take_along_axis(one, order, axis=-1) for one in (wanted, low, high))
    slack = wanted.shape[-1] * EPSILON * _largest(low, high, total)
    near = np.clip(wanted - _level(wanted, low, high, total)[..., None], low, high)
    for _ in range(3):
        near = _nudged(near, low, high, total)
    fits = (wanted >= low).all(axis=-1) & (wanted <= high).all(axis=-1) & (np.abs(wanted.sum(axis=-1) - total) <= slack)
    projected = np.empty_like(near)
    np.put_along_axis(projected, order, np.where(fits[..., None], wanted, near), axis=-1)
    return projected


def daily_bounds(
    old: Floats, *, lower: Floats | float, upper: Floats | float, cap: Floats | float
) -> tuple[Floats, Floats]:
    """The bounds of ``project`` within which no value is further than ``cap`` from its ``old`` one, in floats too.

    Raises:
        LearningError: a cap that is not positive.
    """
    if not (np.all(np.isfinite(cap)) and np.all(np.asarray(cap) > 0)):
        raise LearningError(f"the largest change a day must be a positive number, not {cap}")
    least, most = old - cap, old + cap
    least = np.where(old - least > cap, np.nextafter(least, old), least)
    most = np.where(most - old > cap, np.nextafter(most, old), most)
    return np.maximum(least, lower), np.minimum(most, upper)


def _check(wanted: Floats, low: Floats, high: Floats, total: float) -> None:
    if not wanted.ndim or not wanted.shape[-1]:
        raise LearningError(f"values need the shape (..., k) with at least one number in a row, not {wanted.shape}")
    if not (np.isfinite(total) and all(np.isfinite(one).all() for one in (wanted, low, high))):
        raise LearningError("values, bounds and their total must all be finite numbers")
    if (low > high).any():
        place = np.unravel_index(int((low > high).argmax()), low.shape)
        raise LearningError(f"value {place[-1]} has bounds that exclude each other: {low[place]} to {high[place]}")
    least, most = low.sum(axis=-1), high.sum(axis=-1)
    slack = wanted.shape[-1] * EPSILON * _largest(low, high, total)
    wrong = np.atleast_1d((least > total + slack) | (most < total - slack))
    if wrong.any():
        row = int(wrong.ravel().argmax())
        raise LearningError(
            f"no point within the bounds sums to {total}: row {row} can sum to {least.ravel()[row]} ... "
            f"{most.ravel()[row]}; widen the bounds or the daily budget"
        )


def _largest(low: Floats, high: Floats, total: float) -> Floats:
    largest: Floats = np.maximum(np.maximum(np.abs(low), np.abs(high)).max(axis=-1), abs(total))
    return largest


def _level(wanted: Floats, low: Floats, high: Floats, total: float) -> Floats:
    """tau, between the two neighbouring points at which a value meets a bound."""
    points = np.concatenate([wanted - high, wanted - low], axis=-1)
    order = np.argsort(points, axis=-1, kind="stable")
    points = np.take_along_axis(points, order, axis=-1)
    free = np.where(order < wanted.shape[-1], 1, -1).cumsum(axis=-1)[..., :-1]
    falls = np.cumsum(free * np.diff(points, axis=-1), axis=-1)
    excess = high.sum(axis=-1) - total
    place = np.minimum((falls < excess[..., None]).sum(axis=-1), falls.shape[-1] - 1)[..., None]
    start, fall, slope = (np.take_along_axis(one, place, axis=-1)[..., 0] for one in (points[..., :-1], falls, free))
    reached = np.take_along_axis(points, place + 1, axis=-1)[..., 0]
    inside: Floats = np.clip(reached - (fall - excess) / np.maximum(slope, 1), start, reached)
    return inside


def _nudged(near: Floats, low: Floats, high: Floats, total: float) -> Floats:
    """The rest that rounding left, spread over the values that can take it."""
    rest = (total - near.sum(axis=-1))[..., None]
    open_ = np.where(rest > 0, near < high, near > low)
    nudged: Floats = np.clip(near + np.where(open_, rest / np.maximum(open_.sum(axis=-1)[..., None], 1), 0), low, high)
    return nudged
