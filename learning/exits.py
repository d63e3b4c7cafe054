"""What every plan of exit would have made of every stored price path: stop, target and holding time, all at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.barrier import carried
from learning.errors import LearningError
from learning.excursions import Bars, Floats, Places, outermost
from learning.rewards import SCALE

Kinds = NDArray[np.int8]
Keys = NDArray[np.int16]

CHUNK = 8_192
"""So many entries are computed at once; what they need beside the answer stays in the tens of megabytes."""

RANKS = 5
"""What can end a position in one bar, in the order in which it is believed: stop at the open, target at the open, stop,
target, time limit. A key is bar x RANKS + rank, so the least key is what ended the position."""

KINDS = np.array([0, 1, 0, 1, 2], dtype=np.int8)
"""STOP, TARGET or TIME of ``learning/barrier.py``, by rank."""


@dataclass(frozen=True, slots=True, eq=False)
class ExitPlans:
    """Plans of exit, each field of shape (plans,).

    ``stops`` and ``targets`` are positive fractions of the entry price (0.05 is 5 %), NaN is none; ``holds`` is how
    many bars a position is held at the longest, the bar of its entry included.
    """

    stops: Floats
    targets: Floats
    holds: Places


@dataclass(frozen=True, slots=True, eq=False)
class Exits:
    """How positions would have ended; each field has shape (entries, plans).

    ``returns`` are fractions of the entry price after costs, signed as the position earned them; ``kinds`` is
    STOP, TARGET or TIME of ``learning/barrier.py``; ``bars`` the index of the bar of the exit.
    """

    returns: Floats
    kinds: Kinds
    bars: NDArray[np.int16]


def exits(bars: Bars, *, signs: Floats, plans: ExitPlans, costs: Floats | float) -> Exits:
    """The triple barrier (López de Prado 2018, chapter 3) of all entries under all plans, as ``barriers`` has it.

    A position is entered at the open of its row's first bar: the bar after the alert. A bar that opens at the stop or
    target, or beyond it, ends it at that open; within a bar that reaches both, the stop came first; else it leaves at
    the close of the last bar of its holding time. Each distinct stop and target is looked for once, in running
    extremes, and every plan is the earliest of its three.

    Args:
        bars: windows at least as long as the longest hold. An entry whose bars are not all there yet must be left out
            of all plans: its early ends alone would favour the plans that end early.
        signs: of shape (entries,), 1 for a long position and -1 for a short one.
        costs: of shape (entries,) or one number, what entry and exit cost as a fraction of the entry price.

    Raises:
        LearningError: shapes that do not fit, a missing or impossible price, a plan that cannot be.

    >>> row = lambda *prices: np.array([prices], dtype=float)
    >>> bars = Bars(row(10, 11), row(11, 13), row(10, 9), row(11, 12), row(np.nan, np.nan))
    >>> plans = ExitPlans(np.array([0.05, np.nan]), np.array([0.25, 0.25]), np.array([2, 2]))
    >>> made = exits(bars, signs=np.ones(1), plans=plans, costs=0.001)
    >>> made.returns.round(6), made.kinds, made.bars
    (array([[-0.051,  0.249]]), array([[0, 1]], dtype=int8), array([[1, 1]], dtype=int16))
    """
    _check(bars, signs=signs, plans=plans)
    paid = np.broadcast_to(np.asarray(costs, dtype=np.float64), signs.shape)
    if not (np.isfinite(paid).all() and (paid >= 0).all()):
        raise LearningError("costs must be finite fractions of the entry price, 0 or more, one or one for each entry")
    shape = (len(plans.holds), len(signs))
    made = Exits(np.empty(shape).T, np.empty(shape, np.int8).T, np.empty(shape, np.int16).T)
    for start in range(0, len(signs), CHUNK):
        rows = slice(start, start + CHUNK)
        _fill(made, rows, _Paths(bars, rows, signs[rows], int(plans.holds.max())), plans, paid[rows])
    return made


def next_bar_windows(series: Bars, alerts: Places, *, length: int) -> Bars:
    """Windows of ``length`` bars for ``exits`` from one instrument's bars, each beginning with the bar after an alert.

    Args:
        series: one row, all bars of the instrument.
        alerts: of shape (entries,), the index of the bar in which, or at whose end, the alert was known.

    Raises:
        LearningError: more than one row, or an alert that has not so many bars after it.
    """
    rows, count = series.opens.shape
    if rows != 1 or not len(alerts):
        raise LearningError(f"one row of bars and at least one alert are needed, not {rows} and {len(alerts)}")
    if alerts.min() < 0 or alerts.max() + length >= count:
        raise LearningError(
            f"alerts in bars {alerts.min()} ... {alerts.max()} of {count} do not all have {length} bars after them"
        )
    places = alerts[:, None] + 1 + np.arange(length)
    names = ("opens", "highs", "lows", "closes", "factors")
    return Bars(*(getattr(series, name)[0][places] for name in names))


def session_sums(made: Exits, sessions: Places, *, sizes: Floats | float) -> tuple[Places, Floats]:
    """The numbers of the sessions (sessions,), rising, and what they earned by plan (sessions, plans): size x return.

    Counted in whole 1e-6, so the order of the entries changes no bit.

    Args:
        sessions: of shape (entries,), the session that each entry is assigned to.
        sizes: of shape (entries,) or one number, fractions of equity.

    Raises:
        LearningError: not one session and one finite size for each entry.

    >>> made = Exits(np.array([[0.02], [-0.01]]), np.array([[1], [0]]), np.array([[3], [1]]))
    >>> session_sums(made, np.array([7, 7]), sizes=0.5)
    (array([7]), array([[0.005]]))
    """
    weights = np.broadcast_to(np.asarray(sizes, dtype=np.float64), made.returns.shape[:1])
    if sessions.shape != weights.shape or not np.isfinite(weights).all():
        raise LearningError(f"one session and one finite size are needed for each of {len(made.returns)} entries")
    numbers, places = np.unique(sessions, return_inverse=True)
    sums = np.empty((made.returns.shape[1], len(numbers)))
    for place, returns in enumerate(made.returns.T):
        sums[place] = np.bincount(places, weights=np.rint(weights * returns * SCALE), minlength=len(numbers))
    return numbers, sums.T / SCALE


class _Paths:
    """Some entries' prices, in the prices of the entry and turned so that higher is better for the position."""

    def __init__(self, bars: Bars, rows: slice, signs: Floats, length: int) -> None:
        part = Bars(*(one[rows, :length] for one in (bars.opens, bars.highs, bars.lows, bars.closes, bars.factors)))
        highs, lows = outermost(part)
        signed = signs[:, None] / carried(part.factors, np.full(len(signs), np.nan))
        self.signs = signs
        self.entries = part.opens[:, 0]
        self.opens = signed * part.opens
        self.closes = signed * part.closes
        self._best = np.maximum.accumulate(np.maximum(signed * highs, signed * lows), axis=1)
        self._worst = np.minimum.accumulate(np.minimum(signed * highs, signed * lows), axis=1)

    def returns_at(self, prices: Floats) -> Floats:
        """What leaving at ``prices`` (turned) earns, a fraction of the entry price."""
        made: Floats = self.signs * (self.signs * prices / self.entries - 1)
        return made

    def stop(self, fraction: float) -> tuple[Keys, Floats]:
        """When the stop is met, and what is earned there."""
        levels = self.signs * (self.entries * (1 - self.signs * fraction))
        return self._first((self._worst > levels[:, None]).sum(axis=1), levels, side=-1)

    def target(self, fraction: float) -> tuple[Keys, Floats]:
        """When the target is met, and what is earned there."""
        levels = self.signs * (self.entries * (1 + self.signs * fraction))
        return self._first((self._best < levels[:, None]).sum(axis=1), levels, side=1)

    def _first(self, bars: Places, levels: Floats, *, side: int) -> tuple[Keys, Floats]:
        met = bars < self.opens.shape[1]
        opens = self.opens[np.arange(len(bars)), np.where(met, bars, 0)]
        gaps = side * opens >= side * levels
        ranks = np.where(gaps, 0, 2) + (side > 0)
        keys: Keys = np.where(met, bars * RANKS + ranks, np.iinfo(np.int16).max).astype(np.int16)
        return keys, self.returns_at(np.where(gaps, opens, levels))


