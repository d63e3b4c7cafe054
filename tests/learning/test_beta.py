import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from learning.beta import Beta, beta_like, beta_prior
from learning.errors import LearningError

counts = st.floats(0, 5_000)
priors = st.floats(0.1, 50)


@settings(max_examples=40)
@given(counts, counts, priors, priors, st.floats(0.5, 0.999))
def test_mean_variance_and_interval_are_scipys(wins, losses, alpha, beta, level):
    made, oracle = beta_prior(alpha, beta).after(wins, losses), stats.beta(alpha + wins, beta + losses)
    assert oracle.mean() == pytest.approx(float(made.mean), rel=1e-9)
    assert oracle.var() == pytest.approx(float(made.variance), rel=1e-9)
    assert oracle.interval(level) == pytest.approx([float(end) for end in made.interval(level)], rel=1e-9, abs=1e-12)


@settings(max_examples=40)
@given(counts, counts, st.integers(1, 40))
def test_the_predictive_is_the_beta_binomial(wins, losses, of):
    made, oracle = beta_prior(1, 2).after(wins, losses), stats.betabinom(of, 1 + wins, 2 + losses)
    assert np.allclose(oracle.pmf(np.arange(of + 1)), made.predictive(np.arange(of + 1), of=of), rtol=1e-9, atol=1e-12)
    assert float(made.mean) == pytest.approx(float(made.predictive(1, of=1)), rel=1e-9)


def test_one_by_one_is_all_at_once_and_whole_numbers_come_in_any_order():
    seen = [1, 0, 0, 1, 1, 0, 1]
    belief = beta_prior(1, 1)
    for win in seen:
        belief = belief.after(win, 1 - win)
    whole = beta_prior(1, 1).after(sum(seen), len(seen) - sum(seen))
    assert (whole.wins, whole.losses) == (belief.wins, belief.losses)


@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=6), st.floats(0.5, 0.99))
def test_wins_called_losses_mirror_the_belief_to_the_last_bit(arms, level):
    wins, losses = np.array(arms).T
    there, back = beta_prior(2, 1).after(wins, losses), beta_prior(1, 2).after(losses, wins)
    assert list(there.variance) == pytest.approx(list(back.variance), rel=1e-14)
    high = 1 - there.interval(level)[1]
    assert np.allclose(back.interval(level)[0], high, rtol=0, atol=2**-53)


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_holds_the_rate_as_often_as_it_says(seed):
    """Rates from the prior itself, so coverage is exact: 4,000 worlds, the 99.9 % bounds of a binomial."""
    chance = np.random.default_rng(seed)
    rates = chance.beta(2, 3, size=4_000)
    wins = chance.binomial(30, rates)
    low, high = beta_prior(2, 3).after(wins, 30 - wins).interval(0.9)
    covered = int(((low <= rates) & (rates <= high)).sum())
    assert stats.binom.ppf(0.0005, 4_000, 0.9) <= covered <= stats.binom.ppf(0.9995, 4_000, 0.9)


ARMS = {
    "nothing known": ([1, 1, 1], [1, 1, 1]),
    "one far ahead": ([900, 3, 40], [100, 30, 60]),
    "one known well, others not": ([5_001, 2, 1, 1], [5_001, 1, 2, 1]),
    "all known well": ([5_000, 5_040, 4_990], [5_000, 4_980, 5_010]),
    "faded": ([1.2, 14.7, 1.01], [1.9, 20.3, 3.3]),
}


