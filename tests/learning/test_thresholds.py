import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning import thresholds as module
from learning.errors import LearningError
from learning.thresholds import threshold_sums

tenths = st.integers(0, 10).map(lambda tenth: tenth / 10)
units = st.lists(st.tuples(tenths, st.integers(-(10**6), 10**6), st.integers(3, 8)), max_size=40)
levels = st.lists(tenths, min_size=1, max_size=6)


def summed(units, levels):
    scores, rewards, sessions = np.array(units, dtype=float).reshape(-1, 3).T
    return threshold_sums(scores, rewards / 1e6, sessions.astype(np.int64), thresholds=np.array(levels))


@given(units, levels)
def test_each_sum_is_that_of_a_loop_over_units(units, levels):
    numbers, sums = summed(units, levels)
    assert sorted({session for *_, session in units}) == numbers.tolist()
    for row, session in enumerate(numbers):
        for column, level in enumerate(levels):
            bought = sum(reward for score, reward, of in units if of == session and score >= level)
            assert bought / 1e6 == sums[row, column]


@given(units, levels, st.randoms(use_true_random=False))
def test_the_order_of_units_changes_no_bit(units, levels, shuffler):
    shuffled = list(units)
    shuffler.shuffle(shuffled)
    for one, other in zip(summed(units, levels), summed(shuffled, levels), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_order_changes_no_bit_of_rewards_that_are_no_round_numbers_either():
    chance = np.random.default_rng(2)
    scores, rewards, order = chance.random(5_000), chance.normal(0, 0.02, 5_000), chance.permutation(5_000)
    sessions, levels = np.zeros(5_000, dtype=np.int64), np.array([0.0, 0.5])
    _, sums = threshold_sums(scores, rewards, sessions, thresholds=levels)
    _, shuffled = threshold_sums(scores[order], rewards[order], sessions, thresholds=levels)
    np.testing.assert_array_equal(sums, shuffled)


@given(units, levels)
def test_negated_rewards_negate_the_sums(units, levels):
    negated = [(score, -reward, session) for score, reward, session in units]
    np.testing.assert_array_equal(-summed(units, levels)[1], summed(negated, levels)[1])


def test_the_sum_finds_the_inner_optimum_where_the_mean_of_a_trade_rises_to_the_highest_threshold():
    """Returns are 1 % x (score - 0.3) on average: what is bought above 0.3 gains, and 0.9 has the best mean.

    The best sum exceeds the one of 0.1 by 0.2^2 / 2 = 0.02 a unit of 1 %, with noise of 0.2 x sqrt(0.2 / 100,000).
    """
    chance = np.random.default_rng(1)
    scores, sessions = chance.random(100_000), np.arange(100_000) // 200
    rewards = 0.01 * (scores - 0.3) + chance.normal(0, 0.002, size=100_000)
    levels = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    _, sums = threshold_sums(scores, rewards, sessions, thresholds=levels)
    per_trade = sums.sum(axis=0) / (scores[:, None] >= levels).sum(axis=0)
    assert (np.diff(per_trade) > 0).all()
    assert levels[sums.mean(axis=0).argmax()] == 0.3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rewards": np.array([0.1, np.nan])}, "reward 1 is nan"),
        ({"scores": np.array([np.inf, 0.1])}, "score 0 is inf"),
        ({"thresholds": np.array([np.nan])}, "threshold 0 is nan"),
        ({"sessions": np.array([1])}, "one shape"),
        ({"thresholds": np.ones((1, 1))}, "one shape"),
    ],
)
def test_what_is_unknown_is_refused(wrong, said):
    right = {"scores": np.ones(2), "rewards": np.ones(2), "sessions": np.ones(2, int), "thresholds": np.ones(1)}
    threshold_sums(**right)
    with pytest.raises(LearningError, match=said):
        threshold_sums(**right | wrong)


def test_the_example_in_the_documentation_holds():
    assert (0, 1) <= doctest.testmod(module) < (1, 0)
