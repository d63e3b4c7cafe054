import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.effects import arm_effects
from learning.errors import LearningError
from learning.regimes import between_regimes, borrowed, measured_rates, win_rates
from learning.rewards import RewardSum, quantise
from tests.learning.singly import canonical, posterior_of


def measured(seed, *, regimes=3, k=2, scale=0.01):
    """What each regime measured: estimates, covariances, and both in canonical form."""
    chance = np.random.default_rng(seed)
    roots = chance.normal(size=(regimes, k, k)) * scale
    covariances = roots @ np.swapaxes(roots, 1, 2) + np.eye(k) * (scale / 3) ** 2
    estimates = chance.normal(0.005, scale, size=(regimes, k))
    precisions = np.linalg.inv(covariances)
    return estimates, covariances, precisions, np.einsum("rij,rj->ri", precisions, estimates)


def conditioned(estimates, covariances, *, prior_sd, tau, prior_mean=0.0):
    """The joint normal of all regimes' values and estimates, conditioned on the estimates by the textbook."""
    regimes, k = estimates.shape
    values = np.kron(np.full((regimes, regimes), prior_sd**2) + tau**2 * np.eye(regimes), np.eye(k))
    seen = values.copy()
    for regime in range(regimes):
        place = slice(regime * k, (regime + 1) * k)
        seen[place, place] += covariances[regime]
    gain = np.linalg.solve(seen, values).T
    mean = prior_mean + gain @ (estimates.ravel() - prior_mean)
    covariance = values - gain @ values
    return mean.reshape(regimes, k), covariance.reshape(regimes, k, regimes, k)[range(regimes), :, range(regimes), :]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 4), st.floats(0, 0.05), st.floats(0.003, 0.1))
def test_beliefs_are_those_of_the_joint_normal_conditioned_on_all_regimes(seed, regimes, k, tau, prior_sd):
    estimates, covariances, precisions, weighed = measured(seed, regimes=regimes, k=k)
    expected = conditioned(estimates, covariances, prior_sd=prior_sd, tau=tau, prior_mean=0.002)
    means, spreads = borrowed(precisions, weighed, prior_sd=prior_sd, tau=tau, prior_mean=0.002)
    assert np.allclose(expected[0], means, rtol=1e-9, atol=1e-11)
    assert np.allclose(expected[1], spreads, rtol=1e-8, atol=1e-12)


def test_without_variance_between_regimes_they_are_pooled_completely():
    _, _, precisions, weighed = measured(1)
    means, spreads = borrowed(precisions, weighed, prior_sd=0.02, tau=0.0)
    pooled = np.linalg.inv(np.eye(2) / 0.02**2 + precisions.sum(axis=0))
    assert np.allclose(pooled @ weighed.sum(axis=0), means, rtol=1e-12)
    assert np.allclose(pooled, spreads, rtol=1e-12)


def test_with_endless_variance_between_regimes_each_keeps_its_own_estimate():
    estimates, covariances, precisions, weighed = measured(2)
    means, spreads = borrowed(precisions, weighed, prior_sd=0.02, tau=1e3)
    assert np.allclose(estimates, means, rtol=1e-6)
    assert np.allclose(covariances, spreads, rtol=1e-6)


def test_a_regime_that_measured_nothing_has_the_mean_of_the_others_less_surely():
    estimates, covariances, precisions, weighed = measured(3)
    precisions[2], weighed[2] = 0, 0
    means, spreads = borrowed(precisions, weighed, prior_sd=0.02, tau=0.004)
    others = np.array([[1, 1], [1, 1]]) * 0.02**2 + np.eye(2) * 0.004**2
    seen = np.kron(others, np.eye(2))
    seen[:2, :2] += covariances[0]
    seen[2:, 2:] += covariances[1]
    gain = np.kron(np.ones((1, 2)) * 0.02**2, np.eye(2)) @ np.linalg.inv(seen)
    assert np.allclose(gain @ estimates[:2].ravel(), means[2], rtol=1e-9)
    expected = (0.02**2 + 0.004**2) * np.eye(2) - gain @ np.kron(np.ones((2, 1)) * 0.02**2, np.eye(2))
    assert np.allclose(expected, spreads[2], rtol=1e-9)


