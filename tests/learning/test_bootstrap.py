import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import norm

from learning.bootstrap import _resampled_means, block_length, mean_interval
from learning.errors import LearningError
from tests import lengths


def chance(seed=1):
    return np.random.default_rng(seed)


def autoregression(seed, *, n=500, phi=0.5):
    return lfilter([1], [1, -phi], chance(seed).normal(size=n + 100))[100:]


def covered(phi, *, runs, **options):
    inside = 0
    for seed in range(runs):
        interval = mean_interval(autoregression(seed, phi=phi), generator=chance(seed), draws=500, **options)
        inside += interval.low <= 0 <= interval.high
    return inside / runs


def tolerance(runs):
    """Some three standard deviations of how often it happens: 0.04 in 300 runs."""
    return 0.04 * (300 / runs) ** 0.5


@lengths.runs(60, at_length=300)
def test_the_interval_covers_the_mean_of_independent_values_as_often_as_it_says(runs):
    assert 0.95 == pytest.approx(covered(0.0, runs=runs), abs=tolerance(runs))


@lengths.runs(150, at_length=300)
def test_the_interval_covers_the_mean_of_a_series_with_memory_nearly_as_often(runs):
    assert 0.93 == pytest.approx(covered(0.5, runs=runs), abs=tolerance(runs))


@lengths.runs(60, at_length=300)
def test_without_blocks_a_series_with_memory_would_not_be_covered(runs):
    inside = 0
    for seed in range(runs):
        means = _resampled_means(autoregression(seed), 1.0, generator=chance(seed), draws=500)
        low, high = np.quantile(means, [0.025, 0.975])
        inside += low <= 0 <= high
    assert inside / runs < 0.93 - tolerance(runs)


@pytest.mark.parametrize("block", [1.0, 4.0, 25.0])
def test_the_resampled_means_have_the_variance_that_politis_and_romano_derive(block):
    values = autoregression(3, n=120)
    n, stay, centred = len(values), 1 - 1 / block, values - values.mean()
    lags = np.arange(1, n)
    circular = np.array([centred @ np.roll(centred, lag) for lag in range(n)]) / n
    exact = (circular[0] + 2 * np.sum((1 - lags / n) * stay**lags * circular[1:])) / n
    means = _resampled_means(values, block, generator=chance(), draws=40_000)
    assert values.mean() == pytest.approx(means.mean(), abs=4 * np.sqrt(exact / 40_000))
    assert exact == pytest.approx(means.var(), rel=0.04)


def test_independent_values_have_the_interval_of_normal_theory():
    values = chance(4).normal(0.3, 1.0, size=2000)
    interval = mean_interval(values, generator=chance(5))
    half = norm.ppf(0.975) * values.std() / np.sqrt(len(values))
    assert values.mean() == pytest.approx(interval.mean)
    assert half == pytest.approx((interval.high - interval.low) / 2, rel=0.12)


@pytest.mark.parametrize("phi", [0.3, 0.6, 0.8])
def test_blocks_grow_with_memory_as_theory_has_it_for_an_autoregression(phi):
    n = 4000
    best = (2 * phi / (1 - phi**2)) ** (2 / 3) * n ** (1 / 3)
    found = np.median([block_length(autoregression(seed, n=n, phi=phi)) for seed in range(15)])
    assert best == pytest.approx(found, rel=0.3)


def test_the_same_generator_gives_the_same_interval():
    values = autoregression(6)
    assert mean_interval(values, generator=chance(7)) == mean_interval(values, generator=chance(7))
    assert mean_interval(values, generator=chance(7)) != mean_interval(values, generator=chance(8))


def test_an_effect_is_distinguishable_when_the_interval_leaves_out_zero():
    noise = chance(9).normal(size=400)
    assert mean_interval(noise + 1, generator=chance()).distinguishable
    assert mean_interval(noise - 1, generator=chance()).distinguishable
    assert not mean_interval(noise - noise.mean(), generator=chance()).distinguishable


def test_a_series_of_zeros_is_not_distinguishable_from_no_effect():
    interval = mean_interval(np.zeros(100), generator=chance())
    assert (0, 0, False) == (interval.low, interval.high, interval.distinguishable)


def test_too_short_a_series_has_no_interval():
    assert mean_interval(np.ones(19), generator=chance()) is None
    assert mean_interval(np.ones(20), generator=chance()) is not None


def test_a_series_that_only_rises_still_gets_a_block_shorter_than_itself():
    assert 1 <= block_length(np.arange(50.0)) <= 50


@pytest.mark.parametrize("series", [[float("nan")] * 30, [[1.0] * 30]])
def test_a_series_with_holes_is_refused(series):
    with pytest.raises(LearningError, match="flat series"):
        mean_interval(series, generator=chance())


def test_a_confidence_of_one_is_refused():
    with pytest.raises(LearningError, match="confidence"):
        mean_interval(np.zeros(30), generator=chance(), confidence=1.0)
