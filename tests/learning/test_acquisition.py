import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from learning.acquisition import NoisyImprovement, beside, climbed, log_improvement
from learning.domain import Domain, Group, Parameter, Region
from learning.errors import LearningError
from learning.gaussian_process import Model, Sample, conditioned
from learning.kernels import Kernel

NOWHERE = np.zeros(0)


def process(n=20, noise=0.05, d=2, seed=1):
    generator = np.random.default_rng(seed)
    inputs = generator.random((n, d))
    targets = np.sin(5 * inputs[:, 0]) + inputs[:, 1] + math.sqrt(noise) * generator.standard_normal(n)
    logs = np.log([1.0, *[0.4] * d])
    return conditioned(Sample(inputs, targets, np.full(n, noise)), model=Model(Kernel(d)), log_parameters=logs)


def screened(acquisition, points):
    return points[np.argsort(-acquisition.log_values(points))[:8]]


@settings(deadline=None)
@given(st.floats(-8, 8))
def test_log_improvement_is_the_integral(z):
    integral = quad(lambda u: (z + u) * norm.pdf(u), -z, max(-z, 0) + 12, epsabs=0, epsrel=1e-12)[0]
    assert math.log(integral) == pytest.approx(float(log_improvement(np.array([z]))[0]), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("z", [-20.0, -49.9, -50.1, -300.0, -1e5])
def test_log_improvement_far_below_is_mills_asymptotic_series(z):
    terms = [1 / z**2, -3 / z**4, 15 / z**6, -105 / z**8, 945 / z**10, -10395 / z**12]
    expected = norm.logpdf(z) + math.log(math.fsum(terms))
    assert expected == pytest.approx(float(log_improvement(np.array([z]))[0]), rel=1e-9)


@pytest.mark.parametrize("z", [8.0, 8.9, 9.1, 40.0, 1e6])
def test_log_improvement_far_above_is_the_distance_and_what_falls_below_the_best(z):
    expected = math.log(z + norm.pdf(z) - z * norm.sf(z))
    assert expected == pytest.approx(float(log_improvement(np.array([z]))[0]), rel=1e-14)


def test_log_improvement_only_rises():
    grid = np.sort(np.concatenate([np.linspace(-60, 12, 5001), [-50, -1, 9]]))
    assert np.all(np.diff(log_improvement(grid)) > 0)


def test_without_noise_it_is_the_closed_form_of_the_best_target():
    known = process(noise=0.0)
    points = np.random.default_rng(2).random((30, 2))
    mean, deviation = known.posterior(points)
    best = known.mean + known.scale * known.sample.targets.max()
    z = (mean - best) / deviation
    expected = deviation * (norm.pdf(z) + z * norm.cdf(z))
    found = np.exp(NoisyImprovement.of(known, known.sample.inputs, seed=1).log_values(points)) * known.scale
    worth = expected > 1e-3
    assert worth.sum() > 3
    assert expected[worth] == pytest.approx(found[worth], rel=0.03)


def test_with_noise_it_is_the_mean_over_joint_posterior_draws():
    known = process(n=12, noise=0.3)
    anchors, points = known.sample.inputs[:4], np.random.default_rng(3).random((5, 2))
    mean, covariance = known.joint(np.vstack([anchors, points]))
    drawn = np.random.default_rng(4).multivariate_normal(mean, covariance, 200_000, method="eigh")
    gains = (drawn[:, 4:] - drawn[:, :4].max(axis=1, keepdims=True)).clip(min=0)
    expected, error = gains.mean(axis=0), gains.std(axis=0) / math.sqrt(len(gains))
    found = np.exp(NoisyImprovement.of(known, anchors, seed=1, draws=4096).log_values(points)) * known.scale
    # 3.89 standard errors of the draws (99.99 %), and 0.5 % for 4,096 Sobol points and the jitter
    assert np.all(abs(found - expected) < 3.89 * error + 0.005 * expected)


def test_a_batch_counts_what_was_chosen_before():
    known = process(n=12, noise=0.3)
    anchors, chosen = known.sample.inputs[:4], np.array([[0.3, 0.9]])
    points = np.vstack([chosen, np.random.default_rng(3).random((5, 2))])
    mean, covariance = known.joint(np.vstack([anchors, points]))
    drawn = np.random.default_rng(4).multivariate_normal(mean, covariance, 1_000_000, method="eigh")
    gains = (drawn[:, 5:] - drawn[:, :5].max(axis=1, keepdims=True)).clip(min=0)
    expected, error = gains.mean(axis=0), gains.std(axis=0) / math.sqrt(len(gains))
    batches = [NoisyImprovement.of(known, anchors, seed=seed, draws=1024, more=1) for seed in range(16)]
    values = np.array([np.exp(batch.and_also(chosen).log_values(points)) * known.scale for batch in batches])
    found, own = values.mean(axis=0), values[:, 1:].std(axis=0, ddof=1) / math.sqrt(len(values))
    # 3.89 standard errors of both (99.99 %), of ours by seeds; and 0.5 % for the jitter
    assert np.all(abs(found[1:] - expected) < 3.89 * np.hypot(error, own) + 0.005 * expected)
    assert found[0] < 0.01 * found[1:].max()


def test_slopes_are_the_gradient():
    known = process()
    acquisition = NoisyImprovement.of(known, known.sample.inputs[:6], seed=1)
    points = np.random.default_rng(5).random((4, 2))
    values, slopes = acquisition.log_values_and_slopes(points)
    assert values == pytest.approx(acquisition.log_values(points), abs=1e-12)
    for place, move in enumerate(np.eye(2) * 1e-6):
        there, back = (acquisition.log_values(points + sign * move) for sign in (1, -1))
        assert (there - back) / 2e-6 == pytest.approx(slopes[:, place], rel=1e-4, abs=1e-4)


def test_climbing_ends_above_every_screened_start_and_reaches_the_top_of_a_grid():
    known = process()
    region = Region.of(Domain(tuple(Parameter(name=name, low=0.0, high=1.0) for name in "ab")), None)
    acquisition = NoisyImprovement.of(known, known.sample.inputs, seed=1)
    starts = screened(acquisition, np.random.default_rng(6).random((256, 2)))
    ends = climbed(acquisition, starts, region=region, context=NOWHERE)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 101)] * 2), axis=-1).reshape(-1, 2)
    assert np.all(acquisition.log_values(ends) > acquisition.log_values(starts))
    assert acquisition.log_values(ends).max() > acquisition.log_values(grid).max() - 1e-3


