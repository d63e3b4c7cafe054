"""How often each learner, and the whole path, finds an effect that is there: the curves."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import structlog

from simulation.learners import LEARNERS, SHARED, Answer, Planted, asked
from simulation.loop import live_through
from simulation.outcomes import SESSIONS, shuffled
from simulation.paths import walks
from simulation.world import World

SHARES = (0.2, 0.05)

PATH_UNITS = 50
"""A session, on the whole path."""


@dataclass(frozen=True, slots=True)
class Power:
    """In how many of ``runs`` an ``effect`` was found in so many ``units``, of which a ``share`` had other values."""

    learner: str
    share: float | None
    effect: float
    units: int
    found: int
    runs: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Which effects and numbers of units are planted, and how often."""

    effects: tuple[float, ...]
    units: tuple[int, ...]
    runs: int
    seed: int


def powers(grid: Grid) -> Iterator[Power]:
    """Ask each learner in each cell of the grid."""
    for place, learner in enumerate(("exits", *LEARNERS)):
        ask = asked(learner, shuffled, walks)
        for share in SHARES if learner in SHARED else (None,):
            for effect in grid.effects:
                for units in grid.units:
                    planted = Planted(effect, max(1, round(units / SESSIONS)), share or 1.0)
                    chances = (
                        np.random.default_rng([grid.seed, run, place, planted.units]) for run in range(grid.runs)
                    )
                    answers = [ask(chance, planted) for chance in chances]
                    yield from _found(answers, learner, share, planted)


def path_powers(grid: Grid, *, processes: int) -> Iterator[Power]:
    """Live through ``learning simulate``'s worlds, each once to the largest number of units: when was it replaced?"""
    sessions = max(grid.units) // PATH_UNITS
    with ProcessPoolExecutor(processes, initializer=_quiet) as pool:
        for share in SHARES:
            for effect in grid.effects:
                worlds = [
                    World(effect=effect, seed=grid.seed + run, units=PATH_UNITS, sessions=sessions, share=share)
                    for run in range(grid.runs)
                ]
                replaced = [one.replaced for one in pool.map(live_through, worlds)]
                yield from _reached(replaced, grid, effect=effect, share=share)


def by_curve(cells: Sequence[Power]) -> dict[tuple[str, float | None, float], list[Power]]:
    """The cells of each learner, share and effect, in the order in which they came."""
    found: dict[tuple[str, float | None, float], list[Power]] = {}
    for one in cells:
        found.setdefault((one.learner, one.share, one.effect), []).append(one)
    return found


def named(learner: str, share: float | None) -> str:
    """How a curve is called."""
    return learner if share is None else f"{learner}, share {share:.0%}"


def _found(answers: Sequence[Answer], learner: str, share: float | None, planted: Planted) -> Iterator[Power]:
    units, runs = planted.units * SESSIONS, len(answers)
    yield Power(learner, share, planted.effect, units, sum(one.better for one in answers), runs)
    if answers[0].lets_in is not None:
        let_in = sum(bool(one.lets_in) for one in answers)
        yield Power(f"{learner}, let in by the gate", share, planted.effect, units, let_in, runs)


def _reached(replaced: Sequence[int | None], grid: Grid, *, effect: float, share: float) -> Iterator[Power]:
    for units in grid.units:
        found = sum(one is not None and one * PATH_UNITS <= units for one in replaced)
        yield Power("the whole path", share, effect, units, found, grid.runs)


def _quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
