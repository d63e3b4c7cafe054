"""From the statistics of a trial to its next shares, against numpy's least squares of the same differences."""

from collections.abc import Iterator

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from bench.comparison import Comparison
from bench.workbench import Workbench, rate
from learning.effects import arm_effects
from learning.posterior import posterior_of
from learning.rewards import SCALE, RewardSum
from learning.shares import integer_shares, probability_best

SESSIONS = 500
ARMS = ("a", "b", "c", "d", "baseline")
UNITS = 50
"""Units of one arm in one session, on average."""

Cohorts = list[dict[str, RewardSum]]
Floats = NDArray[np.float64]
Problem = tuple[Floats, Floats]


def measure(bench: Workbench) -> Iterator[Comparison]:
    """500 sessions of five arms: effects with session fixed effects, belief, probability of being best, shares."""
    cohorts = statistics(bench.count(SESSIONS))
    for design, response in (dummies(cohorts), swept(cohorts)):
        rows, columns = design.shape
        yield bench.compare(
            f"shares of {len(ARMS)} arms from {len(cohorts)} sessions",
            f"numpy lstsq, {rows} x {columns}",
            unit="ms",
            ours=lambda: 1e3 / rate(1, lambda: shares(cohorts)),
            baseline=lambda problem=(design, response): 1e3 / rate(1, lambda: np.linalg.lstsq(*problem)),  # type: ignore[misc]
        )


def statistics(sessions: int) -> Cohorts:
    """What the statistics hold of a trial: by session and arm the count, sum and sum of squares of rewards."""
    generator = default_rng(3)
    return [
        {arm: _sums(generator.normal(0.0, 0.02, generator.poisson(UNITS) + 2)) for arm in ARMS} for _ in range(sessions)
    ]


def shares(cohorts: Cohorts) -> list[int]:
    """The shares that the daily cycle would propose."""
    effects = arm_effects(cohorts, baseline=ARMS[-1], arms=ARMS[:-1])
    belief = posterior_of(effects, prior_sd=0.001)
    best = probability_best(belief.mean, belief.covariance, seed=1)
    return integer_shares(best, baseline_index=len(ARMS) - 1, budget=0.2, floor=0.005)


def dummies(cohorts: Cohorts) -> Problem:
    """The weighted regression of the arms' means on arms and sessions: a column for each."""
    weights, means = _table(cohorts)
    sessions = np.repeat(np.eye(len(cohorts)), len(ARMS), axis=0)
    design = np.hstack([np.tile(np.eye(len(ARMS))[:, :-1], (len(cohorts), 1)), sessions])
    return design * weights.reshape(-1, 1), (weights * means).ravel()


def swept(cohorts: Cohorts) -> Problem:
    """The same regression after each session's mean was taken out (Frisch, Waugh 1933): a column for each arm."""
    weights, means = _table(cohorts)
    shares = weights**2 / (weights**2).sum(axis=1, keepdims=True)
    design = np.eye(len(ARMS))[:, :-1] - shares[:, None, :-1]
    response = means - (shares * means).sum(axis=1, keepdims=True)
    return (design * weights[:, :, None]).reshape(-1, len(ARMS) - 1), (weights * response).ravel()


def _table(cohorts: Cohorts) -> Problem:
    """The root of the count, and the mean, of each arm (columns) in each session (rows)."""
    sums = [[cohort[arm] for arm in ARMS] for cohort in cohorts]
    counts = np.array([[one.n for one in row] for row in sums], dtype=np.float64)
    totals = np.array([[one.total for one in row] for row in sums], dtype=np.float64)
    return np.sqrt(counts), totals / (counts * SCALE)


def _sums(rewards: Floats) -> RewardSum:
    totals = [int(total) for total in np.rint(rewards * SCALE)]
    return RewardSum(len(totals), sum(totals), sum(total * total for total in totals))
