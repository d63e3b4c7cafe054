from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm, t

from learning.errors import LearningError
from learning.importance import Logged, Overlap, balanced
from learning.off_policy import (
    Sampling,
    dr,
    evaluate,
    ips,
    least_error,
    shrunk_dr,
    snips,
    switch_dr,
)

LOGGING = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.7, 0.2, 0.1]])
TARGET = np.array([[0.1, 0.2, 0.7], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7]])
TRUTH = np.array([[0.01, -0.02, 0.05], [0.00, 0.03, -0.01], [0.01, -0.02, 0.05]])
MODEL = np.array([[0.02, 0.00, 0.02], [-0.01, 0.02, 0.00], [0.00, 0.01, 0.04]])
VALUE = float((TARGET * TRUTH).sum(axis=1).mean())


def every_draw(logging=LOGGING, target=TARGET, truth=TRUTH):
    """All ways in which units can get their arms, each with its probability."""
    units = np.arange(len(logging))
    for arms in product(range(logging.shape[1]), repeat=len(logging)):
        chance = prod(row[arm] for row, arm in zip(logging, arms, strict=True))
        yield chance, Logged(np.array(arms), truth[units, list(arms)], logging, target)


def expected(of, **world):
    return sum(chance * of(logged) for chance, logged in every_draw(**world))


def drawn(seed, *, n=600, k=3, sessions=None, sd=0.02, shock=0.0):
    """Units with one feature; logging and target differ in how they follow it."""
    chance = np.random.default_rng(seed)
    feature = chance.normal(size=n)
    truth = 0.01 * np.outer(feature, [1, 0, -1])
    logging = np.exp(np.outer(feature, [0.3, 0, -0.3]))
    target = np.exp(np.outer(feature, [0.8, 0, -0.8]))
    logging, target = logging / logging.sum(axis=1, keepdims=True), target / target.sum(axis=1, keepdims=True)
    arms = (chance.random(n)[:, None] > logging.cumsum(axis=1)).sum(axis=1)
    noise = chance.normal(0, sd, n)
    if sessions is not None:
        noise = noise + chance.normal(0, shock, sessions.max() + 1)[sessions]
    return Logged(arms, truth[np.arange(n), arms] + noise, logging, target), truth


def true_value():
    """Of the target policy in the worlds of ``drawn``: the mean over the feature, by quadrature."""
    feature = np.linspace(-8, 8, 20_001)
    target = np.exp(np.outer(feature, [0.8, 0, -0.8]))
    target /= target.sum(axis=1, keepdims=True)
    return np.trapezoid((target * 0.01 * np.outer(feature, [1, 0, -1])).sum(axis=1) * norm.pdf(feature), feature)


@pytest.mark.parametrize("estimator", [ips, lambda logged: dr(logged, MODEL)])
def test_over_all_draws_ips_and_dr_are_exactly_unbiased_whatever_the_model(estimator):
    assert pytest.approx(VALUE, abs=1e-15) == expected(lambda logged: estimator(logged).value)


@pytest.mark.parametrize(
    "estimator",
    [
        ips,
        lambda logged: dr(logged, MODEL[[0, 0, 0]]),
        lambda logged: switch_dr(logged, MODEL[[0, 0, 0]], threshold=2.0),
        lambda logged: shrunk_dr(logged, MODEL[[0, 0, 0]], shrinkage=4.0),
    ],
)
def test_over_all_draws_of_units_alike_the_squared_error_is_exactly_the_variance(estimator):
    world = {"logging": LOGGING[[0, 0, 0]], "target": TARGET[[0, 0, 0]], "truth": TRUTH[[0, 0, 0]]}
    mean = expected(lambda logged: estimator(logged).value, **world)
    variance = expected(lambda logged: (estimator(logged).value - mean) ** 2, **world)
    assert pytest.approx(variance, rel=1e-12) == expected(lambda logged: estimator(logged).standard_error ** 2, **world)


