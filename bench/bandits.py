"""Who plays arms: ours, in many worlds at once, and Thompson sampling of two libraries, world by world."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from bench.arms import Floats, Integers, Worlds
from bench.workbench import LeftOut
from learning.aged import AgedSums, Cells, aged
from learning.beta import Beta, beta_prior
from learning.regimes import between_regimes, measured_rates, win_rates
from learning.rewards import SCALE
from learning.shares import many_shares

APART = 0.03
"""Regimes are taken to differ by at least this, however alike they have looked."""

ESTIMATED_EVERY = 50
"""After so many steps it is estimated anew how far regimes are apart."""

Play = Callable[[Worlds], Integers]
"""Gives the arms that are chosen (seeds x steps)."""


def thompson(worlds: Worlds, *, fading: float = 1.0) -> Integers:
    """An arm a step, by the highest draw; all that was seen fades by ``fading`` a step, toward a uniform belief."""
    seeds, steps, arms = worlds.wins.shape
    generator, sums = default_rng(0), _nothing(seeds * arms)
    chosen = np.empty((seeds, steps), dtype=np.int64)
    for step in range(steps):
        chosen[:, step] = _belief(sums, (seeds, arms)).drawn(generator).argmax(axis=1)
        sums = _seen(sums.later(1), worlds, chosen[:, step : step + 1], slice(step, step + 1), fading=fading)
    return chosen


def delayed(worlds: Worlds, *, batch: int, delay: int) -> Integers:
    """Shares for every ``batch`` of steps, from what is known by then: each step's outcome ``delay`` steps later."""
    seeds, steps, arms = worlds.wins.shape
    generator, sums = default_rng(0), _nothing(seeds * arms)
    chosen = np.empty((seeds, steps), dtype=np.int64)
    for start in range(0, steps, batch):
        arrived = slice(max(0, start - batch - delay), max(0, start - delay))
        sums = _seen(sums.later(1), worlds, chosen[:, arrived], arrived, fading=1.0)
        shares = many_shares(_belief(sums, (seeds, arms)).best(), budget=1.0, floor=0.0)
        tickets = generator.integers(10_000, size=(seeds, min(batch, steps - start), 1))
        chosen[:, start : start + batch] = (tickets >= shares.cumsum(axis=1)[:, None]).sum(axis=2)
    return chosen


def by_regime(worlds: Worlds, *, borrowing: bool) -> Integers:
    """An arm a step from the belief of the regime in force; with ``borrowing`` other regimes have their say in it."""
    seeds, steps, arms = worlds.wins.shape
    generator, rows = default_rng(0), np.arange(seeds)
    wins, losses = np.zeros((2, seeds, worlds.rates.shape[1], arms))
    tau = np.full(seeds, APART)
    chosen = np.empty((seeds, steps), dtype=np.int64)
    for step in range(steps):
        state = worlds.state[:, step]
        if borrowing and step % ESTIMATED_EVERY == 0:
            tau = np.maximum(_apart(wins, losses), APART)
        belief = win_rates(wins, losses, tau=tau) if borrowing else beta_prior(1, 1).after(wins, losses)
        draws = Beta(belief.wins[rows, state], belief.losses[rows, state]).drawn(generator)
        chosen[:, step] = draws.argmax(axis=1)
        won = worlds.wins[rows, step, chosen[:, step]]
        wins[rows, state, chosen[:, step]] += won
        losses[rows, state, chosen[:, step]] += ~won
    return chosen


def river(worlds: Worlds, *, told: Callable[[int], None]) -> Integers:
    """river's ThompsonSampling."""
    bandit, proba = needed("river.bandit"), needed("river.proba")

    def play(seed: int) -> Iterator[int]:
        policy = bandit.ThompsonSampling(reward_obj=proba.Beta(), seed=1_000 * seed)
        arms = list(range(worlds.wins.shape[2]))
        for wins in worlds.wins[seed].tolist():
            arm = policy.pull(arms)
            policy.update(arm, wins[arm])
            yield arm

    return _one_by_one(worlds, play, told)


def mabwiser(worlds: Worlds, *, told: Callable[[int], None]) -> Integers:
    """MABWiser's ThompsonSampling; it wants a fit before it predicts, so its first arm is by lot."""
    mab = needed("mabwiser.mab")

    def play(seed: int) -> Iterator[int]:
        arms = list(range(worlds.wins.shape[2]))
        policy = mab.MAB(arms=arms, learning_policy=mab.LearningPolicy.ThompsonSampling(), seed=seed)
        arm, wins = int(default_rng([seed, 3]).integers(len(arms))), worlds.wins[seed].astype(np.int64)
        policy.fit(np.array([arm]), wins[0, arm : arm + 1])
        yield arm
        for row in wins[1:]:
            arm = policy.predict()
            policy.partial_fit(np.array([arm]), row[arm : arm + 1])
            yield arm

    return _one_by_one(worlds, play, told)


def needed(module: str) -> Any:
    """The module, which only the bench environment has."""
    try:
        return import_module(module)
    except ImportError as error:
        raise LeftOut(f"{module} is not installed; pip install '.[bandits]'") from error


def _one_by_one(worlds: Worlds, play: Callable[[int], Iterator[int]], told: Callable[[int], None]) -> Integers:
    chosen = []
    for seed in range(len(worlds.wins)):
        told(seed)
        chosen.append(list(play(seed)))
    return np.array(chosen)


def _nothing(groups: int) -> AgedSums:
    nothing: NDArray[np.float64] = np.zeros(groups)
    return AgedSums(nothing, nothing, nothing)


def _belief(sums: AgedSums, shape: tuple[int, int]) -> Beta:
    return beta_prior(1, 1).after(sums.s1.reshape(shape), (sums.n - sums.s1).reshape(shape))


def _seen(sums: AgedSums, worlds: Worlds, chosen: Integers, steps: slice, *, fading: float) -> AgedSums:
    """The sums of a time ago, faded by it, and what came of the arms ``chosen`` at these ``steps``; a group an arm."""
    seeds, _, arms = worlds.wins.shape
    groups = (np.arange(seeds)[:, None] * arms + chosen).ravel()
    won = np.take_along_axis(worlds.wins[:, steps], chosen[..., None], axis=2).ravel().astype(np.int64)
    cells = Cells(groups, np.zeros_like(groups), np.ones_like(groups), won * SCALE, won * SCALE**2)
    return aged(cells, groups=seeds * arms, fading=fading, folded=sums)


def _apart(wins: Floats, losses: Floats) -> Floats:
    """tau of each seed, for independent arms."""
    rates, precisions = measured_rates(wins, losses)
    return np.sqrt(between_regimes(precisions[..., None] * np.eye(wins.shape[-1]), precisions * rates))
