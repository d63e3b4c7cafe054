from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import binom, t

from learning.bootstrap import mean_interval
from learning.errors import LearningError
from learning.improvement import Improvement, at_every_look, improvement
from learning.mean_error import mean_error
from learning.spending import spent_on
from tests import lengths


def chance(seed=1):
    return np.random.default_rng(seed)


def judged(values, **options):
    return improvement(values, generator=chance(2), **options)


def test_its_interval_is_the_bootstraps_whose_ends_err_with_the_rate_each():
    values = chance().normal(0.1, 1, size=300)
    found = judged(values, error_rate=0.05)
    interval = mean_interval(values, generator=chance(2), confidence=0.9)
    assert (interval.mean, interval.low, interval.high) == (found.mean, found.low, found.high)


def test_its_probability_is_that_of_students_t_with_the_error_of_the_slow_cosines():
    values = chance(3).normal(0.1, 1, size=400)
    found, error = judged(values, overlap=7), mean_error(values, overlap=7)
    assert t.cdf(values.mean() / error.error, error.freedom) == pytest.approx(found.probability, rel=1e-9)
    assert min(400, values.var(ddof=1) / error.error**2) == pytest.approx(found.effective_n, rel=1e-9)
    assert found.n == 400


def test_it_proposes_only_where_probability_and_interval_both_say_so():
    sure = Improvement(0.1, 0.01, 0.2, 0.96, 0.8, 100, 100.0, 0.05)
    assert sure.proposes
    assert not replace(sure, low=0.0).proposes
    assert not replace(sure, probability=0.94).proposes


def test_differences_with_memory_count_as_fewer():
    """An autoregression of 0.8 has (1 - 0.8) / (1 + 0.8) of its n as effective ones: 222 of 2,000."""
    values = lfilter([1], [1, -0.8], chance(4).normal(size=2_000))
    assert 222 == pytest.approx(judged(values).effective_n, rel=0.4)


def remembering(chance, phi):
    return lfilter([1], [1, -phi], chance.normal(size=210))[50:]


def overlapping(chance, windows):
    """Each value is the sum of so many moves, of which it shares all but one with the next value."""
    return np.convolve(chance.standard_t(4, size=160 + windows - 1), np.ones(windows), mode="valid")


@lengths.runs(60, at_length=200)
@pytest.mark.parametrize(
    ("series", "overlap"),
    [
        (lambda chance: remembering(chance, 0.0), 0),
        (lambda chance: remembering(chance, 0.5), 5),
        (lambda chance: overlapping(chance, 15), 14),
    ],
)
def test_where_there_is_no_edge_it_proposes_at_the_stated_rate(series, overlap, runs):
    """Within the 99.9 % bounds at 5 %: 3 to 20 of 200. With windows of 15 the bootstrap's error alone made about 25."""
    proposed = sum(
        improvement(series(chance(seed)), generator=chance(seed), overlap=overlap).proposes for seed in range(runs)
    )
    assert binom.ppf(0.001, runs, 0.05) <= proposed <= binom.ppf(0.999, runs, 0.05)


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


@lengths.runs(150, at_length=500)
@pytest.mark.parametrize("phi", [0.0, 0.3])
def test_a_year_of_weekly_looks_at_nothing_is_believed_as_seldom_as_one(phi, runs):
    """Series without an edge, looked at after every fifth session from the 40th to the 300th."""
    alone = always = 0
    for seed in range(runs):
        values = lfilter([1], [1, -phi], np.random.default_rng(seed).standard_t(5, size=350))[50:]
        looks = [values[:end] for end in range(40, 301, 5)]
        above = [mean_error(look).above(look.mean()) for look in looks]
        alone += max(above) >= 0.95
        always += any(
            at_every_look(one, len(look), error_rate=0.05) >= 0.95 for one, look in zip(above, looks, strict=True)
        )
    print(f"phi {phi}: {always} of {runs} at every look, {alone} by the luckiest single look")
    assert always <= binom.ppf(0.99, runs, 0.05)
    assert alone > 2 * binom.ppf(0.99, runs, 0.05)


def looks_that_count(values, *, window):
    """Weekly looks at the later two thirds of the last ``window`` sessions whose mean is above 0 at 5 %: the whole
    windows that had passed, the probability, and the sessions judged."""
    for end in range(60, len(values) + 1, 5):
        seen = min(end, window)
        look = values[end - seen + seen // 3 : end]
        if look.mean() > 0 and (above := mean_error(look).above(look.mean())) >= 0.95:
            yield (end - 1) // window, above, len(look)


@lengths.runs(150, at_length=500)
def test_six_windows_that_roll_are_believed_as_seldom_as_one_where_the_error_rate_is_spent_over_them(runs):
    """Series without an edge, of 1,500 sessions, 250 seen at a time; the whole rate in each window is not kept."""
    spent = whole = 0
    for seed in range(runs):
        looks = list(looks_that_count(np.random.default_rng([9, seed]).normal(size=1_500), window=250))
        rates = [0.05 * spent_on(passed, together=1) for passed, _, _ in looks]
        spent += any(
            at_every_look(above, n, error_rate=rate) >= 1 - rate
            for rate, (_, above, n) in zip(rates, looks, strict=True)
        )
        whole += any(at_every_look(above, n, error_rate=0.05) >= 0.95 for _, above, n in looks)
    print(f"{spent} of {runs} with the rate spent over windows, {whole} with all of it in each")
    assert spent <= binom.ppf(0.99, runs, 0.05)
    assert whole > binom.ppf(0.99, runs, 0.05)


def test_at_every_look_asks_for_more_than_one_look_and_finds_a_lasting_edge():
    found = judged(chance(5).normal(0.3, 1, size=250))
    assert 0.95 < found.confidence < found.probability
    assert judged(chance(5).normal(-0.3, 1, size=250)).confidence == 0.5
