from fractions import Fraction
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.errors import LearningError
from learning.rewards import RewardSum, quantise

rewards = st.floats(-3, 3, allow_nan=False)
sums = st.lists(rewards, max_size=30).map(lambda values: [quantise(value, bound=1.0) for value in values])


def whole(parts):
    return reduce(add, parts, RewardSum())


@given(sums, st.randoms())
def test_the_order_of_rewards_does_not_matter(parts, chance):
    shuffled = list(parts)
    chance.shuffle(shuffled)
    assert whole(parts) == whole(shuffled)


@given(sums, st.integers(0, 30))
def test_two_halves_make_the_whole(parts, cut):
    assert whole(parts) == whole(parts[:cut]) + whole(parts[cut:])


@given(sums, rewards, rewards)
def test_a_revision_leaves_what_the_last_word_alone_would_have_left(parts, first, last):
    before, after = quantise(first, bound=1.0), quantise(last, bound=1.0)
    assert whole(parts) + after == whole(parts) + before - before + after
    assert whole(parts) == whole(parts) + before - before


def test_mean_and_variance_are_those_of_numpy_on_every_prefix():
    values = np.random.default_rng(1).normal(0.001, 0.03, size=200).round(6)
    running = RewardSum()
    for count, value in enumerate(values, start=1):
        running += quantise(float(value), bound=1.0)
        assert np.isclose(np.mean(values[:count]), running.mean, rtol=1e-12, atol=0)
        if count > 1:
            assert np.isclose(np.var(values[:count], ddof=1), running.variance, rtol=1e-9, atol=0)


def test_the_variance_of_nearly_equal_rewards_does_not_drown_in_rounding():
    parts = [quantise(value, bound=1000.0) for value in (999.999999, 999.999998, 999.999999)]
    assert float(Fraction(1, 3 * 10**12)) == whole(parts).variance


def test_nothing_is_known_of_the_mean_of_no_reward_or_the_variance_of_one():
    assert None is RewardSum().mean
    assert None is RewardSum().variance
    assert None is quantise(0.5, bound=1.0).variance
    assert 0.5 == quantise(0.5, bound=1.0).mean


@pytest.mark.parametrize(
    ("reward", "total"),
    [
        (0.0000005, 0),
        (0.0000015, 2),
        (0.0000025, 2),
        (-0.0000015, -2),
        (0.0234567, 23457),
        (1.7, 500_000),
        (-9, -500_000),
    ],
)
def test_a_reward_is_winsorised_and_rounded_half_to_even(reward, total):
    assert RewardSum(1, total, total * total) == quantise(reward, bound=0.5)


@pytest.mark.parametrize("reward", [float("nan"), float("inf"), float("-inf")])
def test_a_reward_that_is_no_number_is_refused(reward):
    with pytest.raises(LearningError, match="finite number"):
        quantise(reward, bound=1.0)


@pytest.mark.parametrize("bound", [0.0, -1.0, float("nan"), float("inf")])
def test_a_bound_that_bounds_nothing_is_refused(bound):
    with pytest.raises(LearningError, match="bound"):
        quantise(0.1, bound=bound)
