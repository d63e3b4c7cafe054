import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from learning.aged import Cells, aged
from learning.errors import LearningError
from learning.normal_gamma import NormalGamma, normal_gamma_prior

PRIOR = normal_gamma_prior(kappa=2.0, m=0.001, a=1.5, b=0.0003)
rewards = st.lists(st.integers(-50_000, 50_000).map(lambda value: value / 1e6), min_size=1, max_size=40)


def sums(values):
    values = np.asarray(values)
    return float(len(values)), float(values.sum()), float((values**2).sum())


def numbers(belief):
    return [float(each) for each in (belief.kappa, belief.m, belief.a, belief.b)]


@given(rewards)
def test_the_update_is_the_textbooks(values):
    n, s1, s2 = sums(values)
    kappa, m = 2.0 + n, (2.0 * 0.001 + s1) / (2.0 + n)
    b = 0.0003 + (s2 + 2.0 * 0.001**2 - kappa * m**2) / 2
    assert [kappa, m, 1.5 + n / 2, b] == pytest.approx(numbers(PRIOR.after(n, s1, s2)), rel=1e-9, abs=1e-12)


@given(rewards)
def test_one_by_one_is_all_at_once(values):
    belief = PRIOR
    for value in values:
        belief = belief.after(1.0, value, value**2)
    assert numbers(PRIOR.after(*sums(values))) == pytest.approx(numbers(belief), rel=1e-9, abs=1e-15)


@settings(max_examples=20)
@given(rewards)
def test_the_evidence_is_the_product_of_the_predictive_densities_one_by_one(values):
    belief, total = PRIOR, 0.0
    for value in values:
        scale = np.sqrt(belief.b * (belief.kappa + 1) / (belief.a * belief.kappa))
        density = stats.t.logpdf(value, 2 * belief.a, belief.m, scale)
        assert density == pytest.approx(float(belief.predictive.log_density(value)), rel=1e-9, abs=1e-9)
        total += density
        belief = belief.after(1.0, value, value**2)
    assert total == pytest.approx(float(PRIOR.log_evidence(*sums(values))), rel=1e-9, abs=1e-9)


@settings(max_examples=30)
@given(rewards, st.floats(0.5, 0.999))
def test_mean_and_predictive_are_scipys_t(values, level):
    belief = PRIOR.after(*sums(values))
    kappa, m, a, b = numbers(belief)
    for made, spread in ((belief.mean, 1 / kappa), (belief.predictive, 1 + 1 / kappa)):
        oracle = stats.t(2 * a, m, np.sqrt(b / a * spread))
        assert oracle.interval(level) == pytest.approx(
            [float(end) for end in made.interval(level)], rel=1e-9, abs=1e-12
        )
        assert oracle.var() == pytest.approx(float(made.variance), rel=1e-9)
        points = np.array([-0.01, 0.0, m + 0.02])
        assert np.allclose(oracle.cdf(points), made.below(points), rtol=1e-9)
        assert np.allclose(oracle.logpdf(points), made.log_density(points), rtol=1e-9, atol=1e-9)


def test_the_density_is_that_of_mean_and_variance_by_brute_force():
    """A grid over mean and variance: prior times likelihood, normalised, against the marginal of the mean."""
    values = np.array([0.01, -0.004, 0.007])
    means, variances = np.linspace(-0.2, 0.2, 2001), np.exp(np.linspace(np.log(1e-6), np.log(1.0), 401))
    grid = stats.invgamma(1.5, scale=0.0003).pdf(variances) * variances
    grid = grid * stats.norm.pdf(means[:, None], 0.001, np.sqrt(variances / 2.0))
    for value in values:
        grid = grid * stats.norm.pdf(value, means[:, None], np.sqrt(variances))
    density = grid.sum(axis=1) / (grid.sum() * (means[1] - means[0]))
    made = np.exp(PRIOR.after(*sums(values)).mean.log_density(means))
    assert np.allclose(density, made, rtol=1e-4, atol=1e-4 * made.max())


def test_nothing_seen_leaves_the_prior_to_the_last_bit():
    assert numbers(PRIOR) == numbers(PRIOR.after(0.0, 0.0, 0.0))
    assert 0 == PRIOR.log_evidence(0.0, 0.0, 0.0)


@given(st.lists(rewards, min_size=1, max_size=6), st.randoms())
def test_arms_are_learned_side_by_side_and_permuted_arms_are_permuted_beliefs(arms, chance):
    order = chance.sample(range(len(arms)), len(arms))
    columns = np.array([sums(values) for values in arms]).T
    there, back = PRIOR.after(*columns), PRIOR.after(*columns[:, order])
    assert (there.b[order].tobytes(), there.m[order].tobytes()) == (back.b.tobytes(), back.m.tobytes())
    assert numbers(PRIOR.after(*sums(arms[0]))) == [float(each[0]) for each in (there.kappa, there.m, there.a, there.b)]


