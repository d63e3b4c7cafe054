"""Worlds of arms that win or lose, drawn beforehand, so that all who play meet the same luck."""

from dataclasses import dataclass

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

LEVEL = (0.5, *[0.4] * 9)
"""One arm is better by 0.1 (Chapelle and Li 2011, the easier of theirs)."""

EASY = tuple(np.linspace(0.05, 0.95, 10).tolist())
"""A ladder over nearly the whole range: the best is 0.1 above the next and 0.45 above the mean."""

HARD = tuple(np.linspace(0.3, 0.7, 10).tolist())
"""A ladder over less than half of it: the best is 0.04 above the next and 0.2 above the mean."""


@dataclass(frozen=True, eq=False)
class Worlds:
    """``rates`` (seeds x states x arms) of winning, the ``state`` (seeds x steps) in force at each step, and by step
    whether each arm would win (``wins``, seeds x steps x arms).

    Common random numbers: the uniform number of (seed, step, arm) is drawn before anybody plays, and the arm wins where
    it lies below its rate; so two who play the same arm at the same step of a seed get the same.
    """

    rates: Floats
    state: Integers
    wins: Flags

    @property
    def steps(self) -> int:
        """How long each world lasts."""
        return int(self.state.shape[1])

    def regret(self, chosen: Integers) -> Floats:
        """By how much the rates of the arms ``chosen`` (seeds x steps) stayed behind the best, at each step."""
        gaps = self.rates.max(axis=2, keepdims=True) - self.rates
        return np.asarray(gaps[np.arange(len(gaps))[:, None], self.state, chosen])

    def mean_gap(self) -> float:
        """Regret of a step for which the arm is drawn by lot."""
        return float((self.rates.max(axis=2, keepdims=True) - self.rates).mean())


def lasting(rates: tuple[float, ...], *, seeds: int, steps: int) -> Worlds:
    """Nothing ever changes."""
    return _worlds(np.tile(rates, (seeds, 1, 1)), np.zeros((seeds, steps), dtype=np.int64))


def switching(rates: tuple[float, ...], *, every: int, seeds: int, steps: int) -> Worlds:
    """The rates are dealt anew ``every`` so many steps, and never is the best arm the one that was."""
    phases = -(-steps // every)
    dealt = np.array([_dealt(rates, phases, default_rng([seed, 1])) for seed in range(seeds)])
    return _worlds(dealt, np.tile(np.arange(steps) // every, (seeds, 1)))


def of_two_regimes(rates: tuple[float, ...], *, apart: float, rare: float, seeds: int, steps: int) -> Worlds:
    """Each step is in the second, rare regime with probability ``rare``; each regime's rates lie N(0, ``apart``^2) from
    ``rates``, within 0.01 to 0.99.
    """
    own, states = [], []
    for seed in range(seeds):
        generator = default_rng([seed, 2])
        own.append((np.array(rates) + apart * generator.standard_normal((2, len(rates)))).clip(0.01, 0.99))
        states.append(generator.random(steps) < rare)
    return _worlds(np.array(own), np.array(states).astype(np.int64))


def _dealt(rates: tuple[float, ...], phases: int, generator: np.random.Generator) -> Floats:
    rows = [generator.permutation(rates)]
    while len(rows) < phases:
        row = generator.permutation(rates)
        if row.argmax() != rows[-1].argmax():
            rows.append(row)
    return np.array(rows)


def _worlds(rates: Floats, state: Integers) -> Worlds:
    arms = rates.shape[2]
    wins = [
        default_rng([seed, 0]).random((len(at), arms)) < own[at]
        for seed, (own, at) in enumerate(zip(rates, state, strict=True))
    ]
    return Worlds(rates, state, np.array(wins))
