"""Prices that are a fair game: whatever is done with them, nothing is earned in the mean."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from learning.excursions import Bars

Floats = NDArray[np.float64]

Prices = Callable[[Generator, int, int], Floats]
"""Prices (length + 1, stocks), a fair game, of so many stocks and sessions."""

LONGEST = 15
"""Bars that exits look at, from the entry on."""

BLOCK = 10
"""Sessions in the mean of a block that is drawn from real history as it was."""

STEP_SD = 0.02
"""Standard deviation of a session's move in a walk."""

LARGEST = 0.5
"""Moves beyond this are cut off: a price that can lose more than all of itself is none."""


def fair_paths(moves: Floats, chance: Generator, *, stocks: int, length: int) -> Floats:
    """Prices (length + 1, stocks) that begin at 1, of sessions drawn in blocks and turned over by a coin each."""
    starts = chance.random(length) < 1 / BLOCK
    starts[0] = True
    places = np.flatnonzero(starts)
    runs = np.diff(places, append=length)
    origins = chance.integers(len(moves), size=len(places))
    drawn = (np.repeat(origins - places, runs) + np.arange(length)) % len(moves)
    chosen = chance.choice(moves.shape[1], size=stocks, replace=stocks > moves.shape[1])
    turned = moves[drawn][:, chosen].clip(-LARGEST, LARGEST) * chance.choice([-1.0, 1.0], size=(length, 1))
    prices: Floats = np.vstack([np.ones((1, stocks)), (1 + turned).cumprod(axis=0)])
    return prices


def fair_prices(moves: Floats) -> Prices:
    """``fair_paths`` of these moves."""
    return lambda chance, stocks, length: fair_paths(moves, chance, stocks=stocks, length=length)


def walks(chance: Generator, stocks: int, length: int) -> Floats:
    """Prices (length + 1, stocks) of walks without drift."""
    steps = 1 + chance.normal(0, STEP_SD, size=(length, stocks)).clip(-LARGEST, LARGEST)
    prices: Floats = np.vstack([np.ones((1, stocks)), steps.cumprod(axis=0)])
    return prices


def at_closes(prices: Floats) -> Bars:
    """Windows of ``LONGEST`` bars, one after each session and stock of ``prices``; every bar is its close alone.

    So each exit is at a price that the path had, and a fair game stays one: a stop that is filled at its level inside
    of a bar would be better than the prices on both sides of it.
    """
    windows = np.lib.stride_tricks.sliding_window_view(prices[1:], LONGEST, axis=0)
    table = np.ascontiguousarray(windows.reshape(-1, LONGEST))
    return Bars(table, table, table, table, np.full_like(table, np.nan))