@given(rewards)
def test_negated_rewards_have_the_negated_mean_and_the_same_spread_to_the_last_bit(values):
    n, s1, s2 = sums(values)
    prior = normal_gamma_prior(kappa=2.0, m=-0.001, a=1.5, b=0.0003)
    there, back = PRIOR.after(n, s1, s2), prior.after(n, -s1, s2)
    assert [there.kappa, -there.m, there.a, there.b] == [back.kappa, back.m, back.a, back.b]


def test_what_fades_leaves_the_prior_and_without_fading_the_textbook_is_left():
    columns = ([0, 0], [30, 0], [40, 20], [400_000, -100_000], [9 * 10**9, 3 * 10**9])
    cells = Cells(*(np.array(column, dtype=np.int64) for column in columns))
    full, half, gone = (aged(cells, groups=1, fading=fading) for fading in (1.0, 0.9, 1e-6))
    whole, faded, left = (PRIOR.after(each.n, each.s1, each.s2) for each in (full, half, gone))
    assert [60, 0.3, 0.012] == pytest.approx([full.n[0], full.s1[0], full.s2[0]], rel=1e-15)
    assert [62, (0.002 + 0.3) / 62] == pytest.approx([whole.kappa[0], whole.m[0]], rel=1e-12)
    assert [22, (0.002 - 0.1) / 22] == pytest.approx([left.kappa[0], left.m[0]], rel=1e-12)
    weight = 0.9**30
    assert (0.002 - 0.1 + 0.4 * weight) / (22 + 40 * weight) == pytest.approx(faded.m[0], rel=1e-12)


def test_a_prior_for_each_arm_is_as_good_as_one_for_all():
    priors = NormalGamma(np.array([2.0, 5.0]), np.array([0.001, 0.0]), np.array([1.5, 3.0]), np.array([3e-4, 1e-3]))
    made = priors.after(np.array([3.0, 0.0]), np.array([0.03, 0.0]), np.array([5e-4, 0.0]))
    assert numbers(PRIOR.after(3.0, 0.03, 5e-4)) == [float(each[0]) for each in (made.kappa, made.m, made.a, made.b)]
    assert 5.0 == made.kappa[1]


def test_a_mean_far_from_zero_does_not_eat_the_spread():
    """1,000 rewards of 0.5 +- 1e-5: the naive sum of squares loses about eight of sixteen digits, no more."""
    values = 0.5 + 1e-5 * np.resize([1, -1], 1_000)
    made = normal_gamma_prior(kappa=1e-9, m=0.5, a=1.0, b=1e-12).after(*sums(values))
    assert 1_000 * 1e-10 / 2 == pytest.approx(float(made.b), rel=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_holds_the_mean_as_often_as_it_says(seed):
    """Means and variances from the prior, so coverage is exact: 4,000 worlds, the 99.9 % bounds of a binomial."""
    chance = np.random.default_rng(seed)
    variances = 0.0003 / chance.gamma(1.5, size=4_000)
    means = chance.normal(0.001, np.sqrt(variances / 2.0))
    values = chance.normal(means, np.sqrt(variances), size=(12, 4_000))
    low, high = PRIOR.after(np.full(4_000, 12.0), values.sum(axis=0), (values**2).sum(axis=0)).mean.interval(0.9)
    covered = int(((low <= means) & (means <= high)).sum())
    assert stats.binom.ppf(0.0005, 4_000, 0.9) <= covered <= stats.binom.ppf(0.9995, 4_000, 0.9)


def test_two_degrees_of_freedom_have_no_variance():
    assert np.inf == normal_gamma_prior(kappa=1.0, m=0.0, a=1.0, b=1.0).mean.variance


@pytest.mark.parametrize("wrong", [{"kappa": 0}, {"a": -1}, {"b": 0}, {"m": float("nan")}, {"a": float("inf")}])
def test_a_prior_that_is_none_is_refused(wrong):
    with pytest.raises(LearningError, match="positive"):
        normal_gamma_prior(**{"kappa": 1.0, "m": 0.0, "a": 1.0, "b": 1.0} | wrong)


@pytest.mark.parametrize(
    "wrong", [(-1.0, 0.0, 0.0), (2.0, 1.0, 0.3), (0.0, 0.1, 0.1), (1.0, float("nan"), 1.0), (1.0, 0.0, float("inf"))]
)
def test_sums_that_no_rewards_have_are_refused(wrong):
    with pytest.raises(LearningError, match="no rewards"):
        PRIOR.after(*wrong)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_that_is_none_is_refused(level):
    with pytest.raises(LearningError, match="level"):
        PRIOR.mean.interval(level)


def test_refuses_squares_of_no_rewards():
    with pytest.raises(LearningError, match="no rewards have this count"):
        normal_gamma_prior(kappa=1, m=0, a=1, b=1).after(np.zeros(1), np.zeros(1), np.ones(1))
