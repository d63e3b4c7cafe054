"""Outcomes that nothing foretells: shuffled, or of real prices whose directions are drawn."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import ndtr

from simulation.paths import fair_paths

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SESSIONS = 250
HORIZON = 5
"""Sessions from an entry to the end of a return; the windows of units of neighbouring sessions overlap."""

UNIT_SD = 0.02
"""Standard deviation of a unit's return in made-up worlds: what an effect is counted in."""

MEMORY = 0.8
"""Correlation of a feature with itself a session later, in worlds whose windows overlap."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Units in order of time: place of the session, features (units, 6) between 0 and 1, evenly spread, and returns."""

    sessions: Integers
    features: Floats
    returns: Floats
    horizon: int

    def only(self, rows: NDArray[np.bool_]) -> "Outcomes":
        """Those of these rows."""
        return Outcomes(self.sessions[rows], self.features[rows], self.returns[rows], self.horizon)


Make = Callable[[Generator, int], Outcomes]
"""Makes outcomes without an edge of so many units a session."""


def shuffled(chance: Generator, units: int) -> Outcomes:
    """Fat-tailed returns with a day in common, each unit on a random side: outcomes shuffled over features."""
    count = SESSIONS * units
    market = np.repeat(chance.standard_t(5, size=SESSIONS), units)
    drawn = (market + chance.standard_t(5, size=count)) * chance.choice([-1.0, 1.0], size=count)
    returns = UNIT_SD * drawn / np.sqrt(2 * 5 / 3)
    return Outcomes(np.repeat(np.arange(SESSIONS), units), chance.random((count, 6)), returns, 1)


def resampled(moves: Floats) -> Make:
    """Real sessions in blocks of mean length 10 (Politis & Romano 1994), each session's direction by a coin.

    A session is the same for all stocks, so what they have in common stays, and so do fat tails and the times in
    which all swing more. The coin takes away drift, momentum and reversal: every price is a fair game, whatever is
    done with it. Features remember themselves, windows overlap. ``moves`` is of shape (sessions, stocks).
    """

    def make(chance: Generator, units: int) -> Outcomes:
        paths = fair_paths(moves, chance, stocks=units, length=SESSIONS + HORIZON)
        after = paths[HORIZON:] / paths[:-HORIZON] - 1
        features = _remembering(chance, (SESSIONS, units, 6))
        sides = chance.choice([-1.0, 1.0], size=(SESSIONS, units))
        places = np.repeat(np.arange(SESSIONS), units)
        return Outcomes(places, features.reshape(-1, 6), (sides * after[:SESSIONS]).ravel(), HORIZON)

    return make


def _remembering(chance: Generator, shape: tuple[int, int, int]) -> Floats:
    """Evenly spread numbers between 0 and 1 that resemble the ones a session before."""
    drawn = chance.normal(size=shape)
    for session in range(1, len(drawn)):
        drawn[session] = MEMORY * drawn[session - 1] + (1 - MEMORY**2) ** 0.5 * drawn[session]
    spread: Floats = ndtr(drawn)
    return spread
