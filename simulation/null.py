"""How often each learner proposes a change where nothing is better: all counts."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from simulation.learners import ERROR_RATE, LEARNERS, Asked, Planted, asked
from simulation.outcomes import Make, resampled, shuffled
from simulation.paths import Floats, Prices, fair_prices, walks

UNITS = 10
"""A session."""

AGAIN = 4
"""So many times as many further histories are asked where a count was high."""


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
    """Count each learner in made-up worlds and, with the ``moves`` (sessions, stocks) of real ones, in theirs.

    Of many counts some are high by chance. Where one is, further histories say whether it was that.
    """
    worlds: list[tuple[str, Make, Prices]] = [("shuffled outcomes", shuffled, walks)]
    if moves is not None:
        worlds.append(("real prices, drawn directions", resampled(moves), fair_prices(moves)))
    for number, (world, make, prices) in enumerate(worlds):
        for place, learner in enumerate(("exits", *LEARNERS)):
            told = "walks" if learner == "exits" and not number else world
            yield from _counted(learner, told, asked(learner, make, prices), runs=runs, seeds=(seed, number, place))


def most_by_chance(runs: int) -> int:
    """The least count that 99 % of so many runs at the stated rate do not pass."""
    return next(count for count in range(runs + 1) if bdtr(count, runs, ERROR_RATE) >= 0.99)


def _counted(learner: str, world: str, ask: Asked, *, runs: int, seeds: tuple[int, int, int]) -> Iterator[NullCount]:
    seed, *place = seeds
    for name, histories in ((learner, range(runs)), (f"{learner}, further", range(runs, (1 + AGAIN) * runs))):
        chances = (np.random.default_rng([seed, history, *place]) for history in histories)
        answers = [ask(chance, Planted(units=UNITS)) for chance in chances]
        let_in = None if answers[0].lets_in is None else sum(bool(one.lets_in) for one in answers)
        found = NullCount(name, world, sum(one.better for one in answers), let_in, len(answers))
        yield found
        if found.better <= most_by_chance(runs):
            return
