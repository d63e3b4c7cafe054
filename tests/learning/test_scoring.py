import numpy as np
import pytest

from learning.errors import LearningError
from learning.moments import moments
from learning.regression import ridge
from learning.scoring import _positive_slopes, next_weights

OLD = np.full(4, 0.25)
FREE = {"old": OLD, "lower": 0.0, "upper": 1.0, "cap": 1.0}


def chance(seed=1):
    return np.random.default_rng(seed)


def fitted(slopes, *, n=5_000, noise=0.02, seed=1):
    features = chance(seed).random((n, len(slopes)))
    return ridge(moments(features, features @ slopes + chance(seed + 1).normal(0, noise, size=n)))


def test_with_much_data_the_weights_are_in_the_proportion_of_the_slopes():
    """A slope's standard error is 0.02 / sqrt(5,000 / 12) = 0.001; of a sum of 0.04 that is 0.025, 4 of them 0.1."""
    found = next_weights(fitted(np.array([0.02, 0.01, 0.01, 0.0])), **FREE)
    np.testing.assert_allclose(found, [0.5, 0.25, 0.25, 0.0], atol=0.1)


def test_a_feature_that_surely_points_down_wants_no_weight():
    found = next_weights(fitted(np.array([0.02, 0.02, 0.02, -0.02])), **FREE)
    assert found[3] == pytest.approx(0, abs=1e-6)


def test_with_nothing_known_weights_want_to_be_equal():
    """Noise alone: the evidence shrinks all slopes to nearly one distribution."""
    old = np.array([0.7, 0.1, 0.1, 0.1])
    found = next_weights(fitted(np.zeros(4), n=30), **FREE | {"old": old})
    assert np.abs(found - 0.25).max() < np.abs(old - 0.25).max() / 2


def test_what_is_wanted_is_the_expected_positive_part_of_the_slope():
    fit = fitted(np.array([0.002, 0.0, -0.001, 0.004]), n=400)
    spread = np.sqrt(fit.covariance.diagonal())
    draws = fit.coefficients + spread * chance(3).normal(size=(200_000, 4))
    expected = np.maximum(draws / fit.scaling.scales, 0).mean(axis=0)
    error = (np.maximum(draws / fit.scaling.scales, 0)).std(axis=0) / 200_000**0.5
    assert (np.abs(_positive_slopes(fit, 4) - expected) <= 4 * error).all()


def test_sum_bounds_and_daily_budget_hold_whatever_the_data_want():
    for seed in range(20):
        fit = fitted(chance(seed).normal(0, 0.02, size=4), n=300, seed=seed)
        found = next_weights(fit, old=OLD, lower=0.22, upper=0.4, cap=0.05)
        assert found.sum() == pytest.approx(1, abs=1e-12)
        assert np.abs(found - OLD).max() <= 0.05
        assert found.min() >= 0.22


def test_where_no_feature_ever_varied_the_old_weights_stay():
    fit = ridge(moments(np.ones((50, 4)), chance().normal(size=50)), prior=1.0, noise=1.0)
    np.testing.assert_array_equal(OLD, next_weights(fit, **FREE))


@pytest.mark.parametrize("old", [np.ones(3), np.array([1.0, np.nan, 1, 1]), np.zeros(4)])
def test_old_weights_that_do_not_fit_are_refused(old):
    with pytest.raises(LearningError, match="old weight"):
        next_weights(fitted(np.ones(4), n=50), **FREE | {"old": old})


def test_bounds_that_one_days_change_cannot_reach_are_refused():
    with pytest.raises(LearningError, match="exclude each other"):
        next_weights(fitted(np.ones(4), n=50), old=OLD, lower=0.4, upper=1.0, cap=0.05)
