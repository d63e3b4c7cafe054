import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm
from sklearn.linear_model import BayesianRidge, LogisticRegression, Ridge

from learning.errors import LearningError
from learning.moments import CHUNK, moments
from learning.regression import logistic, ridge

pytestmark = pytest.mark.filterwarnings("error")


def chance(seed=1):
    return np.random.default_rng(seed)


def examples(seed=1, *, n=800, d=4, holes=0.1):
    """(features, outcomes, weights): features of unlike levels and spreads, some missing; outcomes lean on them."""
    generator = chance(seed)
    known = generator.normal(size=(n, d)) @ generator.normal(size=(d, d))
    outcomes = 0.02 + 0.01 * known @ generator.normal(size=d) + generator.normal(0, 0.03, size=n)
    features = known * np.geomspace(0.1, 50, d) + np.linspace(-3, 200, d)
    features[generator.random((n, d)) < holes] = np.nan
    return features, outcomes, generator.uniform(0.1, 1, size=n)


def wins_of(outcomes):
    return (outcomes > np.median(outcomes)).astype(float)


def columns_by_hand(features, weights):
    """Weighted mean for what is missing, an indicator for each feature with holes, all standardised by weight."""
    missing = np.isnan(features)
    fills = [np.average(x[~hole], weights=weights[~hole]) for x, hole in zip(features.T, missing.T, strict=True)]
    table = np.hstack([np.where(missing, fills, features), missing[:, missing.any(axis=0)]])
    centred = table - np.average(table, axis=0, weights=weights)
    return centred / np.sqrt(np.average(centred**2, axis=0, weights=weights))


def test_moments_are_sums_over_examples():
    features, outcomes, weights = examples(n=50)
    made = moments(features, outcomes, weights=weights, origin=np.zeros(4))
    z = np.column_stack([np.nan_to_num(features), np.isnan(features), outcomes, np.ones(50)])
    np.testing.assert_allclose(made.products, z.T @ np.diag(weights) @ z, rtol=1e-12)
    assert (50, pytest.approx(weights.sum()), pytest.approx((weights**2).sum())) == (
        made.n,
        made.weight,
        made.weight_squares,
    )
    assert weights.sum() ** 2 / (weights**2).sum() == pytest.approx(made.effective_n)


@pytest.mark.parametrize("holes", [0.0, 0.1])
@pytest.mark.parametrize("penalty", [0.01, 30.0])
def test_ridge_has_the_coefficients_of_scikit_learn_on_the_same_columns(holes, penalty):
    features, outcomes, weights = examples(holes=holes)
    found = ridge(moments(features, outcomes, weights=weights), prior=penalty * 7.0, noise=7.0)
    columns = columns_by_hand(features, weights)
    oracle = Ridge(alpha=penalty, solver="cholesky").fit(columns, outcomes, sample_weight=weights)
    np.testing.assert_allclose(found.coefficients, oracle.coef_, rtol=1e-9, atol=1e-12)
    assert oracle.intercept_ == pytest.approx(found.intercept, rel=1e-9)
    np.testing.assert_allclose(found.scaling.columns(features), columns, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.predict(features), oracle.predict(columns), rtol=1e-9, atol=1e-12)


def test_ridge_has_the_covariance_of_the_closed_form_and_probabilities_of_the_sign():
    features, outcomes, weights = examples()
    found = ridge(moments(features, outcomes, weights=weights), prior=500.0, noise=900.0)
    columns = columns_by_hand(features, weights)
    expected = np.linalg.inv(500 * np.eye(8) + 900 * columns.T @ np.diag(weights) @ columns)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-9, atol=1e-12)
    sure = norm.sf(0, found.coefficients, np.sqrt(np.diag(expected)))
    np.testing.assert_allclose(found.probabilities_positive, sure, rtol=1e-9)
    np.testing.assert_array_equal(found.directions, np.where(sure[:4] > 0.5, 1, -1))


