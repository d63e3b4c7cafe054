"""A market with a known answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NOISE = 0.02
"""Standard deviation of one unit's reward, as a fraction."""


@dataclass(frozen=True, slots=True)
class World:
    """What is planted: ``effect`` is what the candidate adds to a unit, in standard deviations of a unit.

    The market drifts: each session moves all units by one step of a random walk of ``drift`` standard deviations,
    which an analysis that compares across sessions takes for an effect.
    """

    effect: float
    seed: int
    units: int = 50
    sessions: int = 40
    share: float = 0.2
    drift: float = 0.2

    def cohorts(self) -> Iterator["Cohort"]:
        """One cohort a session, always the same for the same seed."""
        generator = default_rng(self.seed)
        level = 0.0
        for number in range(self.sessions):
            level += self.drift * generator.standard_normal()
            yield Cohort(number, level, _noise(generator, self.units))


class Cohort(NamedTuple):
    """The units of one session: how the market stands and what each unit earns apart from the arm, in sd."""

    number: int
    level: float
    noise: Floats

    def reward(self, place: int, *, effect: float) -> float:
        """What the unit at ``place`` earns, as a fraction, when its arm adds ``effect`` standard deviations."""
        return float(NOISE * (self.level + self.noise[place] + effect))


def _noise(generator: Generator, units: int) -> Floats:
    """Student t with 5 degrees of freedom, scaled to a standard deviation of 1: heavier tails than Normal."""
    return np.asarray(generator.standard_t(5, size=units) / np.sqrt(5 / 3))
