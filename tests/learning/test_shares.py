import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from learning.errors import LearningError
from learning.shares import integer_shares, probability_best

MEAN = np.array([0.01, 0.02, -0.01])
COVARIANCE = np.diag([1e-4, 2e-4, 3e-4]) + 1e-5


def brute(mean, covariance, draws=1_000_000):
    drawn = np.random.default_rng(5).multivariate_normal(mean, covariance, draws)
    return np.bincount(np.argmax(np.column_stack([drawn, np.zeros(draws)]), axis=1)) / draws


def test_probabilities_are_those_of_a_million_plain_draws():
    assert np.allclose(brute(MEAN, COVARIANCE), probability_best(MEAN, COVARIANCE, seed=1), atol=0.005)


def test_one_arm_beside_the_baseline_has_a_closed_form():
    expected = norm.sf(0, loc=0.003, scale=0.002)
    assert [expected, 1 - expected] == pytest.approx(list(probability_best([0.003], [[4e-6]], seed=1)), abs=1e-15)


@given(st.floats(-1, 1), st.floats(1e-6, 1))
def test_worse_by_as_much_is_as_likely_worse(mean, variance):
    better, worse = probability_best([mean], [[variance]], seed=1), probability_best([-mean], [[variance]], seed=1)
    assert list(better) == pytest.approx(list(worse[::-1]), abs=1e-15)


@given(st.permutations(range(3)), st.integers(0, 100))
def test_permuted_arms_have_permuted_probabilities(order, seed):
    there = probability_best(MEAN, COVARIANCE, seed=seed)
    back = probability_best(MEAN[order], COVARIANCE[np.ix_(order, order)], seed=seed)
    assert list(there[[*order, 3]]) == list(back)


def test_arms_that_nobody_can_tell_apart_are_best_equally_often():
    unknown = probability_best(np.zeros(4), 1e-4 * (np.eye(4) + 1), seed=3)
    assert np.allclose(0.2, unknown, atol=0.01)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    assert list(probability_best(MEAN, COVARIANCE, seed=7)) == list(probability_best(MEAN, COVARIANCE, seed=7))
    assert list(probability_best(MEAN, COVARIANCE, seed=7)) != list(probability_best(MEAN, COVARIANCE, seed=8))


def test_what_is_known_exactly_is_certain():
    assert [1, 0] == list(probability_best([0.1], [[0.0]], seed=1))
    assert [0.5, 0.5] == list(probability_best([0.0], [[0.0]], seed=1))
    assert [0, 1, 0] == list(probability_best([0.1, 0.2], np.zeros((2, 2)), seed=1))


def test_a_baseline_alone_is_best():
    assert [1] == list(probability_best(np.zeros(0), np.zeros((0, 0)), seed=1))


@pytest.mark.parametrize(("mean", "covariance"), [([np.nan], [[1.0]]), ([0.0], [[np.inf]]), ([0.0, 0.0], [[1.0]])])
def test_a_belief_that_does_not_fit_is_refused(mean, covariance):
    with pytest.raises(LearningError, match="finite"):
        probability_best(mean, covariance, seed=1)


weights = st.lists(st.floats(0, 1), min_size=1, max_size=12).filter(lambda values: sum(values) > 1e-3)


@given(weights, st.data(), st.floats(0, 1), st.floats(0, 1))
def test_shares_sum_to_the_whole_and_never_exceed_the_budget(values, data, budget, floor):
    probabilities = np.array(values) / sum(values)
    baseline = data.draw(st.integers(0, len(values) - 1))
    shares = integer_shares(probabilities, baseline_index=baseline, budget=budget, floor=floor)
    others = [share for place, share in enumerate(shares) if place != baseline]
    assert 10_000 == sum(shares)
    assert sum(others) <= budget * 10_000 + 1e-6
    assert all(isinstance(share, int) and share >= 0 for share in shares)
    if others:
        assert min(others) >= min(round(floor * 10_000), int(budget * 10_000 + 1e-9) // len(others))


@given(weights, st.floats(0, 0.2), st.floats(0, 0.02))
def test_the_likelier_arm_never_gets_less(values, budget, floor):
    probabilities = np.array([*values, 0.5]) / (sum(values) + 0.5)
    shares = integer_shares(probabilities, baseline_index=len(values), budget=budget, floor=floor)
    for i, first in enumerate(probabilities[:-1]):
        for j, second in enumerate(probabilities[:-1]):
            if first > second:
                assert shares[i] >= shares[j]


@pytest.mark.parametrize(
    ("probabilities", "budget", "floor", "expected"),
    [
        ([0.3, 0.3, 0.4], 0.05, 0.005, [250, 250, 9500]),
        ([0.9, 0.0, 0.1], 0.05, 0.005, [450, 50, 9500]),
        ([0.01, 0.0, 0.99], 0.05, 0.005, [100, 50, 9850]),
        ([0.5, 0.5, 0.0], 0.001, 0.005, [5, 5, 9990]),
        ([0.5, 0.5, 0.0], 0.0, 0.005, [0, 0, 10000]),
        ([1 / 3, 1 / 3, 1 / 3], 0.0005, 0.0, [3, 2, 9995]),
        ([0.6, 0.2, 0.2], 0.00299, 0.0, [22, 7, 9971]),
        ([0.6, 0.4], 1.0, 0.0, [6000, 4000]),
        ([0.6, 0.4], 0.2, 0.3, [2000, 8000]),
    ],
)
def test_shares_are_the_probability_of_being_best_within_floor_and_budget(probabilities, budget, floor, expected):
    last = len(probabilities) - 1
    assert expected == integer_shares(probabilities, baseline_index=last, budget=budget, floor=floor)


def test_the_baseline_may_stand_anywhere():
    assert [9500, 250, 250] == integer_shares([0.4, 0.3, 0.3], baseline_index=0, budget=0.05, floor=0.005)


@pytest.mark.parametrize(
    ("probabilities", "options"),
    [
        ([0.5, 0.4], {}),
        ([1.5, -0.5], {}),
        ([float("nan"), 0.5], {}),
        ([0.5, 0.5], {"budget": 1.1}),
        ([0.5, 0.5], {"floor": -0.1}),
        ([0.5, 0.5], {"baseline_index": 2}),
    ],
)
def test_impossible_shares_are_refused(probabilities, options):
    with pytest.raises(LearningError):
        integer_shares(probabilities, **{"baseline_index": 0, "budget": 0.05, "floor": 0.005} | options)
