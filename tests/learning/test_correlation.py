import doctest
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm, pearsonr, spearmanr

from learning import correlation as module
from learning.correlation import correlations
from learning.errors import LearningError
from learning.uniqueness import average_uniqueness


def drawn(seed, *, n=80, k=6, ties=False, missing=0.0):
    chance = np.random.default_rng(seed)
    outcome = chance.normal(size=n)
    features = chance.normal(size=(n, k)) + np.outer(outcome, np.linspace(-1, 1, k))
    if ties:
        features, outcome = features.round(0), outcome.round(0)
    features[chance.random((n, k)) < missing] = np.nan
    outcome[chance.random(n) < missing] = np.nan
    return features, outcome


def of(features, outcome, **options):
    return correlations([f"f{place}" for place in range(features.shape[1])], features, outcome, **options)


def figures(one):
    both = (one.pearson, one.spearman)
    return [getattr(each, name) for each in both for name in ("value", "low", "high", "p_value", "q_value")]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_coefficients_p_values_and_intervals_are_scipys_pair_by_pair(seed, ties, missing):
    features, outcome = drawn(seed, ties=ties, missing=missing)
    for place, found in enumerate(of(features, outcome, confidence=0.9)):
        kept = ~np.isnan(features[:, place]) & ~np.isnan(outcome)
        x, y = features[kept, place], outcome[kept]
        line, rank = pearsonr(x, y), spearmanr(x, y)
        assert (kept.sum(), kept.sum()) == (found.pairs, found.effective)
        assert [line.statistic, *line.confidence_interval(0.9)] == pytest.approx(
            [found.pearson.value, found.pearson.low, found.pearson.high], abs=1e-9
        )
        assert [line.pvalue, rank.statistic, rank.pvalue] == pytest.approx(
            [found.pearson.p_value, found.spearman.value, found.spearman.p_value], abs=1e-9
        )


def test_the_interval_of_ranks_is_bonett_and_wrights():
    features, outcome = drawn(1, n=50, k=1)
    found = of(features, outcome)[0].spearman
    half = norm.ppf(0.975) * np.sqrt((1 + found.value**2 / 2) / 47)
    assert [np.tanh(np.arctanh(found.value) - half), np.tanh(np.arctanh(found.value) + half)] == pytest.approx(
        [found.low, found.high], abs=1e-12
    )


@pytest.mark.parametrize("ties", [False, True])
def test_weights_count_as_so_many_copies_of_an_example(ties):
    features, outcome = drawn(2, ties=ties, k=3)
    copies = np.random.default_rng(2).integers(1, 5, len(outcome))
    again = np.repeat(np.arange(len(outcome)), copies)
    for place, found in enumerate(of(features, outcome, uniqueness=copies / 4)):
        assert copies.sum() / 4 == pytest.approx(found.effective, rel=1e-12)
        assert [
            pearsonr(features[again, place], outcome[again]).statistic,
            spearmanr(features[again, place], outcome[again]).statistic,
        ] == pytest.approx([found.pearson.value, found.spearman.value], abs=1e-9)


def test_examples_that_overlap_widen_the_interval_as_their_effective_number_says():
    features, outcome = drawn(3, k=1)
    full, half = of(features, outcome)[0].pearson, of(features, outcome, uniqueness=np.full(80, 0.5))[0].pearson
    assert full.value == pytest.approx(half.value, abs=1e-12)
    widths = [np.arctanh(one.high) - np.arctanh(one.low) for one in (full, half)]
    assert np.sqrt(77 / 37) == pytest.approx(widths[1] / widths[0], rel=1e-9)
    assert half.p_value > full.p_value


def test_below_ten_pairs_there_is_a_reason_and_no_number():
    features, outcome = drawn(4, n=12, k=2)
    features[:3, 0] = np.nan
    few, enough = of(features, outcome)
    assert ("9 of 10 pairs", None, None, 9) == (few.reason, few.pearson, few.spearman, few.pairs)
    assert enough.reason is None
    assert "0 of 10 pairs" == of(np.empty((0, 1)), np.empty(0))[0].reason


def test_pairs_that_are_nearly_one_and_the_same_give_a_reason():
    features, outcome = drawn(5, n=12, k=1)
    found = of(features, outcome, uniqueness=np.full(12, 0.25))[0]
    assert "12 pairs overlap so much that they count as 3.0, and more than 3 are needed" == found.reason
    assert found.pearson is None


def test_what_never_changes_correlates_with_nothing():
    features, outcome = drawn(6, n=20, k=2)
    features[:, 0] = 0.1
    features[:10, 1] = np.nan
    assert "the feature is the same in all 20 pairs" == of(features, outcome)[0].reason
    outcome[10:] = 0.3
    assert "the outcome is the same in all 10 pairs" == of(features, outcome)[1].reason


def test_a_perfect_rise_and_fall_are_one_and_minus_one():
    up = np.arange(20.0)
    for sign in (1, -1):
        found = of(np.exp(up)[:, None], sign * up)[0]
        assert (sign, sign, sign, 0.0) == (
            found.spearman.value,
            found.spearman.low,
            found.spearman.high,
            found.spearman.p_value,
        )
        assert 0.5 < sign * found.pearson.value < 0.9