@pytest.mark.parametrize("name", ARMS)
def test_best_is_how_often_each_arm_has_the_highest_draw(name):
    """400,000 draws: within five deviations of a binomial share, for each arm."""
    belief = Beta(*(np.array(ends, dtype=float) for ends in ARMS[name]))
    generator = np.random.default_rng(1)
    many = Beta(np.tile(belief.wins, (100, 1)), np.tile(belief.losses, (100, 1)))
    draws = np.array([many.drawn(generator) for _ in range(4_000)])
    highest = draws == draws.max(axis=-1, keepdims=True)
    often = (highest / highest.sum(axis=-1, keepdims=True)).mean(axis=(0, 1))
    expected = belief.best()
    assert 1 == pytest.approx(expected.sum(), abs=1e-12)
    assert (abs(often - expected) <= 5 * np.sqrt(expected * (1 - expected) / 400_000) + 1e-6).all()


@given(st.tuples(counts, counts), st.tuples(counts, counts))
@settings(max_examples=25, deadline=None)
def test_of_two_arms_the_worse_is_best_as_often_as_it_beats_the_mean_and_the_draw_of_the_other(one, other):
    """By Simpson's rule over the quantiles of the worse arm: no density is in it."""
    worse, better = sorted(
        (stats.beta(0.5 + wins, 0.5 + losses) for wins, losses in (one, other)), key=lambda a: a.mean()
    )
    belief = Beta(*(np.array([arm.args[place] for arm in (worse, better)]) for place in (0, 1)))
    assume(worse.mean() < better.mean())
    tails = worse.sf(better.mean()) * np.linspace(0, 1, 10_001)
    often = integrate.simpson(better.cdf(worse.isf(tails)), x=tails)
    assert often == pytest.approx(belief.best()[0], abs=1e-5)


@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_permuted_arms_are_best_as_often_to_the_last_bit(arms, random):
    order = random.sample(range(len(arms)), len(arms))
    wins, losses = np.array(arms).T + 1
    assert Beta(wins, losses).best()[order].tolist() == Beta(wins[order], losses[order]).best().tolist()


def test_many_rows_of_arms_are_those_one_by_one_to_the_last_bit():
    generator = np.random.default_rng(5)
    wins, losses = generator.uniform(1, 300, size=(2, 6, 10))
    rows = [Beta(wins[row], losses[row]).best().tolist() for row in range(6)]
    assert rows == Beta(wins, losses).best().tolist()


def test_what_rounding_of_faded_sums_leaves_below_nothing_is_nothing():
    wins = np.array([0.999**3 + 0.999**9])
    n = np.array([np.nextafter(wins[0], 0)])
    assert [1.0] == beta_prior(1, 1).after(wins, n - wins).losses.tolist()
    with pytest.raises(LearningError, match="losses"):
        beta_prior(1, 1).after(wins, np.array([-1e-6]))


@given(st.floats(0.01, 0.99), st.floats(1e-6, 0.2))
def test_a_belief_like_a_mean_and_a_variance_has_both(mean, variance):
    made = beta_like(np.array(mean), np.array(variance))
    assert mean == pytest.approx(float(made.mean), rel=1e-9)
    widest = mean * (1 - mean) / 2
    assert min(variance, widest) == pytest.approx(float(made.variance), rel=1e-9)


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 0.1), (1.0, 0.1), (0.5, 0.0), (float("nan"), 0.1)])
def test_a_mean_or_variance_that_no_win_rate_has_is_refused(mean, variance):
    with pytest.raises(LearningError, match="win rate"):
        beta_like(np.array(mean), np.array(variance))


@pytest.mark.parametrize(("alpha", "beta"), [(0, 1), (1, 0), (-1, 1), (float("nan"), 1), (1, float("inf"))])
def test_a_prior_that_is_none_is_refused(alpha, beta):
    with pytest.raises(LearningError, match="prior"):
        beta_prior(alpha, beta)


@pytest.mark.parametrize(("wins", "losses", "name"), [(-1, 0, "wins"), (0, float("nan"), "losses")])
def test_counts_that_are_none_are_refused(wins, losses, name):
    with pytest.raises(LearningError, match=name):
        beta_prior(1, 1).after(wins, losses)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_that_is_none_is_refused(level):
    with pytest.raises(LearningError, match="level"):
        beta_prior(1, 1).interval(level)
