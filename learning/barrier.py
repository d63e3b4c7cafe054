"""When a position met its stop, its target or its time limit, and what it had made of it: the triple barrier."""

from dataclasses import dataclass, fields

import numpy as np

from learning.errors import LearningError
from learning.excursions import Bars, Excursions, Flags, Floats, Places, check, excursions, outermost

HELD, STOP, TARGET, TIME = -1, 0, 1, 2
"""What ended a position; ``HELD`` while nothing has."""


@dataclass(frozen=True, slots=True, eq=False)
class Barriers(Excursions):
    """What ended positions, with their excursions until then; fields have shape (windows,).

    ``kinds`` is what ended the position, ``exits`` the index of the bar it ended in (-1 while held), ``prices`` the
    price it left at, as that bar quotes it (NaN while held). Of that bar only the open and the exit price count,
    unless the time limit ended the position: then all of it does. While it is held nothing else is known.
    """

    kinds: Places
    exits: Places
    prices: Floats


def barriers(
    bars: Bars,
    *,
    signs: Floats,
    entries: Floats,
    stops: Floats,
    targets: Floats,
    trusted: Flags,
    guard: float,
    complete: Flags,
) -> Barriers:
    """The first barrier that each position met (López de Prado 2018, chapter 3).

    A bar that opens at the stop or target, or beyond it, ends the position at its open. Within a bar nobody knows
    what came first: one that reaches both counts as the stop. A position that no bar ended leaves at the close of its
    last bar, if that ends the time limit. Bars after the exit change no bit of what is known.

    Args:
        bars, signs, entries, trusted, guard: as for ``excursions``, but a row may go on after the exit.
        stops, targets: of shape (windows,), in the prices of the entry, so that the same factors touch them; NaN is
            none.
        complete: of shape (windows,), whether the row's last bar ends the time limit.

    Raises:
        LearningError: as ``excursions``; or not one stop, target and complete for each window.

    >>> row = lambda *prices: np.array([prices], dtype=float)
    >>> bars = Bars(row(10, 11), row(11, 13), row(10, 9), row(11, 12), row(np.nan, np.nan))
    >>> plan = dict(stops=row(9.5)[0], targets=row(12.5)[0], complete=np.ones(1, bool))
    >>> paid = dict(signs=np.ones(1), entries=row(np.nan)[0], trusted=np.zeros((1, 2), bool), guard=0.25)
    >>> made = barriers(bars, **plan, **paid)
    >>> made.kinds, made.exits, made.prices, made.returns
    (array([0]), array([1]), array([9.5]), array([-0.05]))
    """
    check(bars, signs=signs, entries=entries, trusted=trusted, guard=guard)
    if not stops.shape == targets.shape == complete.shape == signs.shape:
        raise LearningError(f"one stop, target and complete are needed for each of the {len(signs)} windows")
    by = carried(bars.factors, entries)
    kinds, prices = _ends(bars, stops[:, None] * by, targets[:, None] * by, signs=signs, complete=complete)
    ended = (kinds != HELD).any(axis=1)
    first = (kinds != HELD).argmax(axis=1)
    windows = np.arange(len(signs))
    unknown, nowhere = np.full((4, len(signs)), np.nan), np.full((2, len(signs)), -1)
    made = Barriers(
        returns=unknown[0],
        mfe=unknown[1],
        mae=unknown[2],
        volatility=unknown[3],
        peaks=nowhere[0],
        jumps=nowhere[1],
        kinds=kinds[windows, first],
        exits=np.where(ended, first, -1),
        prices=prices[windows, first],
    )
    for place in np.unique(made.exits[ended]):
        chosen = np.flatnonzero(made.exits == place)
        cut = _cut(bars, made, chosen, length=int(place) + 1)
        until = excursions(
            cut, signs=signs[chosen], entries=entries[chosen], trusted=trusted[chosen, : place + 1], guard=guard
        )
        for field in fields(Excursions):
            getattr(made, field.name)[chosen] = getattr(until, field.name)
    return made


def carried(factors: Floats, entries: Floats) -> Floats:
    """By what a price of the entry is multiplied to compare with each bar: the factors from the entry up to it."""
    touching: Floats = np.where(np.isnan(factors), 1.0, factors)
    touching[:, 0] = np.where(np.isnan(entries), 1.0, touching[:, 0])
    return touching.cumprod(axis=1)


def _ends(bars: Bars, stops: Floats, targets: Floats, *, signs: Floats, complete: Flags) -> tuple[Places, Floats]:
    """What each bar would end a position by that is held until then, and at which price."""
    stopped_at_open, stopped = _reached(bars, stops, sides=-signs[:, None])
    won_at_open, won = _reached(bars, targets, sides=signs[:, None])
    over = np.zeros_like(won)
    over[:, -1] = complete
    conditions = [stopped_at_open, won_at_open, stopped, won, over]
    kinds: Places = np.select(conditions, [STOP, TARGET, STOP, TARGET, TIME], HELD)
    prices: Floats = np.select(conditions, [bars.opens, bars.opens, stops, targets, bars.closes], np.nan)
    return kinds, prices


def _reached(bars: Bars, levels: Floats, *, sides: Floats) -> tuple[Flags, Flags]:
    """Whether each bar opens at its level or beyond, and whether any of its prices is; beyond is above for side 1."""
    highs, lows = outermost(bars)
    return sides * bars.opens >= sides * levels, np.where(sides > 0, highs, -lows) >= sides * levels


def _cut(bars: Bars, made: Barriers, chosen: Places, *, length: int) -> Bars:
    """The chosen windows up to their exits, whose bars a stop or target ends at its price."""
    cut = Bars(*(getattr(bars, field.name)[chosen, :length] for field in fields(Bars)))
    early = made.kinds[chosen] != TIME
    cut.closes[early, -1] = made.prices[chosen][early]
    cut.highs[early, -1] = cut.lows[early, -1] = cut.opens[early, -1]
    return cut