def _fill(made: Exits, rows: slice, paths: _Paths, plans: ExitPlans, paid: Floats) -> None:
    """The rows' ends under all plans; a stop or target that several plans share is looked for once."""
    stops = {fraction: paths.stop(fraction) for fraction in np.unique(plans.stops[~np.isnan(plans.stops)])}
    targets = {fraction: paths.target(fraction) for fraction in np.unique(plans.targets[~np.isnan(plans.targets)])}
    closes = {hold: paths.returns_at(paths.closes[:, hold - 1]) for hold in np.unique(plans.holds)}
    never = (np.full(len(paid), np.iinfo(np.int16).max, np.int16), np.zeros(len(paid)))
    for place, (stop, target, hold) in enumerate(zip(plans.stops, plans.targets, plans.holds, strict=True)):
        stop_keys, stopped = never if np.isnan(stop) else stops[stop]
        target_keys, won = never if np.isnan(target) else targets[target]
        limit = np.int16(hold * RANKS - 1)
        first = np.minimum(stop_keys, target_keys)
        keys = np.minimum(first, limit)
        earned = np.where(first < limit, np.where(stop_keys < target_keys, stopped, won), closes[hold])
        made.returns[rows, place] = earned - paid
        made.bars[rows, place] = keys // RANKS
        made.kinds[rows, place] = KINDS[keys % RANKS]