def test_the_variance_of_ips_is_that_of_the_closed_form():
    """For units alike: (sum of target^2 x reward^2 / propensity - V^2) / n."""
    world = {"logging": LOGGING[[0, 0, 0]], "target": TARGET[[0, 0, 0]], "truth": TRUTH[[0, 0, 0]]}
    value = TARGET[0] @ TRUTH[0]
    closed = (np.sum(TARGET[0] ** 2 * TRUTH[0] ** 2 / LOGGING[0]) - value**2) / 3
    assert pytest.approx(closed, rel=1e-12) == expected(lambda logged: ips(logged).standard_error ** 2, **world)


def shrunk_weights(shrinkage):
    weights = TARGET / LOGGING
    return weights * shrinkage / (weights**2 + shrinkage)


@pytest.mark.parametrize(
    ("estimator", "kept"),
    [
        (lambda logged: switch_dr(logged, MODEL, threshold=2.0), np.where(TARGET / LOGGING <= 2, TARGET / LOGGING, 0)),
        (lambda logged: shrunk_dr(logged, MODEL, shrinkage=4.0), shrunk_weights(4.0)),
    ],
)
def test_over_all_draws_what_cutting_and_shrinking_take_away_is_exactly_the_bias_they_estimate(estimator, kept):
    exact = np.mean(np.sum(TARGET * MODEL + LOGGING * kept * (TRUTH - MODEL), axis=1)) - VALUE
    assert abs(exact) > 1e-3
    assert pytest.approx(exact, rel=1e-12) == expected(lambda logged: estimator(logged).value) - VALUE
    assert pytest.approx(exact, rel=1e-12) == expected(lambda logged: estimator(logged).bias)


def test_with_a_perfect_model_the_draw_of_the_arms_does_not_matter():
    values = [dr(logged, TRUTH).value for _, logged in every_draw()]
    assert [VALUE] * 27 == pytest.approx(values, abs=1e-16)
    assert expected(lambda logged: (ips(logged).value - VALUE) ** 2) > 1e-5


def test_without_a_model_dr_is_ips_and_unbounded_thresholds_and_shrinkage_leave_dr():
    logged, truth = drawn(1)
    assert ips(logged) == dr(logged, np.zeros_like(truth))
    full = dr(logged, truth)
    for limit in (switch_dr(logged, truth, threshold=np.inf), shrunk_dr(logged, truth, shrinkage=np.inf)):
        assert (full.value, full.standard_error, 0.0) == (limit.value, limit.standard_error, limit.bias)


def test_at_the_other_end_only_the_model_is_left():
    logged, truth = drawn(1)
    modelled = float((logged.target * truth).sum(axis=1).mean())
    for model in (switch_dr(logged, truth, threshold=1e-12), shrunk_dr(logged, truth, shrinkage=1e-24)):
        assert modelled == pytest.approx(model.value, abs=1e-12)


def test_snips_is_the_weighted_mean_with_the_error_of_a_ratio():
    logged, _ = drawn(2)
    w, r = logged.weights, logged.rewards
    value = np.average(r, weights=w)
    error = np.sqrt(np.sum(w**2 * (r - value) ** 2)) / w.sum() * np.sqrt(len(w) / (len(w) - 1))
    found = snips(logged)
    assert (value, error) == pytest.approx((found.value, found.standard_error), rel=1e-12)
    half = norm.ppf(0.975) * error
    assert (value - half, value + half) == pytest.approx((found.low, found.high), rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(-1, 1))
