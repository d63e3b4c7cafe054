import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import t

from learning.errors import LearningError
from learning.mean_error import MeanError, mean_error


def normal(size, seed=1):
    return np.random.default_rng(seed).normal(size=size)


@pytest.mark.parametrize(("n", "overlap", "freedom"), [(160, 0, 12), (160, 15, 8), (40, 0, 4), (20, 0, 3), (75, 30, 2)])
def test_is_the_mean_square_of_the_slowest_cosines(n, overlap, freedom):
    values = normal(n) + 3
    waves = [np.cos(np.pi * wave * (np.arange(n) + 0.5) / n) * (2 / n) ** 0.5 for wave in range(1, freedom + 1)]
    found = mean_error(values, overlap=overlap)
    assert freedom == found.freedom
    assert np.mean([(wave @ values) ** 2 for wave in waves]) / n == pytest.approx(found.error**2, rel=1e-9)


def test_the_mean_over_its_error_is_exactly_students_t_for_independent_normals():
    """Of 4,000 series; a share of 5 % is known to 0.35 % (one standard error), and 4 of these are allowed."""
    series = normal((4_000, 60))
    errors = [mean_error(values) for values in series]
    ratios = np.array([values.mean() / one.error for values, one in zip(series, errors, strict=True)])
    for share in (0.05, 0.95):
        assert share == pytest.approx((ratios < t.ppf(share, errors[0].freedom)).mean(), abs=0.014)


def test_a_series_with_memory_has_the_error_of_its_spectrum_at_0():
    """An autoregression of 0.8 has a long-run deviation of 5. 65 cosines know it to 9 %; 3 of these are allowed."""
    values = lfilter([1], [1, -0.8], normal(2_000))
    assert 5 / 2_000**0.5 == pytest.approx(mean_error(values).error, rel=0.27)


def test_what_is_too_short_has_no_error():
    assert mean_error(normal(19)) is None
    assert mean_error(normal(74), overlap=30) is None


def test_a_constant_series_is_sure_and_nothing_at_all_is_even():
    assert MeanError(0.0, 5) == mean_error(np.ones(50))
    assert [1.0, 0.0, 0.5] == [MeanError(0.0, 4).above(mean) for mean in (0.1, -0.1, 0.0)]


@pytest.mark.parametrize(
    ("values", "overlap", "said"),
    [([1.0, np.nan], 0, "finite"), ([[1.0]], 0, "flat"), ([1.0] * 30, -1, "-1")],
)
def test_what_cannot_be_is_refused(values, overlap, said):
    with pytest.raises(LearningError, match=said):
        mean_error(np.array(values), overlap=overlap)
