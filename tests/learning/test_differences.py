import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from learning.cohorts import Cohorts
from learning.differences import within_sessions
from learning.effects import arm_effects
from learning.errors import LearningError
from learning.rewards import RewardSum, quantise


def session(chance, sizes, *, shift=0.0):
    return {
        name: sum((quantise(value, bound=1.0) for value in chance.normal(shift, 0.01, size)), RewardSum())
        for name, size in sizes.items()
    }


def measured(sizes=None, *, arms=("a", "b"), sessions=12, seed=1):
    chance = np.random.default_rng(seed)
    rows = [session(chance, sizes or {"base": 8, "a": 3, "b": 2}, shift=chance.normal()) for _ in range(sessions)]
    return rows, arm_effects(rows, baseline="base", arms=list(arms))


def believed(rows, arms=("a", "b"), *, prior_sd=0.004, regimes=1):
    """Mean and covariance in the first regime, from tables of the same rows."""
    names = [*arms, "base"]
    columns = [
        [[getattr(row.get(name, RewardSum()), field) for name in names] for row in rows]
        for field in ("n", "total", "squares")
    ]
    cohorts = Cohorts(*(np.array(column, dtype=np.int64)[None] for column in columns))
    found = within_sessions(cohorts, regimes=regimes, prior_sd=prior_sd)
    return found.means[0, 0], found.covariances[0, 0]


def test_the_posterior_density_is_prior_times_likelihood():
    rows, effects = measured()
    mean, covariance = believed(rows)
    points = np.random.default_rng(2).normal(0, 0.005, size=(50, 2))
    likelihood = multivariate_normal(list(effects.estimates.values()), effects.covariance).logpdf(points)
    product = likelihood + norm(0, 0.004).logpdf(points).sum(axis=1)
    density = multivariate_normal(mean, covariance).logpdf(points)
    assert np.allclose(product - product[0], density - density[0], rtol=1e-8, atol=1e-8)


def test_a_wide_prior_leaves_the_estimate_and_a_narrow_one_nothing_of_it():
    rows, effects = measured()
    (wide, spread), (narrow, _) = believed(rows, prior_sd=1e3), believed(rows, prior_sd=1e-9)
    assert np.allclose(list(effects.estimates.values()), wide, rtol=1e-6)
    assert np.allclose(effects.covariance, spread, rtol=1e-6)
    assert np.allclose(0, narrow, atol=1e-12)


def test_every_estimate_is_shrunk_toward_no_difference():
    rows, effects = measured(arms=["a"])
    assert 0 < believed(rows, ["a"], prior_sd=0.002)[0][0] / effects.estimates["a"] < 1


@pytest.mark.parametrize("sizes", [{"base": 1, "a": 1, "b": 1}, {"base": 5}])
def test_nothing_measured_leaves_the_prior(sizes):
    mean, covariance = believed(measured(sizes)[0])
    assert [0, 0] == list(mean)
    assert np.allclose(np.eye(2) * 0.004**2, covariance)


def test_rewards_without_any_variance_leave_the_prior():
    mean, covariance = believed([{"base": RewardSum(5, 0, 0), "a": RewardSum(5, 0, 0)}] * 5, ["a"])
    assert [0] == list(mean)
    assert 0.004**2 == pytest.approx(covariance[0, 0])


def test_an_arm_without_units_keeps_the_prior_beside_one_that_has_some():
    mean, covariance = believed(measured({"base": 8, "a": 3})[0])
    assert 0.004**2 == pytest.approx(covariance[1, 1])
    assert 0 == pytest.approx(mean[1])
    assert covariance[0, 0] < 0.004**2


@pytest.mark.parametrize("seed", range(20))
def test_arms_that_met_only_each_other_teach_their_differences_and_no_more(seed):
    rows, _ = measured({"a": 5, "b": 7, "c": 3}, arms=["a", "b", "c"], seed=seed)
    mean, covariance = believed(rows, ["a", "b", "c"])
    assert 0 == pytest.approx(mean.sum(), abs=1e-12)
    assert np.abs(mean).max() > 1e-5
    assert 3 * 0.004**2 == pytest.approx(np.ones(3) @ covariance @ np.ones(3))


@pytest.mark.parametrize("prior_sd", [0.0, -1.0, float("nan"), float("inf")])
def test_a_prior_without_width_is_refused(prior_sd):
    with pytest.raises(LearningError, match="prior"):
        believed(measured()[0], prior_sd=prior_sd)
