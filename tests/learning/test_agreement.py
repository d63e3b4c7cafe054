"""Recommendations and outcomes: which agree, how often, and how often they would by chance."""

import random
from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from learning.agreement import CLASSES, RIGHT, agreement, nearness, wilson
from learning.errors import LearningError
from schemas.vocabulary import Recommendation

CELLS = st.dictionaries(
    st.tuples(st.sampled_from([*RIGHT, "RESEARCH"]), st.sampled_from(CLASSES)), st.integers(0, 50), max_size=12
)
TURNED = {"win": "loss", "neutral": "neutral", "loss": "win"}
MIRRORED = {"BUY_MORE": "LIQUIDATE", "LIQUIDATE": "BUY_MORE", "HOLD": "TRIM", "TRIM": "HOLD"}


def test_every_recommendation_but_research_is_judged():
    assert {one.value for one in Recommendation} - {"RESEARCH"} == set(RIGHT)


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("BUY_MORE", ["win"]),
        ("HOLD", ["win", "neutral"]),
        ("TRIM", ["neutral", "loss"]),
        ("TRIM_25", ["neutral", "loss"]),
        ("TRIM_50", ["neutral", "loss"]),
        ("LIQUIDATE", ["loss"]),
    ],
)
def test_each_recommendation_is_right_after_its_own_outcomes(said, right):
    assert right == [came for came in CLASSES if agreement({(said, came): 1}).right]


@given(CELLS)
def test_with_all_returns_turned_round_the_opposite_advice_is_judged_the_same(cells):
    plain = {(said, came): count for (said, came), count in cells.items() if said in MIRRORED}
    turned = {(MIRRORED[said], TURNED[came]): count for (said, came), count in plain.items()}
    assert agreement(plain) == agreement(turned)


@given(CELLS)
def test_counts_what_is_right_and_nothing_that_is_not_judged(cells):
    cases = [cell for cell, count in cells.items() for _ in range(count) if cell[0] != "RESEARCH"]
    made = agreement(cells)
    if not cases:
        assert made is None
        return
    right = sum(came in RIGHT[said] for said, came in cases)
    assert (len(cases), right, right / len(cases)) == (made.n, made.right, made.share)


@given(st.lists(st.tuples(st.sampled_from([*RIGHT]), st.sampled_from(CLASSES)), min_size=1, max_size=5))
def test_by_chance_is_the_mean_over_every_way_to_deal_the_same_words_out(cases):
    words, outcomes = zip(*cases, strict=True)
    ways = list(permutations(words))
    right = sum(came in RIGHT[said] for way in ways for said, came in zip(way, outcomes, strict=True))
    assert agreement(Counter(cases)).by_chance == pytest.approx(right / len(ways) / len(cases))


@pytest.mark.parametrize("cells", [{("HOLD", "draw"): 1}, {("HOLD", "win"): -1}])
def test_what_cannot_be_counted_is_refused(cells):
    with pytest.raises(LearningError):
        agreement(cells)


@given(st.integers(1, 500), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_of_whole_cases_is_that_of_scipy(n, part, confidence):
    right = round(part * n)
    known = binomtest(right, n).proportion_ci(confidence_level=confidence, method="wilson")
    assert (known.low, known.high) == pytest.approx(wilson(right / n, n, confidence=confidence), abs=1e-12)


@given(st.floats(0, 1), st.floats(0.5, 1_000))
def test_fewer_effective_cases_say_less(share, n):
    low, high = wilson(share, n)
    wide_low, wide_high = wilson(share, n / 2)
    assert 0 <= wide_low <= low + 1e-12
    assert low - 1e-12 <= share <= high + 1e-12
    assert high - 1e-12 <= wide_high <= 1


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = random.Random(7)
    seen = (sum(rng.random() < 0.3 for _ in range(40)) / 40 for _ in range(4_000))
    held = sum(low <= 0.3 <= high for low, high in (wilson(share, 40) for share in seen))
    assert held / 4_000 == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(("share", "n", "confidence"), [(-0.1, 5, 0.95), (1.1, 5, 0.95), (0.5, 0, 0.95), (0.5, 5, 1.0)])
def test_an_interval_of_nothing_is_refused(share, n, confidence):
    with pytest.raises(LearningError):
        wilson(share, n, confidence=confidence)


@pytest.mark.parametrize(
    ("predicted", "actual", "near"),
    [(2.0, 2.0, 1.0), (3.0, 1.5, 0.5), (1.5, 3.0, 0.5), (0.0, 2.0, 0.0), (0.0, 0.0, 1.0)],
)
def test_nearness_is_the_smaller_as_a_part_of_the_larger(predicted, actual, near):
    assert near == nearness(predicted, actual)


@pytest.mark.parametrize("amounts", [(-1.0, 1.0), (1.0, -1.0), (float("nan"), 1.0)])
def test_amounts_below_nothing_are_refused(amounts):
    with pytest.raises(LearningError):
        nearness(*amounts)
