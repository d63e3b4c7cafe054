"""From the statistics of a trial to its next shares, against one least-squares fit of the same table."""

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


def measure(bench: Workbench) -> Iterator[Comparison]:
    """500 sessions of five arms: effects with session fixed effects, belief, probability of being best, shares."""
    cohorts = statistics(bench.count(SESSIONS))
    design, response = least_squares(cohorts)
    yield bench.compare(
        f"shares of {len(ARMS)} arms from {len(cohorts)} sessions",
        f"numpy lstsq, {design.shape[0]} x {design.shape[1]}",
        unit="fits/s",
        ours=lambda: rate(1, lambda: shares(cohorts)),
        baseline=lambda: rate(1, lambda: np.linalg.lstsq(design, response, rcond=None)),
    )


def statistics(sessions: int) -> Cohorts:
    """What the statistics hold of a trial: by session and arm the count, sum and sum of squares of rewards."""
    generator = default_rng(3)
    return [{arm: _sums(generator.normal(0.0, 0.02, generator.poisson(UNITS) + 2)) for arm in ARMS} for _ in range(sessions)]


def shares(cohorts: Cohorts) -> list[int]:
    """The shares that the daily cycle would propose."""
    effects = arm_effects(cohorts, baseline=ARMS[-1], arms=ARMS[:-1])
    belief = posterior_of(effects, prior_sd=0.001)
    best = probability_best(belief.mean, belief.covariance, seed=1)
    return integer_shares(best, baseline_index=len(ARMS) - 1, budget=0.2, floor=0.005)


def least_squares(cohorts: Cohorts) -> tuple[Floats, Floats]:
    """The weighted regression of the arms' means on sessions and arms, which gives the same differences."""
    design = np.zeros((len(cohorts) * len(ARMS), len(cohorts) + len(ARMS) - 1))
    response = np.zeros(len(design))
    for row, (session, place) in enumerate(np.ndindex(len(cohorts), len(ARMS))):
        sums = cohorts[session][ARMS[place]]
        weight = np.sqrt(sums.n)
        design[row, session] = weight
        if place < len(ARMS) - 1:
            design[row, len(cohorts) + place] = weight
        response[row] = weight * sums.total / (sums.n * SCALE)
    return design, response


def _sums(rewards: Floats) -> RewardSum:
    totals = [int(total) for total in np.rint(rewards * SCALE)]
    return RewardSum(len(totals), sum(totals), sum(total * total for total in totals))
