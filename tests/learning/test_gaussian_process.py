import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from learning.errors import LearningError
from learning.gaussian_process import LEVEL, Model, Sample, conditioned, fitted, log_likelihood
from learning.kernels import Kernel

MODEL = Model(Kernel(3), fitted_noise=True)
LOGS = np.log([1.7, 0.4, 0.9, 2.5, 0.03])


def sample(n=40, seed=1, noise=(0.01, 0.2)):
    generator = np.random.default_rng(seed)
    inputs = generator.random((n, 3))
    noises = generator.uniform(*noise, n)
    targets = np.sin(5 * inputs[:, 0]) + inputs[:, 1] ** 2 + np.sqrt(noises) * generator.standard_normal(n)
    return Sample(inputs, targets, noises)


def oracle(given):
    level = ConstantKernel(LEVEL, "fixed")
    kernel = ConstantKernel(1.7) * Matern([0.4, 0.9, 2.5], nu=2.5) + level + WhiteKernel(0.03)
    return GaussianProcessRegressor(kernel, alpha=given.noise, optimizer=None).fit(given.inputs, given.targets)


def test_likelihood_and_gradient_are_scikit_learn_s():
    given = sample()
    value, gradient = oracle(given).log_marginal_likelihood(LOGS, eval_gradient=True, clone_kernel=False)
    ours = log_likelihood(LOGS, model=MODEL, sample=given)
    assert value == pytest.approx(ours[0], abs=1e-9)
    assert gradient == pytest.approx(ours[1], abs=1e-9)


def test_posterior_is_scikit_learn_s():
    given = sample()
    standard, mean, scale = given.standardised()
    points = np.random.default_rng(2).random((15, 3))
    theirs = oracle(standard).predict(points, return_cov=True)
    process = conditioned(given, model=MODEL, log_parameters=LOGS)
    ours, deviation = process.posterior(points)
    expected = theirs[1] - 0.03 * np.eye(15)  # theirs is that of a new target, noise and all
    assert mean + scale * theirs[0] == pytest.approx(ours, abs=1e-9)
    assert scale * np.sqrt(expected.diagonal()) == pytest.approx(deviation, abs=1e-9)
    joint_mean, joint = process.joint(points)
    assert ours == pytest.approx(joint_mean, abs=1e-12)
    assert scale**2 * expected == pytest.approx(joint, abs=1e-9)


def test_far_from_all_targets_the_level_is_believed_for_which_neighbours_count_as_one():
    """In closed form: sum(K^-1 y) / (1 / LEVEL + sum(K^-1)), K without the level."""
    crowd, others = 0.5 + 0.01 * np.random.default_rng(1).random((30, 3)), np.eye(3)
    given = Sample(np.vstack([crowd, others]), np.append(np.ones(30), np.zeros(3)), np.full(33, 0.01))
    process = conditioned(given, model=MODEL, log_parameters=np.log([1.0, 0.2, 0.2, 0.2, 0.01]))
    targets = process.sample.targets
    noise = np.diag(process.sample.noise + 0.01)
    alone = process.covariance(given.inputs, given.inputs) - LEVEL + noise
    solved = np.linalg.solve(alone, np.column_stack([targets, np.ones(33)])).sum(axis=0)
    expected = process.mean + process.scale * solved[0] / (1 / LEVEL + solved[1])
    [believed], [deviation] = process.posterior(np.full((1, 3), 50.0))
    assert expected == pytest.approx(believed, abs=1e-9)
    assert process.scale * np.sqrt(1 + 1 / (1 / LEVEL + solved[1])) == pytest.approx(deviation, abs=1e-9)
    assert believed < 0.5 < given.targets.mean()


def test_differences_are_those_of_the_joint_posterior():
    process = conditioned(sample(), model=MODEL, log_parameters=LOGS)
    points = np.random.default_rng(3).random((6, 3))
    mean, joint = process.joint(points)
    gain, deviation = process.difference(points, points[0])
    assert mean - mean[0] == pytest.approx(gain, abs=1e-12)
    assert [0, 0] == pytest.approx([gain[0], deviation[0]], abs=1e-7)
    assert joint.diagonal() + joint[0, 0] - 2 * joint[0] == pytest.approx(deviation**2, abs=1e-12)


