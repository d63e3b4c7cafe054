"""From outcomes to statistics, and from the statistics of trials to their next shares."""

import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from bench.comparison import Comparison
from bench.workbench import OFTEN, Workbench, rate
from learning.cohorts import Cohorts, cohorts_of
from learning.differences import within_sessions
from learning.rewards import SCALE, RewardSum
from learning.shares import integer_shares, many_shares, probability_best, top_two

SESSIONS = 500
ARMS = ("a", "b", "c", "d", "baseline")
UNITS = 50
"""Units of one arm in one session, on average."""

OUTCOMES = 1_000_000
PARAMETERS, REGIMES, DAYS, PLACES = 124, 4, 250, 10
"""A trial of ten arms for each parameter in each regime, over a year of sessions."""

FADING = 0.998
"""What a session leaves of the one before."""

Sessions = list[dict[str, RewardSum]]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Problem = tuple[Floats, Floats]
Outcomes = tuple[Integers, Integers, Integers, Integers]


def measure(bench: Workbench) -> Iterator[Comparison]:
    """A trial against numpy's least squares; a million outcomes into all statistics, and all shares, against loops."""
    yield from _of_one(bench)
    outcomes = drawn(bench.count(OUTCOMES), bench.count(PARAMETERS))
    yield bench.compare(
        f"{bench.count(OUTCOMES):,} outcomes into statistics",
        "a plain loop",
        unit="ms",
        ours=lambda: 1e3 / rate(1, lambda: tables(outcomes, bench.count(PARAMETERS))),
        baseline=lambda: 1e3 / rate(1, lambda: looped(outcomes)),
    )
    cohorts = tables(outcomes, bench.count(PARAMETERS))
    yield bench.compare(
        f"CPU of shares, {bench.count(PARAMETERS)} x {PLACES} arms x {REGIMES} regimes",
        "one by one",
        unit="ms",
        ours=lambda: busy(lambda: all_shares(cohorts)),
        baseline=lambda: busy(lambda: shares_one_by_one(cohorts)),
        times=OFTEN,
    )


def _of_one(bench: Workbench) -> Iterator[Comparison]:
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


def statistics(sessions: int) -> Sessions:
    """What the statistics hold of a trial: by session and arm the count, sum and sum of squares of rewards."""
    generator = default_rng(3)
    return [
        {arm: _sums(generator.normal(0.0, 0.02, generator.poisson(UNITS) + 2)) for arm in ARMS} for _ in range(sessions)
    ]


def shares(cohorts: Sessions) -> list[int]:
    """The shares that the daily cycle would propose."""
    columns = ([[[getattr(one[arm], name) for arm in ARMS] for one in cohorts]] for name in ("n", "total", "squares"))
    found = within_sessions(Cohorts(*map(np.array, columns)), regimes=1, prior_sd=0.001)
    best = probability_best(found.means[0, 0], found.covariances[0, 0], seed=1)
    return integer_shares(best, baseline_index=len(ARMS) - 1, budget=0.2, floor=0.005)


def dummies(cohorts: Sessions) -> Problem:
    """The weighted regression of the arms' means on arms and sessions: a column for each."""
    weights, means = _table(cohorts)
    sessions = np.repeat(np.eye(len(cohorts)), len(ARMS), axis=0)
    design = np.hstack([np.tile(np.eye(len(ARMS))[:, :-1], (len(cohorts), 1)), sessions])
    return design * weights.reshape(-1, 1), (weights * means).ravel()


def swept(cohorts: Sessions) -> Problem:
    """The same regression after each session's mean was taken out (Frisch, Waugh 1933): a column for each arm."""
    weights, means = _table(cohorts)
    shares = weights**2 / (weights**2).sum(axis=1, keepdims=True)
    design = np.eye(len(ARMS))[:, :-1] - shares[:, None, :-1]
    response = means - (shares * means).sum(axis=1, keepdims=True)
    return (design * weights[:, :, None]).reshape(-1, len(ARMS) - 1), (weights * response).ravel()


def _table(cohorts: Sessions) -> Problem:
    """The root of the count, and the mean, of each arm (columns) in each session (rows)."""
    sums = [[cohort[arm] for arm in ARMS] for cohort in cohorts]
    counts = np.array([[one.n for one in row] for row in sums], dtype=np.float64)
    totals = np.array([[one.total for one in row] for row in sums], dtype=np.float64)
    return np.sqrt(counts), totals / (counts * SCALE)


def _sums(rewards: Floats) -> RewardSum:
    totals = [int(total) for total in np.rint(rewards * SCALE)]
    return RewardSum(len(totals), sum(totals), sum(total * total for total in totals))


def drawn(count: int, parameters: int) -> Outcomes:
    """Where outcomes belong (allocation, session, arm) and their rewards in 1e-6; regimes are allocations."""
    generator = default_rng(1)
    places = (generator.integers(0, most, count) for most in (parameters * REGIMES, DAYS, PLACES))
    allocations, sessions, arms = places
    return allocations, sessions, arms, np.rint(generator.normal(0.0, 0.02, count) * SCALE).astype(np.int64)


def tables(outcomes: Outcomes, parameters: int) -> Cohorts:
    """The statistics of all outcomes."""
    *places, rewards = outcomes
    allocations, sessions, arms = places
    return cohorts_of(
        (allocations, sessions, arms),
        (np.ones_like(rewards), rewards, rewards * rewards),
        shape=(parameters * REGIMES, DAYS, PLACES),
    )


def looped(outcomes: Outcomes) -> dict[tuple[int, int, int], list[int]]:
    """The same statistics, outcome by outcome."""
    found: dict[tuple[int, int, int], list[int]] = {}
    for allocation, session, arm, reward in zip(*(column.tolist() for column in outcomes), strict=True):
        sums = found.setdefault((allocation, session, arm), [0, 0, 0])
        sums[0] += 1
        sums[1] += reward
        sums[2] += reward * reward
    return found


def busy(work: Callable[[], object]) -> float:
    """Milliseconds of CPU: what else runs on the machine is not counted, but still takes from its caches."""
    started = time.process_time()
    work()
    return 1e3 * (time.process_time() - started)


def all_shares(cohorts: Cohorts) -> Integers:
    """Shares (allocations x arms) of all trials, as the daily cycle plays them: from whole numbers to whole numbers.

    Sessions fade, each regime borrows from the others, and arms have the probability of top-two sampling.
    """
    others, fading = cohorts.n.shape[2] - 1, np.power(FADING, np.arange(DAYS)[::-1])
    found = within_sessions(cohorts, regimes=REGIMES, prior_sd=0.004, weights=fading)
    means, covariances = found.means.reshape(-1, others), found.covariances.reshape(-1, others, others)
    return many_shares(top_two(means, covariances, seed=1), budget=0.05, floor=0.005)


def shares_one_by_one(cohorts: Cohorts) -> Integers:
    """The same, parameter by parameter."""
    parts = (slice(start, start + REGIMES) for start in range(0, len(cohorts.n), REGIMES))
    return np.concatenate(
        [all_shares(Cohorts(cohorts.n[part], cohorts.totals[part], cohorts.squares[part])) for part in parts]
    )
