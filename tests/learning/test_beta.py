import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from learning.beta import beta_prior
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