def _check(bars: Bars, *, signs: Floats, plans: ExitPlans) -> None:
    prices = {"open": bars.opens, "high": bars.highs, "low": bars.lows, "close": bars.closes}
    shapes = {one.shape for one in (*prices.values(), bars.factors)}
    if len(shapes) != 1 or bars.opens.ndim != 2 or signs.shape != bars.opens.shape[:1]:
        raise LearningError(f"bars need one shape (entries, bars) and one sign an entry, not {shapes}, {signs.shape}")
    if not np.isin(signs, (1.0, -1.0)).all():
        raise LearningError("signs must be 1 for a long position or -1 for a short one")
    if not (
        plans.stops.ndim == 1 and plans.stops.shape == plans.targets.shape == plans.holds.shape and plans.holds.size
    ):
        raise LearningError("plans need at least one stop, target and hold, and as many of each")
    if (
        not ((plans.stops > 0) | np.isnan(plans.stops)).all()
        or not ((plans.targets > 0) | np.isnan(plans.targets)).all()
    ):
        raise LearningError("stops and targets must be positive fractions of the entry price, or NaN for none")
    longest = min(bars.opens.shape[1], np.iinfo(np.int16).max // RANKS)
    if plans.holds.min() < 1 or plans.holds.max() > longest:
        raise LearningError(f"holds of {plans.holds.min()} to {plans.holds.max()} bars do not fit into 1 to {longest}")
    for name, table in prices.items():
        held = table[:, : plans.holds.max()]
        wrong = ~((held > 0) & (held < np.inf))
        if wrong.any():
            row, bar = np.argwhere(wrong)[0]
            raise LearningError(
                f"entry {row} has {name} {held[row, bar]} in bar {bar}: leave an entry out, of all plans, "
                "whose prices are not all known until its longest hold has passed"
            )
    held = bars.factors[:, : plans.holds.max()]
    wrong = ~(np.isnan(held) | ((held > 0) & (held < np.inf)))
    if wrong.any():
        row, bar = np.argwhere(wrong)[0]
        raise LearningError(f"entry {row} has the factor {held[row, bar]} in bar {bar}: it is positive, or NaN")
