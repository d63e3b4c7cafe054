"""How often the gate replaces a baseline when it looks after every session, by simulation with fixed seeds.

Each world has two arms, 40 sessions of 50 units, a candidate share of 20 %, and a market that drifts as a random walk.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import binom

from learning.gate import Rules, evidence_for, judge
from learning.rewards import RewardSum
from tests import lengths

ALPHA, SD, SESSIONS, UNITS, SHARE = 0.05, 0.01, 40, 50, 0.2
RULES = Rules(minimum_units=30, minimum_sessions=10)


def normal(chance, shape):
    return chance.normal(size=shape)


def heavy_tailed(chance, shape):
    return chance.standard_t(3, size=shape) / np.sqrt(3)


def skewed(chance, shape):
    return 1 - chance.exponential(size=shape)


def lognormal(chance, shape):
    return (chance.lognormal(size=shape) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)


def garch(chance, shape):
    variances = [1.0]
    for shock in chance.normal(size=shape[0] - 1):
        variances.append(0.05 + (0.15 * shock**2 + 0.8) * variances[-1])
    return chance.normal(size=shape) * np.sqrt(variances)[:, None]


def heteroscedastic(chance, shape):
    """Sessions whose volatility varies five-fold; on average a variance of 1."""
    volatility = np.exp(chance.uniform(0, np.log(5), size=(shape[0], 1)))
    return chance.normal(size=shape) * volatility / np.sqrt(12 / np.log(5))


def summed(rewards):
    return RewardSum(len(rewards), int(rewards.sum()), int((rewards**2).sum()))


def world(seed, *, noise, effect, candidate_noise=1.0):
    chance = np.random.default_rng([seed, 20])
    market = np.cumsum(chance.normal(size=SESSIONS))
    candidate = chance.random((SESSIONS, UNITS)) < SHARE
    rewards = noise(chance, candidate.shape) * np.where(candidate, candidate_noise, 1.0)
    rewards = market[:, None] + rewards + effect * candidate
    counted = np.rint(np.clip(rewards * SD, -1, 1) * 1e6).astype(np.int64)
    return [{"a": summed(row[is_a]), "b": summed(row[~is_a])} for row, is_a in zip(counted, candidate, strict=True)]


class Run(NamedTuple):
    accepted: bool
    fooled: bool


def watch(sessions):
    """Look after every session; did the gate ever accept, would an interval for one single look ever have?"""
    fooled = False
    for seen in range(RULES.minimum_sessions, len(sessions) + 1):
        evidence = evidence_for(sessions[:seen], arm="a", baseline="b", alpha=ALPHA)
        fooled |= evidence.estimate > 1.96 * evidence.sigma / np.sqrt(evidence.information)
        if judge(evidence, RULES).accepted:
            return Run(True, True)
    return Run(False, fooled)


def watched(runs, **options):
    return [watch(world(seed, **options)) for seed in range(runs)]


def limit(runs):
    """A count that ``runs`` of a gate with error rate alpha / 2 on the good side exceed once in a thousand times."""
    return binom.ppf(0.999, runs, ALPHA / 2)


@lengths.runs(150, at_length=400)
def test_with_no_effect_a_baseline_is_hardly_ever_replaced_and_by_an_interval_for_one_look_in_every_tenth_world(runs):
    found = watched(runs, noise=normal, effect=0.0)
    assert sum(run.accepted for run in found) <= limit(runs)
    fooled = sum(run.fooled for run in found)
    assert 0.07 * runs < fooled < 0.18 * runs
    assert fooled > limit(runs)


@lengths.runs(150, at_length=400)
def test_a_quarter_of_a_standard_deviation_is_found(runs):
    assert 0.9 * runs <= sum(run.accepted for run in watched(runs, noise=normal, effect=0.25))


NOISES = [heavy_tailed, skewed, lognormal, garch, heteroscedastic]


@lengths.runs(30, at_length=150)
def test_no_shape_of_noise_makes_a_winner_of_an_equal_arm(runs):
    """Of each shape, and of all of them together."""
    accepted = [sum(run.accepted for run in watched(runs, noise=noise, effect=0.0)) for noise in NOISES]
    assert max(accepted) <= limit(runs)
    assert sum(accepted) <= limit(len(NOISES) * runs)


@lengths.runs(30, at_length=150)
def test_no_shape_of_noise_hides_a_quarter_of_a_standard_deviation(runs):
    accepted = [sum(run.accepted for run in watched(runs, noise=noise, effect=0.25)) for noise in NOISES]
    assert 0.85 * len(NOISES) * runs <= sum(accepted)
    assert binom.ppf(0.001, runs, 0.85) <= min(accepted)


@lengths.runs(50, at_length=150)
def test_a_candidate_that_is_only_three_times_noisier_is_no_winner(runs):
    found = watched(runs, noise=normal, effect=0.0, candidate_noise=3.0)
    assert sum(run.accepted for run in found) <= limit(runs)


@lengths.runs(60, at_length=150)
def test_the_interval_holds_the_true_difference_at_all_looks_at_once(runs):
    missed = 0
    for seed in range(runs):
        sessions = world(seed, noise=normal, effect=0.25)
        looks = [evidence_for(sessions[:seen], arm="a", baseline="b", alpha=ALPHA) for seen in range(10, SESSIONS + 1)]
        missed += not all(look.low <= 0.25 * SD <= look.high for look in looks)
    assert missed <= binom.ppf(0.999, runs, ALPHA)
