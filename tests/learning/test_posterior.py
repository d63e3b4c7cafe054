import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from learning.effects import arm_effects
from learning.errors import LearningError
from learning.posterior import posterior_of
from learning.rewards import RewardSum, quantise


def session(chance, sizes, *, shift=0.0):
    return {
        name: sum((quantise(value, bound=1.0) for value in chance.normal(shift, 0.01, size)), RewardSum())
        for name, size in sizes.items()
    }


def effects(sizes=None, *, arms=("a", "b"), sessions=12, seed=1):
    chance = np.random.default_rng(seed)
    rows = [session(chance, sizes or {"base": 8, "a": 3, "b": 2}, shift=chance.normal()) for _ in range(sessions)]
    return arm_effects(rows, baseline="base", arms=list(arms))


def test_the_posterior_density_is_prior_times_likelihood():
    measured = effects()
    posterior = posterior_of(measured, prior_sd=0.004)
    points = np.random.default_rng(2).normal(0, 0.005, size=(50, 2))
    likelihood = multivariate_normal(list(measured.estimates.values()), measured.covariance).logpdf(points)
    product = likelihood + norm(0, 0.004).logpdf(points).sum(axis=1)
    density = multivariate_normal(posterior.mean, posterior.covariance).logpdf(points)
    assert np.allclose(product - product[0], density - density[0], rtol=1e-8, atol=1e-8)


def test_a_wide_prior_leaves_the_estimate_and_a_narrow_one_nothing_of_it():
    measured = effects()
    wide, narrow = posterior_of(measured, prior_sd=1e3), posterior_of(measured, prior_sd=1e-9)
    assert np.allclose(list(measured.estimates.values()), wide.mean, rtol=1e-6)
    assert np.allclose(measured.covariance, wide.covariance, rtol=1e-6)
    assert np.allclose(0, narrow.mean, atol=1e-12)


def test_every_estimate_is_shrunk_toward_no_difference():
    measured = effects(arms=["a"])
    assert 0 < posterior_of(measured, prior_sd=0.002).mean[0] / measured.estimates["a"] < 1


@pytest.mark.parametrize("sizes", [{"base": 1, "a": 1, "b": 1}, {"base": 5}])
def test_nothing_measured_leaves_the_prior(sizes):
    posterior = posterior_of(effects(sizes), prior_sd=0.004)
    assert [0, 0] == list(posterior.mean)
    assert np.allclose(np.eye(2) * 0.004**2, posterior.covariance)


def test_rewards_without_any_variance_leave_the_prior():
    flat = [{"base": RewardSum(5, 0, 0), "a": RewardSum(5, 0, 0)}] * 5
    posterior = posterior_of(arm_effects(flat, baseline="base", arms=["a"]), prior_sd=0.004)
    assert [0] == list(posterior.mean)
    assert 0.004**2 == pytest.approx(posterior.covariance[0, 0])


def test_an_arm_without_units_keeps_the_prior_beside_one_that_has_some():
    posterior = posterior_of(effects({"base": 8, "a": 3}), prior_sd=0.004)
    assert 0.004**2 == pytest.approx(posterior.covariance[1, 1])
    assert 0 == pytest.approx(posterior.mean[1])
    assert posterior.covariance[0, 0] < 0.004**2


@pytest.mark.parametrize("seed", range(20))
def test_arms_that_met_only_each_other_teach_their_differences_and_no_more(seed):
    measured = effects({"a": 5, "b": 7, "c": 3}, arms=["a", "b", "c"], seed=seed)
    posterior = posterior_of(measured, prior_sd=0.004)
    assert 0 == pytest.approx(posterior.mean.sum(), abs=1e-12)
    assert np.abs(posterior.mean).max() > 1e-5
    assert 3 * 0.004**2 == pytest.approx(np.ones(3) @ posterior.covariance @ np.ones(3))


@pytest.mark.parametrize("prior_sd", [0.0, -1.0, float("nan"), float("inf")])
def test_a_prior_without_width_is_refused(prior_sd):
    with pytest.raises(LearningError, match="prior"):
        posterior_of(effects(), prior_sd=prior_sd)
