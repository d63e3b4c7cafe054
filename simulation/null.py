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
    """In how many of so many ``runs`` without any edge something looked ``better``, and in how many the gate would have
    ``let_in`` a step toward it; None where no gate follows."""

    learner: str
    world: str
    better: int
    let_in: int | None
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
            answers = [ask(chance, Planted(units=UNITS)) for chance in chances]
            told = "walks" if learner == "exits" and not number else world
            let_in = None if answers[0].lets_in is None else sum(bool(one.lets_in) for one in answers)
            yield NullCount(learner, told, sum(one.better for one in answers), let_in, runs)