def dersimonian_laird(estimates, variances):
    """The textbook's formula for one value; regimes that measured nothing left out."""
    weights = 1 / variances
    mean = np.average(estimates, weights=weights)
    q = np.sum(weights * (estimates - mean) ** 2)
    slope = weights.sum() - np.sum(weights**2) / weights.sum()
    return max(0.0, (q - (len(estimates) - 1)) / slope), q, slope


def test_tau_is_dersimonian_and_lairds_and_regimes_without_data_do_not_count():
    estimates, variances = np.array([0.01, -0.02, 0.03, 0.0]), np.array([1e-5, 4e-5, 2e-5, 1e-4])
    expected, _, _ = dersimonian_laird(estimates, variances)
    precisions = np.append(1 / variances, 0.0)[:, None, None]
    weighed = np.append(estimates / variances, 0.0)[:, None]
    assert expected > 0
    assert expected == pytest.approx(float(between_regimes(precisions, weighed)), rel=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_where_only_one_regime_measured_anything_nothing_is_known_between_them(seed):
    _, _, precisions, weighed = measured(seed, k=4)
    precisions[1:], weighed[1:] = 0, 0
    assert 0 == between_regimes(precisions, weighed)
    assert 0 == between_regimes(precisions[:1], weighed[:1])
    assert 0 == between_regimes(precisions * 0, weighed * 0)
    measures, estimates = np.zeros((2, 4, 4)), np.zeros((2, 4))
    measures[0, :2, :2], measures[1, 2:, 2:] = precisions[0, :2, :2], precisions[0, 2:, 2:]
    estimates[0, :2], estimates[1, 2:] = weighed[0, :2], weighed[0, 2:]
    assert 0 == between_regimes(measures, estimates)


def test_independent_arms_share_one_tau():
    chance = np.random.default_rng(4)
    estimates, variances = chance.normal(0, 0.02, size=(4, 3)), chance.uniform(1e-5, 1e-4, size=(4, 3))
    _, q, slope = np.sum([dersimonian_laird(*each) for each in zip(estimates.T, variances.T, strict=True)], axis=0)
    precisions = np.apply_along_axis(np.diag, 1, 1 / variances)
    made = between_regimes(precisions, estimates / variances)
    assert (q - 3 * 3) / slope == pytest.approx(float(made), rel=1e-9)


def test_tau_is_right_on_average_over_worlds_also_for_vectors_with_singular_precisions():
    """4,000 worlds, tau^2 at which truncation hardly bites: the mean within 4 of its standard errors."""
    chance = np.random.default_rng(5)
    _, covariances, precisions, _ = measured(5, regimes=6, k=3, scale=0.004)
    across = np.eye(3) - np.ones((3, 3)) / 3
    precisions[0] = across @ precisions[0] @ across
    values = chance.normal(0.0, 0.02, size=(4_000, 6, 3)) + chance.normal(size=(4_000, 1, 3))
    roots = np.linalg.cholesky(covariances)
    noise = np.einsum("rij,wrj->wri", roots, chance.normal(size=values.shape))
    singular = np.linalg.pinv(precisions[0], hermitian=True)
    values_, vectors = np.linalg.eigh(singular)
    noise[:, 0] = chance.normal(size=(4_000, 3)) @ (vectors * np.sqrt(values_.clip(0))).T
    weighed = np.einsum("rij,wrj->wri", precisions, values + noise)
    made = between_regimes(np.broadcast_to(precisions, (4_000, 6, 3, 3)), weighed)
    error = made.std() / np.sqrt(4_000)
    assert abs(made.mean() - 0.02**2) < 4 * error
    assert error < 0.02 * 0.02**2


def test_identical_regimes_pool_and_different_ones_do_not():
    chance = np.random.default_rng(6)
    precisions = np.broadcast_to(np.eye(1) / 0.001**2, (8, 1, 1))
    alike = between_regimes(precisions, (0.01 + 0.0005 * chance.normal(size=(8, 1))) / 0.001**2)
    apart = between_regimes(precisions, 0.03 * chance.normal(size=(8, 1)) / 0.001**2)
    assert 0 == alike
    assert 0.01 < np.sqrt(apart) < 0.06


def test_a_rare_regime_is_known_better_by_borrowing():
    """2,000 worlds of 4 regimes, one with a 40th of the data: the paired gain is over 4 of its standard errors."""
    chance = np.random.default_rng(7)
    variances = np.array([1e-5, 1e-5, 1e-5, 4e-4])
    values = chance.normal(0, 0.01, size=(2_000, 1)) + chance.normal(0, 0.003, size=(2_000, 4))
    estimates = values + chance.normal(size=values.shape) * np.sqrt(variances)
    precisions = np.broadcast_to((1 / variances)[:, None, None], (2_000, 4, 1, 1))
    weighed = (estimates / variances)[..., None]
    tau = np.sqrt(between_regimes(precisions, weighed))
    means, _ = borrowed(precisions, weighed, prior_sd=0.01, tau=tau)
    alone = estimates[:, 3] * 0.01**2 / (0.01**2 + 4e-4)
    gain = (alone - values[:, 3]) ** 2 - (means[:, 3, 0] - values[:, 3]) ** 2
    assert gain.mean() > 4 * gain.std() / np.sqrt(2_000)


def test_allocations_are_learned_side_by_side():
    several = [measured(seed) for seed in range(4)]
    precisions, weighed = (np.array([each[place] for each in several]) for place in (2, 3))
    taus = np.sqrt(between_regimes(precisions, weighed))
    means, spreads = borrowed(precisions, weighed, prior_sd=0.02, tau=taus)
    for place, (_, _, precision, own) in enumerate(several):
        tau = np.sqrt(between_regimes(precision, own))
        alone = borrowed(precision, own, prior_sd=0.02, tau=tau)
        assert tau == pytest.approx(float(taus[place]), rel=1e-12)
        assert np.allclose(alone[0], means[place], rtol=1e-12)
        assert np.allclose(alone[1], spreads[place], rtol=1e-12)


@given(st.integers(0, 1000), st.permutations(range(3)))
@settings(max_examples=30, deadline=None)
def test_permuted_regimes_and_arms_are_permuted_beliefs(seed, order):
    _, _, precisions, weighed = measured(seed, k=3)
    there = borrowed(precisions, weighed, prior_sd=0.02, tau=0.01)
    back = borrowed(precisions[np.ix_(order, order, order)], weighed[np.ix_(order, order)], prior_sd=0.02, tau=0.01)
    assert np.allclose(there[0][np.ix_(order, order)], back[0], rtol=1e-9, atol=1e-13)
    assert np.allclose(there[1][np.ix_(order, order, order)], back[1], rtol=1e-9, atol=1e-13)


@given(st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_negated_rewards_have_negated_means_and_the_same_covariance_to_the_last_bit(seed):
    _, _, precisions, weighed = measured(seed)
    tau = np.sqrt(between_regimes(precisions, weighed))
    assert tau == np.sqrt(between_regimes(precisions, -weighed))
    there, back = (borrowed(precisions, sign * weighed, prior_sd=0.02, tau=tau) for sign in (1, -1))
    assert (-there[0]).tolist() == back[0].tolist()
    assert there[1].tolist() == back[1].tolist()


def effects(seed, sizes=None, sessions=12):
    chance = np.random.default_rng(seed)
    sizes = sizes or {"base": 8, "a": 3, "b": 2}
    rows = [
        {
            name: sum((quantise(v, bound=1.0) for v in chance.normal(0.001, 0.01, size)), RewardSum())
            for name, size in sizes.items()
        }
        for _ in range(sessions)
    ]
    return arm_effects(rows, baseline="base", arms=["a", "b"])


def believed(*effects):
    """Means and covariances of each regime, with tau from the data."""
    precisions, weighed = (np.array(each) for each in zip(*map(canonical, effects), strict=True))
    return borrowed(precisions, weighed, prior_sd=0.004, tau=np.sqrt(between_regimes(precisions, weighed)))


def test_one_regime_is_the_unpooled_belief():
    mean, covariance = posterior_of(effects(1), prior_sd=0.004)
    means, covariances = believed(effects(1))
    assert np.allclose(mean, means[0], rtol=1e-9)
    assert np.allclose(covariance, covariances[0], rtol=1e-9)


@pytest.mark.parametrize("nothing", [{"base": 1, "a": 1, "b": 1}, {"base": 5}])
def test_beside_a_regime_without_data_the_other_keeps_its_belief_and_shares_it(nothing):
    mean, covariance = posterior_of(effects(1), prior_sd=0.004)
    (known, unknown), covariances = believed(effects(1), effects(2, nothing))
    assert np.allclose(mean, known, rtol=1e-9)
    assert np.allclose(covariance, covariances[0], rtol=1e-9)
    assert np.allclose(mean, unknown, rtol=1e-9)


def test_regimes_of_within_session_differences_are_those_of_the_joint_normal():
    several = [effects(seed, sessions=6 * (seed + 1)) for seed in range(3)]
    estimates = np.array([list(each.estimates.values()) for each in several])
    covariances = np.array([each.covariance for each in several])
    precisions = np.linalg.inv(covariances)
    tau = np.sqrt(between_regimes(precisions, np.einsum("rij,rj->ri", precisions, estimates)))
    expected = conditioned(estimates, covariances, prior_sd=0.004, tau=float(tau))
    for one, made in zip(expected, believed(*several), strict=True):
        assert np.allclose(one, made, rtol=1e-8, atol=1e-12)


def test_what_does_not_fit_is_refused():
    _, _, precisions, weighed = measured(1)
    with pytest.raises(LearningError, match="must fit"):
        between_regimes(precisions, weighed[:, :1])
    with pytest.raises(LearningError, match="not finite"):
        between_regimes(precisions, weighed * np.nan)
    for wrong in ({"prior_sd": 0.0, "tau": 0.1}, {"prior_sd": 1.0, "tau": -0.1}, {"prior_sd": 1.0, "tau": np.nan}):
        with pytest.raises(LearningError, match="tau"):
            borrowed(precisions, weighed, **wrong)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.floats(0.01, 0.3))
def test_win_rates_begin_with_what_the_joint_normal_of_the_other_regimes_predicts(seed, regimes, tau):
    chance = np.random.default_rng(seed)
    wins, losses = chance.integers(0, 200, size=(2, regimes, 3)).astype(float)
    rates, precisions = measured_rates(wins, losses)
    made = win_rates(wins, losses, tau=tau)
    for regime in range(regimes):
        others = np.where(np.arange(regimes) == regime, 0, precisions.T)
        means, spreads = borrowed(
            others[..., None, None],
            (others * rates.T)[..., None],
            prior_sd=12**-0.5,
            tau=tau,
            prior_mean=0.5,
        )
        before_wins, before_losses = made.wins[regime] - wins[regime], made.losses[regime] - losses[regime]
        units = before_wins + before_losses
        assert np.allclose(means[:, regime, 0], before_wins / units, rtol=1e-9)
        variance = before_wins * before_losses / units**2 / (units + 1)
        wide = units < 1 + 1e-9
        assert np.allclose(spreads[:, regime, 0, 0][~wide], variance[~wide], rtol=1e-8)


def test_a_regime_seldom_seen_borrows_a_win_rate_and_gives_it_up_for_its_own():
    wins, losses = np.array([[400.0], [0.0]]), np.array([[600.0], [0.0]])
    told = win_rates(wins, losses, tau=0.05)
    assert 0.4 == pytest.approx(float(told.mean[1, 0]), abs=0.01)
    apart = (2 * 0.05**2 + 0.4 * 0.6 / 1_000) ** 0.5
    assert apart == pytest.approx(float(told.variance[1, 0]) ** 0.5, rel=0.02)
    wins[1], losses[1] = 900, 100
    assert 0.9 == pytest.approx(float(win_rates(wins, losses, tau=0.05).mean[1, 0]), abs=0.05)


@pytest.mark.parametrize("tau", [0.0, -0.1, float("nan")])
def test_win_rates_of_regimes_that_cannot_differ_are_refused(tau):
    with pytest.raises(LearningError, match="tau"):
        win_rates(np.ones((2, 3)), np.ones((2, 3)), tau=tau)


@pytest.mark.parametrize("wins", [-1.0, -2.0, np.nan])
def test_win_rates_refuse_what_cannot_be_counted_without_a_warning(wins):
    with pytest.raises(LearningError, match="wins must be numbers of at least 0"):
        win_rates(np.array([[wins]]), np.zeros((1, 1)), tau=0.1)