@pytest.mark.parametrize("holes", [0.0, 0.1])
def test_without_precisions_they_maximise_the_evidence_as_scikit_learns_bayesian_ridge_does(holes):
    features, outcomes, weights = examples(holes=holes)
    found = ridge(moments(features, outcomes, weights=weights))
    columns = columns_by_hand(features, weights)
    oracle = BayesianRidge(tol=1e-14, max_iter=1000).fit(columns, outcomes, sample_weight=weights)
    assert pytest.approx((oracle.lambda_, oracle.alpha_), rel=1e-6) == (found.prior, found.noise)
    np.testing.assert_allclose(found.coefficients, oracle.coef_, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(found.covariance, oracle.sigma_, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("holes", [0.0, 0.1])
@pytest.mark.parametrize("prior", [0.1, 20.0])
def test_logistic_has_the_mode_of_scikit_learn_and_the_covariance_of_its_curvature(holes, prior):
    features, outcomes, weights = examples(holes=holes)
    wins = wins_of(outcomes)
    found = logistic(features, wins, prior=prior, weights=weights)
    columns = columns_by_hand(features, weights)
    oracle = LogisticRegression(C=1 / prior, tol=1e-12, solver="newton-cholesky", max_iter=500)
    oracle.fit(columns, wins, sample_weight=weights)
    np.testing.assert_allclose(found.coefficients, oracle.coef_[0], rtol=1e-6, atol=1e-8)
    assert oracle.intercept_[0] == pytest.approx(found.intercept, rel=1e-6, abs=1e-8)
    likely = 1 / (1 + np.exp(-found.predict(features)))
    full = np.column_stack([columns, np.ones(len(columns))])
    curve = full.T @ np.diag(weights * likely * (1 - likely)) @ full + np.diag([*[prior] * columns.shape[1], 0.0])
    np.testing.assert_allclose(found.covariance, np.linalg.inv(curve)[:-1, :-1], rtol=1e-9, atol=1e-12)


def test_wins_that_one_feature_separates_still_have_a_mode():
    features = np.linspace(-1, 1, 40)[:, None]
    found = logistic(features, (features[:, 0] > 0).astype(float), prior=1e-6)
    assert np.isfinite(found.coefficients).all()
    assert found.directions == [1.0]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 199))
def test_two_halves_added_are_the_whole_in_any_order_of_examples(seed, cut):
    features, outcomes, weights = examples(seed, n=200)
    origin, order = np.linspace(-3, 200, 4), chance(seed).permutation(200)
    whole = ridge(moments(features[order], outcomes[order], weights=weights[order], origin=origin))
    parts = [
        moments(features[part], outcomes[part], weights=weights[part], origin=origin)
        for part in (slice(cut), slice(cut, None))
    ]
    halves = ridge(parts[0] + parts[1])
    assert halves.n == whole.n
    np.testing.assert_allclose(halves.coefficients, whole.coefficients, rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(halves.scaling.means, whole.scaling.means, rtol=1e-9, atol=1e-12)


def test_what_is_summed_in_chunks_is_what_is_summed_at_once():
    features, outcomes, _ = examples(n=2 * CHUNK + 7)
    made = moments(features, outcomes)
    z = np.column_stack([np.nan_to_num(features - made.origin), np.isnan(features), outcomes, np.ones(len(features))])
    np.testing.assert_allclose(made.products, z.T @ z, rtol=1e-9, atol=1e-6)
    wins = wins_of(outcomes)
    oracle = LogisticRegression(C=1.0, tol=1e-12, solver="newton-cholesky")
    oracle.fit(columns_by_hand(features, np.ones(len(features))), wins)
    np.testing.assert_allclose(logistic(features, wins, prior=1.0).coefficients, oracle.coef_[0], rtol=1e-6, atol=1e-8)


def test_a_weight_of_two_is_the_same_example_twice():
    features, outcomes, _ = examples(n=60)
    weights, doubled = np.ones(60), np.r_[0:60, 0:60:3]
    weights[::3] = 2
    one = ridge(moments(features, outcomes, weights=weights), prior=3.0, noise=5.0)
    other = ridge(moments(features[doubled], outcomes[doubled]), prior=3.0, noise=5.0)
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-9)
    wins = wins_of(outcomes)
    one, other = (
        logistic(features, wins, prior=3.0, weights=weights),
        logistic(features[doubled], wins[doubled], prior=3.0),
    )
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-7, atol=1e-12)


def test_negated_outcomes_negate_the_directions():
    features, outcomes, weights = examples()
    one = ridge(moments(features, outcomes, weights=weights))
    other = ridge(moments(features, -outcomes, weights=weights))
    np.testing.assert_allclose(one.coefficients, -other.coefficients, rtol=1e-9)
    np.testing.assert_allclose(one.probabilities_positive, 1 - other.probabilities_positive, atol=1e-9)