def test_a_constant_reward_is_what_every_self_normalised_or_modelled_policy_earns(seed, reward):
    made, truth = drawn(seed, n=40)
    logged = Logged(made.arms, np.full(40, reward), made.propensities, made.target)
    assert reward == snips(logged).value
    assert abs(snips(logged).standard_error) < 1e-12
    for estimator in (dr, lambda *both: shrunk_dr(*both, shrinkage=2.0), lambda *both: switch_dr(*both, threshold=1.0)):
        assert reward == pytest.approx(estimator(logged, np.full_like(truth, reward)).value, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_snips_lies_among_the_rewards_seen(seed):
    logged, _ = drawn(seed, n=5)
    assert logged.rewards.min() <= snips(logged).value <= logged.rewards.max()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_neither_the_order_of_units_nor_that_of_arms_matters_and_negation_negates(seed):
    logged, truth = drawn(seed, n=60)
    sessions = np.repeat(np.arange(12), 5)
    chance = np.random.default_rng(seed)
    order, names = chance.permutation(60), chance.permutation(3)
    moved = Logged(
        np.argsort(names)[logged.arms[order]],
        logged.rewards[order],
        logged.propensities[order][:, names],
        logged.target[order][:, names],
    )
    turned = Logged(logged.arms, -logged.rewards, logged.propensities, logged.target)
    every = Overlap(minimum_effective=0, largest_share=1)
    first = evaluate(logged, predictions=truth, overlap=every, sampling=Sampling(sessions))
    again = evaluate(moved, predictions=truth[order][:, names], overlap=every, sampling=Sampling(sessions[order]))
    base, same = first.estimates, again.estimates
    back = evaluate(turned, predictions=-truth, overlap=every, sampling=Sampling(sessions)).estimates
    assert first.refusal == again.refusal
    assume(not first.refusal)  # one sound log in a thousand is refused
    assert {"ips", "snips", "dr", "switch_dr", "shrunk_dr"} == set(base)
    for name, found in base.items():
        assert (found.value, found.low, found.high) == pytest.approx(
            (same[name].value, same[name].low, same[name].high), abs=1e-12
        )
        assert (found.value, found.low, found.high) == pytest.approx(
            (-back[name].value, -back[name].high, -back[name].low), abs=1e-12
        )


def test_clustered_errors_are_those_of_the_sessions_sums():
    logged, _ = drawn(3, n=60)
    sessions = np.random.default_rng(3).integers(0, 7, 60)
    found = ips(logged, sampling=Sampling(sessions, confidence=0.9))
    scores = logged.weights * logged.rewards
    sums = np.array([np.sum((scores - scores.mean())[sessions == one]) for one in range(7)])
    error = np.sqrt(7 / 6 * np.sum(sums**2)) / 60
    assert error == pytest.approx(found.standard_error, rel=1e-12)
    assert scores.mean() + t.ppf(0.95, 6) * error == pytest.approx(found.high, rel=1e-12)
    alone = ips(logged, sampling=Sampling(np.arange(60)))
    assert ips(logged).standard_error == pytest.approx(alone.standard_error, rel=1e-12)


def within(runs, rate=0.95):
    """The 99.9 % bounds of a binomial number of successes: what coverage of ``rate`` allows in ``runs``."""
    return binom.ppf(0.0005, runs, rate), binom.ppf(0.9995, runs, rate)


def test_intervals_cover_the_true_value_as_often_as_they_say():
    runs, value = 600, true_value()
    covered = dict.fromkeys(["ips", "snips", "dr"], 0)
    for seed in range(runs):
        logged, truth = drawn(seed)
        for name, found in (("ips", ips(logged)), ("snips", snips(logged)), ("dr", dr(logged, 0.5 * truth))):
            covered[name] += found.low <= value <= found.high
    low, high = within(runs)
    assert all(low <= count <= high for count in covered.values()), covered


def test_units_of_several_versions_are_judged_together_by_their_mixture():
    """Two versions log 150 and 450 units; the second never draws arm 0 for one unit in two, and only the first can."""
    runs, covered, counts = 300, 0, np.array([150, 450])
    truth, target = np.array([[0.02, 0.0], [-0.01, 0.01]]), np.array([[0.7, 0.3], [0.2, 0.8]])
    versions = np.array([[[0.5, 0.5], [0.5, 0.5]], [[0.0, 1.0], [0.3, 0.7]]])
    value, version = float((target * truth).sum(axis=1).mean()), np.repeat([0, 1], counts)
    for seed in range(runs):
        chance = np.random.default_rng(seed)
        kind = chance.integers(0, 2, 600)
        arms = (chance.random(600) > versions[version, kind, 0]).astype(int)
        rewards = truth[kind, arms] + chance.normal(0, 0.02, 600)
        logged = Logged(arms, rewards, balanced(versions[:, kind], counts), target[kind])
        found = evaluate(logged, predictions=0.5 * truth[kind], overlap=Overlap(minimum_effective=50)).estimates["dr"]
        covered += found.low <= value <= found.high
    low, high = within(runs)
    assert low <= covered <= high


def test_where_sessions_share_a_market_only_clustered_intervals_cover():
    runs, value, sessions = 500, true_value(), np.repeat(np.arange(40), 15)
    covered = {"sessions": 0, "units": 0}
    for seed in range(runs):
        logged, truth = drawn(seed, sessions=sessions, shock=0.02)
        for name, sampling in (("sessions", Sampling(sessions)), ("units", Sampling())):
            found = dr(logged, truth, sampling=sampling)
            covered[name] += found.low <= value <= found.high
    low, high = within(runs)
    assert low <= covered["sessions"] <= high
    assert covered["units"] < within(runs, 0.8)[0]


def test_shrinking_pays_where_weights_are_wild_and_the_model_is_good():
    """Weights up to 50; over 300 logs the found shrinkage errs less than DR, in the mean of squared errors."""
    errors = {"dr": [], "shrunk_dr": [], "switch_dr": []}
    logging, target = np.tile([0.98, 0.02], (500, 1)), np.tile([0.0, 1.0], (500, 1))
    chance, model = np.random.default_rng(5), np.tile([0.0, 0.0101], (500, 1))
    for _ in range(300):
        arms = (chance.random(500) < 0.02).astype(int)
        arms[0] = 1
        logged = Logged(arms, np.where(arms, 0.01, 0.0) + chance.normal(0, 0.05, 500), logging, target)
        found = evaluate(logged, predictions=model, overlap=Overlap(minimum_effective=0, largest_share=1)).estimates
        for name, squared in errors.items():
            if found:
                squared.append((found[name].value - 0.01) ** 2)
    assert len(errors["dr"]) > 290
    assert np.mean(errors["shrunk_dr"]) < np.mean(errors["dr"])


def test_of_several_the_one_with_the_least_variance_and_squared_bias_is_taken():
    logged, truth = drawn(4)
    tried = [shrunk_dr(logged, 0.5 * truth, shrinkage=strength) for strength in (0.01, 1.0, 1e9)]
    assert min(each.standard_error**2 + each.bias**2 for each in tried) == least_error(tried).squared_error
    biased = np.full_like(truth, 0.5)
    found = evaluate(logged, predictions=biased).estimates
    assert found["switch_dr"].parameter == logged.weights.max()
    assert found["dr"].value == pytest.approx(found["switch_dr"].value, abs=1e-15)
    assert found["dr"].value == pytest.approx(found["shrunk_dr"].value, abs=1e-3)


def test_without_overlap_there_is_a_reason_and_no_estimate():
    logged, _ = drawn(5, n=50)
    found = evaluate(logged)
    assert found.refusal.startswith("too little overlap: 50 units count as ")
    assert {} == found.estimates
    assert 50 == found.weighing.n


def test_without_predictions_only_the_estimators_that_need_none_answer():
    assert {"ips", "snips"} == set(evaluate(drawn(6)[0]).estimates)


def test_what_makes_no_sense_is_refused():
    logged, truth = drawn(7, n=30)
    with pytest.raises(LearningError, match="finite predictions"):
        dr(logged, truth[:, :2])
    with pytest.raises(LearningError, match="finite predictions"):
        dr(logged, np.full_like(truth, np.nan))
    with pytest.raises(LearningError, match="threshold must be positive"):
        switch_dr(logged, truth, threshold=0.0)
    with pytest.raises(LearningError, match="shrinkage must be positive"):
        shrunk_dr(logged, truth, shrinkage=float("nan"))
    with pytest.raises(LearningError, match="at least 2 sessions"):
        ips(logged, sampling=Sampling(np.zeros(30, int)))
    with pytest.raises(LearningError, match="one session each"):
        ips(logged, sampling=Sampling(np.zeros(3, int)))
    with pytest.raises(LearningError, match="confidence"):
        ips(logged, sampling=Sampling(confidence=1.0))
    nothing = Logged(np.zeros(2, int), np.zeros(2), np.full((2, 2), 0.5), np.array([[0.0, 1.0]] * 2))
    with pytest.raises(LearningError, match="none of 2 units"):
        snips(nothing)
