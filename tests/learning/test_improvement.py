import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import binom, ttest_1samp

from learning.bootstrap import mean_interval
from learning.errors import LearningError
from learning.improvement import improvement


def chance(seed=1):
    return np.random.default_rng(seed)


def judged(values, **options):
    return improvement(values, generator=chance(2), **options)


def test_its_interval_is_the_bootstraps_whose_ends_err_with_the_rate_each():
    values = chance().normal(0.1, 1, size=300)
    found = judged(values, error_rate=0.05)
    interval = mean_interval(values, generator=chance(2), confidence=0.9)
    assert (interval.mean, interval.low, interval.high) == (found.mean, found.low, found.high)


def test_independent_differences_have_the_probability_of_a_t_test():
    """The standard error of 4,000 draws is exact to about 2 %; at 1.6 standard errors that moves it by 0.005."""
    values = chance(3).normal(0, 1, size=400)
    values += 1.6 * values.std() / 20 - values.mean()
    found = judged(values)
    assert 1 - ttest_1samp(values, 0, alternative="greater").pvalue == pytest.approx(found.probability, abs=0.01)
    assert found.n == 400
    assert 400 * 0.85 <= found.effective_n <= 400


def test_differences_with_memory_count_as_fewer():
    """An autoregression of 0.8 has (1 - 0.8) / (1 + 0.8) of its n as effective ones: 222 of 2,000."""
    values = lfilter([1], [1, -0.8], chance(4).normal(size=2_000))
    assert 222 == pytest.approx(judged(values).effective_n, rel=0.4)


@pytest.mark.parametrize("phi", [0.0, 0.3])
def test_where_there_is_no_edge_it_proposes_at_the_stated_rate(phi):
    """At most the 99.9 % bound of 100 runs at 5 %: 12. None at all would have a chance of 0.6 %."""
    proposed = 0
    for seed in range(100):
        values = lfilter([1], [1, -phi], chance(seed).normal(size=110))[50:]
        proposed += improvement(values, generator=chance(seed)).proposes
    assert 0 < proposed <= binom.ppf(0.999, 100, 0.05)


def test_negated_differences_have_the_negated_answer():
    values = chance(5).normal(0.05, 1, size=200)
    one, other = judged(values), judged(-values)
    assert (-one.mean, -one.high, -one.low) == pytest.approx((other.mean, other.low, other.high), rel=1e-12)
    assert 1 - one.probability == pytest.approx(other.probability, rel=1e-9)


def test_below_twenty_sessions_nothing_is_proposed_and_the_unknown_is_none():
    assert (None, 0, None, False) == tuple(
        getattr(judged([]), name) for name in ("mean", "n", "probability", "proposes")
    )
    found = judged(np.ones(19))
    assert (1.0, None, None, None, None, False) == (
        found.mean,
        found.low,
        found.high,
        found.probability,
        found.effective_n,
        found.proposes,
    )


def test_no_difference_at_all_is_even_and_a_constant_one_is_sure():
    assert (0.0, 0.5, False) == (
        judged(np.zeros(50)).mean,
        judged(np.zeros(50)).probability,
        judged([0.0] * 50).proposes,
    )
    assert (1.0, True) == (judged(np.ones(50)).probability, judged(np.ones(50)).proposes)
    assert judged(-np.ones(50)).probability == 0.0


@pytest.mark.parametrize("rate", [0.0, 0.5, -1.0, float("nan")])
def test_an_error_rate_that_cannot_be_is_refused(rate):
    with pytest.raises(LearningError, match="error rate"):
        judged(np.ones(30), error_rate=rate)