def test_climbing_on_a_simplex_stays_there_and_reaches_the_top_of_many_draws():
    known = process(d=3)
    domain = Domain(tuple(Parameter(name=name, low=0.0, high=1.0) for name in "abc"), (Group(("a", "b", "c")),))
    region = Region.of(domain, None)
    acquisition = NoisyImprovement.of(known, known.sample.inputs, seed=1)
    generator = np.random.default_rng(7)
    starts = screened(acquisition, region.project(generator.random((256, 3))))
    ends = climbed(acquisition, starts, region=region, context=NOWHERE)
    many = generator.dirichlet(np.ones(3), 20_000)
    assert np.ones(8) == pytest.approx(ends.sum(axis=1), abs=1e-12)
    assert acquisition.log_values(ends).max() > acquisition.log_values(many).max() - 1e-3


@pytest.mark.parametrize("seed", range(4))
def test_a_climber_leaves_a_face_on_which_it_began(seed):
    """From every corner of a small budget of three weights, where nearly all tops lie in a corner again."""
    known = process(d=3, seed=seed)
    domain = Domain(
        tuple(Parameter(name=name, low=0.0, high=1.0, change=0.02) for name in "abc"), (Group(("a", "b", "c")),)
    )
    region = Region.of(domain, {"a": 0.4, "b": 0.3, "c": 0.3})
    acquisition = NoisyImprovement.of(known, known.sample.inputs, seed=1)
    corners = np.array([[0.42, 0.3, 0.28], [0.42, 0.28, 0.3], [0.38, 0.32, 0.3], [0.38, 0.3, 0.32]])
    corners = np.vstack([corners, [[0.4, 0.32, 0.28], [0.4, 0.28, 0.32]]])
    ends = climbed(acquisition, region.project(corners), region=region, context=NOWHERE)
    many = region.project(0.4 + np.random.default_rng(1).uniform(-0.2, 0.2, (5_000, 3)))
    assert np.all(acquisition.log_values(ends) > acquisition.log_values(many).max() - 1e-3)


def test_anchors_that_nobody_can_tell_apart_are_no_trouble():
    known = process(noise=0.0)
    twice = np.repeat(known.sample.inputs[:3], 3, axis=0)
    assert np.isfinite(NoisyImprovement.of(known, twice, seed=1).log_values(known.sample.inputs)).all()


def test_something_must_be_improved_on():
    with pytest.raises(LearningError, match="at least one arm"):
        NoisyImprovement.of(process(), np.zeros((0, 2)), seed=1)


def test_a_context_stands_beside_every_point():
    assert [[1, 2, 7], [3, 4, 7]] == beside(np.array([[1.0, 2], [3, 4]]), np.array([7.0])).tolist()
