import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from learning.confidence import anytime_p_value, boundary, information_to_find, tightest_at
from learning.errors import LearningError


@pytest.mark.parametrize(("variance", "rho"), [(300.0, 36.0), (5.0, 2.0), (2000.0, 50.0)])
def test_on_the_boundary_the_normal_mixture_of_likelihood_ratios_is_one_over_alpha(variance, rho):
    score = boundary(variance, alpha=0.05, rho=rho)

    def mixed(drift):
        return np.exp(drift * score - drift**2 * variance / 2) * norm.pdf(drift, scale=rho**-0.5)

    peak = score / (variance + rho)
    assert 1 / 0.05 == pytest.approx(quad(mixed, peak - 3, peak + 3, points=[peak], limit=200)[0], rel=1e-6)


@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.001])
@pytest.mark.parametrize("variance", [10.0, 300.0])
def test_no_other_rho_is_tighter_where_it_was_asked_to_be(alpha, variance):
    found = minimize_scalar(
        lambda log: boundary(variance, alpha=alpha, rho=np.exp(log)), bounds=(-10, 10), method="bounded"
    )
    assert found.fun == pytest.approx(boundary(variance, alpha=alpha, rho=tightest_at(variance, alpha=alpha)), rel=1e-9)


@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.01])
def test_the_p_value_on_the_boundary_is_alpha(alpha):
    for variance in (3.0, 100.0, 5000.0):
        score = boundary(variance, alpha=alpha, rho=30.0)
        assert alpha == pytest.approx(anytime_p_value(score, variance, rho=30.0))
        assert alpha == pytest.approx(anytime_p_value(-score, variance, rho=30.0))


def test_no_difference_has_a_p_value_of_one():
    assert 1 == anytime_p_value(0.0, 100.0, rho=30.0)


def test_a_random_walk_leaves_the_boundary_at_any_time_in_at_most_alpha_of_all_runs():
    steps = np.random.default_rng(11).normal(0, np.sqrt(4.0), size=(4000, 1000))
    limits = np.array([boundary(4.0 * t, alpha=0.05, rho=tightest_at(300.0, alpha=0.05)) for t in range(1, 1001)])
    ever = (np.abs(np.cumsum(steps, axis=1)) > limits).any(axis=1).mean()
    assert 0.02 < ever <= 0.05


@pytest.mark.parametrize(("effect", "power"), [(0.25, 0.9), (0.1, 0.5)])
def test_the_information_it_asks_for_finds_the_effect_as_often_as_it_says(effect, power):
    needed = information_to_find(effect, alpha=0.05, power=power)
    limit = boundary(needed, alpha=0.05, rho=tightest_at(needed, alpha=0.05))
    assert power == pytest.approx(norm.sf(limit, loc=effect * needed, scale=np.sqrt(needed)))


def test_an_error_rate_that_is_none_is_refused():
    with pytest.raises(LearningError, match="alpha"):
        boundary(1.0, alpha=1.0, rho=1.0)
    with pytest.raises(LearningError, match="alpha"):
        tightest_at(1.0, alpha=0.0)
    with pytest.raises(LearningError, match="effect above 0"):
        information_to_find(0.0, alpha=0.05, power=0.9)
