"""How far a price went after an entry: return, excursions and volatility of many windows of bars at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Windows of bars: each field has shape (windows, bars), a row is one window's existing bars, oldest first.

    A row begins with the entry's bar and ends with the exit's. Bars that are missing in between are passed over: they
    have no column. ``factors`` adjusts what is earlier: prices before a bar are multiplied by its factor to compare
    with it (a split of one share into two has 0.5); NaN there is no adjustment.
    """

    opens: Floats
    highs: Floats
    lows: Floats
    closes: Floats
    factors: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Excursions:
    """What positions made of their windows; fields have shape (windows,).

    Fractions of the entry price, signed as the position earned them: ``returns`` at the last close, ``mfe`` (at
    least 0) and ``mae`` (at most 0) from the outermost prices of all bars. ``volatility`` is the standard deviation
    (n - 1) of the logarithmic returns from the entry over each close, for one bar; it has no sign. NaN is unknown.

    ``peaks`` is the index of the first bar with the most favourable price, -1 where ``mfe`` is 0 or unknown.
    ``jumps`` is the index of the last bar that a jump led to, -1 where none did.
    """

    returns: Floats
    mfe: Floats
    mae: Floats
    volatility: Floats
    peaks: Places
    jumps: Places


def excursions(bars: Bars, *, signs: Floats, entries: Floats, trusted: Flags, guard: float) -> Excursions:
    """The excursions of ``bars``. A window's figures are the same bits alone and among others.

    Args:
        signs: of shape (windows,), 1 for a long position and -1 for a short one.
        entries: of shape (windows,), a price that was paid before the first bar, so that all factors of the row touch
            it; NaN is an entry at the open of the first bar, which that bar's own factor does not touch. A window
            whose entry price is not positive has no figures at all.
        trusted: of shape (windows, bars), the bars that bear a factor or were confirmed by a second source.
        guard: a step from the entry to the first close, or from close to close, of more than this fraction is a jump,
            unless it leads to a trusted bar.

    Raises:
        LearningError: shapes that do not fit, signs other than 1 and -1, or a guard that is not positive.

    >>> row = lambda *prices: np.array([prices], dtype=float)
    >>> bars = Bars(row(10, 11), row(12, 13), row(9, 11), row(11, 12.5), row(np.nan, np.nan))
    >>> made = excursions(bars, signs=np.ones(1), entries=row(np.nan)[0], trusted=np.zeros((1, 2), bool), guard=0.25)
    >>> made.returns, made.peaks
    (array([0.25]), array([1]))
    """
    check(bars, signs=signs, entries=entries, trusted=trusted, guard=guard)
    later = _later_factors(bars.factors)
    path = _path(bars, entries, later)
    highs, lows = outermost(bars)
    long = signs[:, None] > 0
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        ahead = np.where(long, highs, -lows) * later
        behind = np.where(long, lows, -highs) * later
        mfe = np.maximum(_earned(ahead.max(axis=1), path[:, 0], signs), 0.0)
        return Excursions(
            returns=_earned(signs * path[:, -1], path[:, 0], signs),
            mfe=mfe,
            mae=np.minimum(_earned(behind.min(axis=1), path[:, 0], signs), 0.0),
            volatility=_volatility(path),
            peaks=np.where(mfe > 0, ahead.argmax(axis=1), -1),
            jumps=_last_jump(path, trusted, guard),
        )


def outermost(bars: Bars) -> tuple[Floats, Floats]:
    """The highest and the lowest of each bar's four prices: feeds have closes beyond their own highs and lows."""
    highs = np.maximum(np.maximum(bars.highs, bars.lows), np.maximum(bars.opens, bars.closes))
    lows = np.minimum(np.minimum(bars.highs, bars.lows), np.minimum(bars.opens, bars.closes))
    return highs, lows


def check(bars: Bars, *, signs: Floats, entries: Floats, trusted: Flags, guard: float) -> None:
    """That the arguments of ``excursions`` fit each other. Raises LearningError."""
    shapes = {field.shape for field in (bars.opens, bars.highs, bars.lows, bars.closes, bars.factors, trusted)}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2 or 0 in next(iter(shapes))[1:]:
        raise LearningError(f"bars and trusted must all have one shape (windows, bars), not {sorted(shapes)}")
    if signs.shape != bars.opens.shape[:1] or not np.isin(signs, (1.0, -1.0)).all():
        raise LearningError(f"signs must be 1 or -1, one for each of the {len(bars.opens)} windows")
    if entries.shape != signs.shape:
        raise LearningError(f"one entry price, or NaN, is needed for each of the {len(signs)} windows")
    if not guard > 0:
        raise LearningError(f"the guard against jumps must be a positive fraction, not {guard}")


def _later_factors(factors: Floats) -> Floats:
    """By what each bar's prices are multiplied to compare with the last bar: the factors after it."""
    upwards = np.where(np.isnan(factors), 1.0, factors)[:, :0:-1]
    return np.cumprod(np.concatenate([np.ones_like(factors[:, :1]), upwards], axis=1), axis=1)[:, ::-1]


def _path(bars: Bars, entries: Floats, later: Floats) -> Floats:
    """The entry and each close in the prices of the last bar, of shape (windows, 1 + bars), row after row in memory.

    The entry is NaN where it is not positive.
    """
    own = np.where(np.isnan(bars.factors[:, 0]), 1.0, bars.factors[:, 0])
    entry = np.where(np.isnan(entries), bars.opens[:, 0], entries * own) * later[:, 0]
    path = np.empty((len(entry), 1 + later.shape[1]))
    path[:, 0] = np.where(entry > 0, entry, np.nan)
    path[:, 1:] = bars.closes * later
    return path


def _earned(prices: Floats, entries: Floats, signs: Floats) -> Floats:
    """The fraction earned by leaving at ``prices``, which bear the sign of the position."""
    return signs * (signs * prices / entries - 1)


def _volatility(path: Floats) -> Floats:
    """NaN for fewer than two returns, or a price that is not positive: the step to it has no finite logarithm."""
    if path.shape[1] < 3:
        return np.full(len(path), np.nan)
    return np.asarray(np.log(path[:, 1:] / path[:, :-1]).std(axis=1, ddof=1))


def _last_jump(path: Floats, trusted: Flags, guard: float) -> Places:
    steps = np.abs(path[:, 1:] / path[:, :-1] - 1)
    jumped = (steps > guard) & ~trusted & ~np.isnan(path[:, :1])
    return np.where(jumped.any(axis=1), path.shape[1] - 2 - jumped[:, ::-1].argmax(axis=1), -1)
