"""How far a price went after an entry: return, excursions and volatility of many windows of daily bars at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Windows of daily bars: each field has shape (windows, sessions), a row begins with the entry's session.

    NaN is a bar that is not there. ``factors`` adjusts what is earlier: prices before a bar are multiplied by its
    factor to compare with it (a split of one share into two has 0.5); NaN there is no adjustment.
    """

    opens: Floats
    highs: Floats
    lows: Floats
    closes: Floats
    factors: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Excursions:
    """What positions entered at each window's first open made of it; fields have shape (windows,).

    Fractions of the entry price, signed as the position earned them: ``returns`` at the last close, ``mfe`` (at
    least 0) and ``mae`` (at most 0) from highs and lows. ``volatility`` is the standard deviation (n - 1) of the
    logarithmic returns from the entry over each close that is there; it has no sign. NaN is unknown.
    """

    returns: Floats
    mfe: Floats
    mae: Floats
    volatility: Floats


def excursions(bars: Bars, *, signs: Floats) -> Excursions:
    """The excursions of ``bars`` for positions of direction ``signs`` (1 long, -1 short; one a window).

    A window without its first or last bar, or with an entry price that is not positive, has no figures at all; bars
    that are missing in between are passed over, not filled. Fewer than two returns, or a close that is not
    positive, have no volatility.

    Raises:
        LearningError: the fields differ in shape, or signs are not one a window and 1 or -1.

    >>> row = lambda *prices: np.array([prices], dtype=float)
    >>> bars = Bars(row(10, 11), row(12, 13), row(9, 11), row(11, 12.5), row(np.nan, np.nan))
    >>> excursions(bars, signs=np.array([1.0])).returns
    array([0.25])
    """
    _check(bars, signs)
    later = _later_factors(bars.factors)
    entries = bars.opens[:, 0] * later[:, 0]
    known = (entries > 0) & ~np.isnan(bars.closes[:, 0]) & ~np.isnan(bars.closes[:, -1])
    entries = np.where(known, entries, np.nan)
    up = np.fmax.reduce(bars.highs * later, axis=1) / entries - 1
    down = np.fmin.reduce(bars.lows * later, axis=1) / entries - 1
    long = signs > 0
    return Excursions(
        returns=signs * (bars.closes[:, -1] / entries - 1),
        mfe=np.maximum(np.where(long, up, -down), 0.0),
        mae=np.minimum(np.where(long, down, -up), 0.0),
        volatility=_volatility(entries, bars.closes * later),
    )


def _later_factors(factors: Floats) -> Floats:
    """By what each bar's prices are multiplied to compare with the last bar: the factors after it."""
    upwards = np.where(np.isnan(factors), 1.0, factors)[:, ::-1]
    return np.concatenate([np.ones_like(upwards[:, :1]), np.cumprod(upwards, axis=1)[:, :-1]], axis=1)[:, ::-1]


def _volatility(entries: Floats, closes: Floats) -> Floats:
    path = np.concatenate([entries[:, None], closes], axis=1)
    there = ~np.isnan(path)
    logs = np.log(np.where(path > 0, path, np.nan))
    steps = logs[:, 1:] - _last_known(logs, there)[:, :-1]
    taken = there[:, 1:]
    count = taken.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(taken, steps, 0.0).sum(axis=1) / count
        squares = np.where(taken, (steps - mean[:, None]) ** 2, 0.0).sum(axis=1)
        return np.where(count > 1, np.sqrt(squares / (count - 1)), np.nan)


def _last_known(values: Floats, there: NDArray[np.bool_]) -> Floats:
    """Each value, or the last one before it where a bar is missing."""
    places = np.where(there, np.arange(values.shape[1]), 0)
    return np.take_along_axis(values, np.maximum.accumulate(places, axis=1), axis=1)


def _check(bars: Bars, signs: Floats) -> None:
    shapes = {field.shape for field in (bars.opens, bars.highs, bars.lows, bars.closes, bars.factors)}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2 or 0 in next(iter(shapes))[1:]:
        raise LearningError(f"bars must all have one shape (windows, sessions), not {sorted(shapes)}")
    if signs.shape != bars.opens.shape[:1] or not np.isin(signs, (1.0, -1.0)).all():
        raise LearningError(f"signs must be 1 or -1, one for each of the {len(bars.opens)} windows")
