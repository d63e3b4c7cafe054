import math

import numpy as np
import pytest
from sklearn.gaussian_process.kernels import Matern

from learning.errors import LearningError
from learning.kernels import Kernel, forgetting_scale

GENERATOR = np.random.default_rng(1)
ONE, OTHER = GENERATOR.random((7, 3)), GENERATOR.random((5, 3))
FULL = Kernel(2, regimes=True, ages=True)
LOGS = np.log([0.4, 1.3, 0.6, 20.0])


def inputs(n, seed):
    generator = np.random.default_rng(seed)
    return np.column_stack([generator.random((n, 2)), generator.integers(0, 3, n), generator.integers(0, 40, n)])


def values(kernel, logs, one, other):
    return kernel.at(np.asarray(logs), kernel.crossed(one, other)).values


def test_coordinates_are_alike_as_scikit_learn_s_matern_says():
    lengths = [0.2, 0.7, 3.0]
    assert Matern(lengths, nu=2.5)(ONE, OTHER) == pytest.approx(
        values(Kernel(3), np.log(lengths), ONE, OTHER), abs=1e-14
    )


def test_regimes_are_exchangeable_and_age_fades():
    one, other = inputs(6, 1), inputs(4, 2)
    plain = values(Kernel(2), LOGS[:2], one[:, :2], other[:, :2])
    regimes = np.where(one[:, None, 2] == other[None, :, 2], 1, 0.6)
    fading = np.exp(-abs(one[:, None, 3] - other[None, :, 3]) / 20)
    assert plain * regimes * fading == pytest.approx(values(FULL, LOGS, one, other), abs=1e-14)


def test_forgetting_is_bogunovic_s():
    gap, eps = 7, 0.03
    logs = [0.0, math.log(forgetting_scale(eps))]
    found = values(Kernel(1, ages=True), logs, np.array([[0.5, 0.0]]), np.array([[0.5, gap]]))
    assert (1 - eps) ** (gap / 2) == pytest.approx(found[0, 0], abs=1e-15)


def test_equal_inputs_have_correlation_one_and_all_is_symmetric_and_a_covariance():
    some = inputs(30, 3)
    found = values(FULL, LOGS, some, some)
    assert [1.0] * 30 == found.diagonal().tolist()
    assert found.tolist() == found.T.tolist()
    assert np.linalg.eigvalsh(found)[0] > -1e-12


def test_pairs_and_crossed_are_the_same_numbers():
    one, other = inputs(6, 4), inputs(6, 5)
    assert values(FULL, LOGS, one, other).diagonal() == pytest.approx(FULL.at(LOGS, FULL.pairs(one, other)).values)


def test_a_product_of_matrices_finds_the_same_numbers_and_slopes():
    one, other = inputs(6, 4), inputs(9, 5)
    one[0] = other[0]
    quick, exact = FULL.between(LOGS, one, other), FULL.at(LOGS, FULL.crossed(one, other))
    assert exact.values == pytest.approx(quick.values, abs=1e-13)
    weights = np.random.default_rng(8).normal(size=(6, 9))
    slopes = (each.slope(weights, one=one, other=other) for each in (exact, quick))
    assert next(slopes) == pytest.approx(next(slopes), abs=1e-11)


def centred(function, at, step=1e-5):
    steps = np.eye(len(at)) * step
    return np.array([(function(at + move) - function(at - move)) / (2 * step) for move in steps])


def test_pullback_is_the_gradient_over_log_parameters():
    one, other = inputs(6, 6), inputs(4, 7)
    weights = np.random.default_rng(8).normal(size=(6, 4))
    pairs = FULL.crossed(one, other)
    numeric = centred(lambda logs: (weights * FULL.at(logs, pairs).values).sum(), LOGS)
    assert numeric == pytest.approx(FULL.at(LOGS, pairs).pullback(weights), abs=1e-8)


def test_slope_is_the_gradient_over_coordinates():
    one, other = inputs(3, 9), inputs(4, 10)
    one[0, :2] = other[0, :2]
    weights = np.random.default_rng(11).normal(size=(3, 4))
    found = FULL.at(LOGS, FULL.crossed(one, other)).slope(weights, one=one, other=other)

    def total(flat):
        return (weights * values(FULL, LOGS, np.hstack([flat.reshape(3, 2), one[:, 2:]]), other)).sum()

    assert centred(total, one[:, :2].ravel()) == pytest.approx(found.ravel(), abs=1e-8)


def test_what_does_not_fit_is_refused():
    with pytest.raises(LearningError, match="4 parameters, not 2"):
        FULL.at(LOGS[:2], FULL.crossed(inputs(2, 1), inputs(2, 2)))
    with pytest.raises(LearningError, match="eps"):
        forgetting_scale(1.0)
