"""How often each learner proposes a change where nothing is better: all counts."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulation.learners import LEARNERS, Planted, asked
from simulation.outcomes import Make, resampled, shuffled
from simulation.paths import Floats, Prices, fair_prices, walks

UNITS = 10
"""A session."""


@dataclass(frozen=True, slots=True)
class NullCount:
    """In how many of so many ``runs`` without any edge a learner ``proposed``."""

    learner: str
    world: str
    proposed: int
    runs: int


def null_counts(moves: Floats | None, *, runs: int, seed: int) -> Iterator[NullCount]:
    """Count each learner in made-up worlds and, with the ``moves`` (sessions, stocks) of real ones, in theirs."""
    worlds: list[tuple[str, Make, Prices]] = [("shuffled outcomes", shuffled, walks)]
    if moves is not None:
        worlds.append(("real prices, drawn directions", resampled(moves), fair_prices(moves)))
    for number, (world, make, prices) in enumerate(worlds):
        for place, learner in enumerate(("exits", *LEARNERS)):
            ask = asked(learner, make, prices)
            chances = (np.random.default_rng([seed, run, number, place]) for run in range(runs))
            proposed = sum(ask(chance, Planted(units=UNITS)) for chance in chances)
            told = "walks" if learner == "exits" and not number else world
            yield NullCount(learner, told, proposed, runs)