def test_q_values_are_benjamini_and_hochbergs_over_the_features_that_have_one():
    features, outcome = drawn(7, n=40, k=9)
    features[:35, 4] = np.nan
    found = [one for one in of(features, outcome) if one.reason is None]
    assert 8 == len(found)
    for name in ("pearson", "spearman"):
        p_values = [getattr(one, name).p_value for one in found]
        ordered = sorted(p_values)
        q_values = [
            min(ordered[rank] * len(ordered) / (rank + 1) for rank in range(len(ordered)) if ordered[rank] >= p_value)
            for p_value in p_values
        ]
        assert q_values == pytest.approx([getattr(one, name).q_value for one in found], rel=1e-12)


def test_many_features_are_looked_at_in_parts_with_the_same_result(monkeypatch):
    features, outcome = drawn(8, k=7, missing=0.1)
    whole = of(features, outcome)
    monkeypatch.setattr(module, "CELLS", 2 * len(outcome))
    for one, other in zip(whole, of(features, outcome), strict=True):
        assert figures(one) == pytest.approx(figures(other), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_order_does_not_matter_negation_negates_and_ranks_ignore_any_rising_scale(seed):
    features, outcome = drawn(seed, n=30, k=3, missing=0.1)
    uniqueness = np.random.default_rng(seed).uniform(0.5, 1, 30)
    order = np.random.default_rng(seed).permutation(30)
    base = of(features, outcome, uniqueness=uniqueness)
    moved = of(features[order], outcome[order], uniqueness=uniqueness[order])
    turned = of(-features, outcome, uniqueness=uniqueness)
    bent = of(np.exp(features), outcome, uniqueness=uniqueness)
    for one, same, back, curved in zip(base, moved, turned, bent, strict=True):
        assert figures(one) == pytest.approx(figures(same), abs=1e-9)
        assert (one.pearson.value, one.spearman.low) == pytest.approx(
            (-back.pearson.value, -back.spearman.high), abs=1e-9
        )
        assert figures(one)[5:9] == pytest.approx(figures(curved)[5:9], abs=1e-9)


def test_in_a_null_world_p_values_are_as_rare_as_they_say_and_false_discoveries_rarer():
    runs, hits, discoveries = 200, 0, 0
    for seed in range(runs):
        chance = np.random.default_rng(seed)
        found = of(chance.normal(size=(60, 10)), chance.normal(size=60))
        hits += sum(one.spearman.p_value < 0.05 for one in found)
        discoveries += any(one.spearman.q_value < 0.05 for one in found)
    assert binom.ppf(0.0005, runs * 10, 0.05) <= hits <= binom.ppf(0.9995, runs * 10, 0.05)
    assert discoveries <= binom.ppf(0.999, runs, 0.05)


def test_outcomes_that_overlap_raise_false_alarms_only_where_uniqueness_is_not_told():
    """One instrument, outcomes over 5 sessions and a feature as slow, 300 worlds without any connection."""
    runs, chance, alarms = 300, np.random.default_rng(2), {"told": 0, "untold": 0}
    starts = np.arange(200)
    uniqueness = average_uniqueness(np.zeros(200, int), starts, starts + 4)
    for _ in range(runs):
        outcome, feature = (np.convolve(chance.normal(size=204), np.ones(5), mode="valid") for _ in range(2))
        for name, told in (("told", uniqueness), ("untold", None)):
            alarms[name] += of(feature[:, None], outcome, uniqueness=told)[0].pearson.p_value < 0.05
    assert alarms["told"] <= binom.ppf(0.999, runs, 0.05)
    assert alarms["untold"] > binom.ppf(0.999, runs, 0.05)


def test_intervals_cover_the_true_coefficient_as_often_as_they_say():
    runs, rho, inside = 400, 0.5, {"pearson": 0, "spearman": 0}
    truth = {"pearson": rho, "spearman": 6 / np.pi * np.arcsin(rho / 2)}
    chance = np.random.default_rng(1)
    for _ in range(runs):
        outcome = chance.normal(size=60)
        own = rho * outcome[:, None] + np.sqrt(1 - rho**2) * chance.normal(size=(60, 1))
        for one in of(own, outcome):
            for name, value in truth.items():
                found = getattr(one, name)
                inside[name] += found.low <= value <= found.high
    low, high = binom.ppf(0.0005, runs, 0.95), binom.ppf(0.9995, runs, 0.95)
    assert all(low <= count <= high for count in inside.values()), inside


def test_what_makes_no_sense_is_refused():
    features, outcome = drawn(9)
    with pytest.raises(LearningError, match="6 names need"):
        of(features, outcome[:-1])
    with pytest.raises(LearningError, match="infinite"):
        of(np.full_like(features, np.inf), outcome)
    with pytest.raises(LearningError, match="uniqueness"):
        of(features, outcome, uniqueness=np.zeros(80))
    with pytest.raises(LearningError, match="confidence"):
        of(features, outcome, confidence=0.0)


def test_twenty_features_of_twenty_thousand_examples_take_less_than_two_seconds():
    chance = np.random.default_rng(1)
    features, outcome = chance.normal(size=(20_000, 20)), chance.normal(size=20_000)
    begun = process_time()
    assert 20 == len(of(features, outcome))
    assert process_time() - begun < 2


def test_the_example_in_the_documentation_holds():
    assert (0, 2) == doctest.testmod(module)