def test_units_of_a_feature_do_not_matter():
    features, outcomes, weights = examples()
    one = ridge(moments(features, outcomes, weights=weights))
    other = ridge(moments(features * 1000 + 5, outcomes, weights=weights))
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-7)


def test_a_missing_feature_is_never_zero():
    """Where it is missing the outcome is that of its mean; read as 0 it would be far away and bend the slope."""
    known = np.linspace(100, 110, 200)
    features = np.where(np.arange(200) % 4 == 0, np.nan, known)[:, None]
    found = ridge(moments(features, 0.01 * known), prior=1e-9, noise=1.0)
    slope = found.coefficients[0] / found.scaling.scales[0]
    assert 0.01 == pytest.approx(slope, rel=1e-6)
    assert found.scaling.fills[0] == pytest.approx(np.nanmean(features))
    assert found.scaling.columns(np.array([[np.nan]]))[0, 0] == pytest.approx(0, abs=1e-9)


def test_what_never_varies_or_is_never_known_keeps_its_prior():
    features, outcomes, _ = examples(holes=0.0)
    features = np.column_stack([features, np.full(800, 0.1), np.full(800, np.nan)])
    found = ridge(moments(features, outcomes), prior=3.0, noise=5.0)
    np.testing.assert_array_equal(0, found.coefficients[4:])
    np.testing.assert_allclose([1 / 3] * 3, found.covariance.diagonal()[4:], rtol=1e-12)
    np.testing.assert_array_equal(0.5, found.probabilities_positive[4:])
    np.testing.assert_array_equal(0, found.directions[4:])
    found = logistic(features, wins_of(outcomes), prior=2.0)
    np.testing.assert_array_equal(0, found.coefficients[4:])


def test_the_truth_lies_inside_ninety_percent_intervals_as_often_as_they_say():
    """400 coefficients drawn from the prior itself: binomial 99.9 % bounds at 90 %."""
    inside = 0
    for seed in range(100):
        generator = chance(seed)
        truth, features = generator.normal(size=4), generator.normal(size=(60, 4))
        features = (features - features.mean(axis=0)) / features.std(axis=0)
        outcomes = features @ truth + generator.normal(0, 3, size=60)
        found = ridge(moments(features, outcomes), prior=1.0, noise=1 / 9)
        inside += (np.abs(found.coefficients - truth) <= 1.6449 * np.sqrt(found.covariance.diagonal())).sum()
    assert binom.ppf(0.0005, 400, 0.9) <= inside <= binom.ppf(0.9995, 400, 0.9)


FEATURES = np.array([[0.0], [1.0], [3.0]])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"outcomes": np.array([0, 1, np.nan])}, "outcome is not a finite"),
        ({"features": np.array([[0.0], [np.inf], [1]])}, "feature 0 is infinite"),
        ({"weights": np.array([1.0, -1, 1])}, "negative"),
        ({"outcomes": np.ones(2)}, "shape"),
        ({"features": np.ones((3, 0))}, "shape"),
        ({"origin": np.ones(2)}, "origin"),
    ],
)
def test_examples_that_do_not_fit_are_refused(wrong, said):
    right = {"features": FEATURES, "outcomes": np.array([0.0, 1, 1])}
    moments(**right)
    with pytest.raises(LearningError, match=said):
        moments(**right | wrong)


def test_what_cannot_be_fitted_is_refused():
    summed, wins = moments(FEATURES, np.array([0.0, 1, 1])), np.array([0.0, 1, 1])
    for options in ({"prior": 1.0}, {"noise": 1.0}, {"prior": 0.0, "noise": 1.0}, {"prior": 1.0, "noise": np.inf}):
        with pytest.raises(LearningError, match="both precisions"):
            ridge(summed, **options)
    with pytest.raises(LearningError, match="two examples"):
        ridge(moments(FEATURES, wins, weights=np.zeros(3)))
    with pytest.raises(LearningError, match="one origin"):
        summed + moments(FEATURES, wins, origin=np.array([7.0]))
    with pytest.raises(LearningError, match="1 or 0"):
        logistic(FEATURES, np.ones(3), prior=1.0)
    with pytest.raises(LearningError, match="1 or 0"):
        logistic(FEATURES, np.array([0.0, 1, 0.5]), prior=1.0)
    with pytest.raises(LearningError, match="prior"):
        logistic(FEATURES, wins, prior=0.0)