def test_regimes_and_ages_have_the_likelihood_of_a_multivariate_normal_and_its_gradient():
    model = Model(Kernel(3, regimes=True, ages=True))
    generator = np.random.default_rng(4)
    given = sample(25)
    given = Sample(
        np.column_stack([given.inputs, generator.integers(0, 2, 25), generator.integers(0, 30, 25)]),
        given.targets,
        given.noise,
    )
    logs = np.log([1.2, 0.5, 0.8, 1.1, 0.6, 15.0])
    kernel = model.kernel
    correlation = kernel.at(logs[1:], kernel.crossed(given.inputs, given.inputs)).values
    covariance = LEVEL + 1.2 * correlation + np.diag(given.noise)
    value, gradient = log_likelihood(logs, model=model, sample=given)
    assert multivariate_normal.logpdf(given.targets, cov=covariance) == pytest.approx(value, abs=1e-9)
    for place, move in enumerate(np.eye(6) * 1e-5):
        there, back = (log_likelihood(logs + sign * move, model=model, sample=given)[0] for sign in (1, -1))
        assert (there - back) / 2e-5 == pytest.approx(gradient[place], abs=1e-6)


def tied(given, share=0.6):
    """The same sample, whose targets share a part of their noise: the covariance of it, and of the targets."""
    root = np.sqrt(share * given.noise)
    noise = np.diag((1 - share) * given.noise) + np.outer(root, root)
    kernel = MODEL.kernel
    prior = LEVEL + np.exp(LOGS[0]) * kernel.at(LOGS[1:4], kernel.crossed(given.inputs, given.inputs)).values
    return Sample(given.inputs, given.targets, noise), prior + noise + np.exp(LOGS[-1]) * np.eye(len(given.targets))


def test_noise_that_targets_share_is_in_the_likelihood_its_gradient_and_the_posterior():
    """Against scipy's multivariate normal, and conditioning of the joint one."""
    assert MODEL.fitted_noise
    given, covariance = tied(sample(25))
    value, gradient = log_likelihood(LOGS, model=MODEL, sample=given)
    assert multivariate_normal.logpdf(given.targets, cov=covariance) == pytest.approx(value, abs=1e-9)
    for place, move in enumerate(np.eye(MODEL.size) * 1e-5):
        there, back = (log_likelihood(LOGS + sign * move, model=MODEL, sample=given)[0] for sign in (1, -1))
        assert (there - back) / 2e-5 == pytest.approx(gradient[place], abs=1e-6)
    process = conditioned(given, model=MODEL, log_parameters=LOGS)
    scaled, covariance = tied(Sample(given.inputs, process.sample.targets, process.sample.variances))
    points = np.random.default_rng(3).random((5, 3))
    cross = process.covariance(points, given.inputs)
    mean = cross @ np.linalg.solve(covariance, scaled.targets)
    assert process.mean + process.scale * mean == pytest.approx(process.posterior(points)[0], abs=1e-9)


def test_a_covariance_without_ties_is_the_same_as_variances():
    given = sample(25)
    apart = Sample(given.inputs, given.targets, np.diag(given.noise))
    points = np.random.default_rng(3).random((5, 3))
    one, other = (conditioned(each, model=MODEL, log_parameters=LOGS).posterior(points) for each in (given, apart))
    assert one[0] == pytest.approx(other[0], abs=1e-12)
    assert one[1] == pytest.approx(other[1], abs=1e-12)


def objective(process):
    means, deviations = process.model.prior
    away = (process.log_parameters - means) / deviations
    return log_likelihood(process.log_parameters, model=process.model, sample=process.sample)[0] - away @ away / 2


def test_a_fit_is_a_maximum_and_no_start_is_better():
    given = sample(60)
    found = fitted(given, model=MODEL, seed=1)
    best = objective(found)
    for move in np.vstack([np.eye(5), -np.eye(5)]) * 0.05:
        other = conditioned(given, model=MODEL, log_parameters=found.log_parameters + move)
        assert objective(other) <= best
    assert objective(fitted(given, model=MODEL, seed=1, starts=1)) <= best + 1e-9


def test_a_fit_starts_from_the_last_one():
    given = sample(60)
    cold = fitted(given, model=MODEL, seed=1)
    warm = fitted(given, model=MODEL, seed=2, previous=cold.log_parameters)
    assert objective(cold) == pytest.approx(objective(warm), abs=1e-4)
    assert (
        warm.log_parameters.tolist()
        == fitted(given, model=MODEL, seed=9, previous=cold.log_parameters).log_parameters.tolist()
    )


def test_a_fit_finds_which_coordinate_matters():
    generator = np.random.default_rng(5)
    inputs = generator.random((80, 3))
    given = Sample(inputs, np.sin(6 * inputs[:, 1]) + 0.05 * generator.standard_normal(80), np.full(80, 0.0025))
    lengths = fitted(given, model=MODEL, seed=1).log_parameters[1:4]
    assert 1 == np.argmin(lengths)
    assert lengths[1] < min(lengths[0], lengths[2]) - 1


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_the_unit_of_the_reward_does_not_matter(factor):
    given = sample(30)
    other = Sample(given.inputs, 3 * factor + factor * given.targets, factor**2 * given.noise)
    points = np.random.default_rng(6).random((4, 3))
    mean, deviation = fitted(given, model=MODEL, seed=1).posterior(points)
    moved, wider = fitted(other, model=MODEL, seed=1).posterior(points)
    assert 3 * factor + factor * mean == pytest.approx(moved, rel=1e-5)
    assert factor * deviation == pytest.approx(wider, rel=1e-4)


def test_a_single_target_is_believed_as_far_as_its_noise_says():
    only = Sample(np.array([[0.5]]), np.array([0.02]), np.array([0.0]))
    process = fitted(only, model=Model(Kernel(1)), seed=1)
    mean, deviation = process.posterior(np.array([[0.5], [5.0]]))
    assert [0.02, 0.02] == pytest.approx(list(mean), abs=1e-12)
    assert deviation[0] < 1e-6
    assert deviation[1] > 0.5


def test_the_same_input_twice_is_no_trouble_even_without_noise():
    inputs = np.repeat(np.linspace(0, 1, 5)[:, None], 3, axis=0)
    process = fitted(Sample(inputs, inputs[:, 0] ** 2, np.zeros(15)), model=Model(Kernel(1)), seed=1)
    mean, _ = process.posterior(inputs)
    assert inputs[:, 0] ** 2 == pytest.approx(mean, abs=1e-3)


@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_constant_targets_stay_constant(noise):
    inputs = np.random.default_rng(7).random((12, 3))
    process = fitted(Sample(inputs, np.full(12, 0.3), np.full(12, noise)), model=MODEL, seed=1)
    mean, deviation = process.posterior(np.random.default_rng(8).random((5, 3)))
    assert np.full(5, 0.3) == pytest.approx(mean, abs=1e-9)
    assert np.isfinite(deviation).all()


def test_huge_noise_tells_nothing_and_does_not_disturb_what_is_known():
    given = sample(30, noise=(1e-4, 1e-3))
    inputs = np.vstack([given.inputs, np.random.default_rng(9).random((5, 3))])
    loud = Sample(inputs, np.append(given.targets, [1e3, -1e3, 1e3, 1e3, 1e3]), np.append(given.noise, [1e12] * 5))
    points = np.random.default_rng(10).random((6, 3))
    alone = conditioned(given, model=MODEL, log_parameters=LOGS)
    beside = conditioned(loud, model=MODEL, log_parameters=LOGS)
    assert alone.posterior(points)[0] == pytest.approx(beside.posterior(points)[0], abs=1e-3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"targets": np.array([np.nan, 0.0])}, "finite"),
        ({"noise": np.array([0.1, -0.1])}, "negative"),
        ({"noise": np.array([0.1])}, "2 targets"),
        ({"targets": np.zeros(0), "noise": np.zeros(0), "inputs": np.zeros((0, 1))}, "0 targets"),
    ],
)
def test_a_sample_that_is_none_is_refused(change, said):
    with pytest.raises(LearningError, match=said):
        Sample(**{"inputs": np.zeros((2, 1)), "targets": np.zeros(2), "noise": np.ones(2)} | change)


def test_parameters_of_another_model_are_refused():
    with pytest.raises(LearningError, match="5 parameters, not 4"):
        log_likelihood(LOGS[:4], model=MODEL, sample=sample(5))
    with pytest.raises(LearningError, match="earlier fit 4"):
        fitted(sample(5), model=MODEL, seed=1, previous=LOGS[:4])
