from dataclasses import replace
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from learning.agreement import wilson
from learning.errors import LearningError
from learning.multiset import Multiset
from learning.pattern import Occurrence, Performance, contribution, merged


def maybe(values):
    return st.none() | values


occurrences = st.builds(
    Occurrence,
    net=st.floats(-3, 3),
    won=st.booleans(),
    session=st.integers(0, 500),
    holding=maybe(st.integers(0, 30)),
    mae=maybe(st.floats(-1, 0)),
    confidence=maybe(st.floats(0, 1)),
    regime=maybe(st.sampled_from(["bull", "bear", "flat"])),
)
lists = st.lists(occurrences, max_size=15)


def whole(seen):
    made = Performance()
    for one in seen:
        made += contribution(one, bound=1.0)
    return made


@settings(max_examples=60)
@given(lists, st.randoms(use_true_random=False))
def test_the_order_of_occurrences_changes_no_bit(seen, chance):
    shuffled = list(seen)
    chance.shuffle(shuffled)
    assert whole(seen) == whole(shuffled) == merged(contribution(one, bound=1.0) for one in shuffled)


@settings(max_examples=60)
@given(lists, lists)
def test_what_was_taken_back_leaves_no_trace_and_two_halves_make_the_whole(seen, others):
    assert whole(seen) == whole(seen + others) - whole(others) == Performance() - whole(others) + whole(seen + others)
    assert whole(seen + others) == whole(seen) + whole(others)


@settings(max_examples=60)
@given(st.lists(occurrences, min_size=1, max_size=15), occurrences)
def test_a_revision_leaves_what_the_last_word_alone_would_have_left(seen, last):
    revised = whole(seen) - contribution(seen[0], bound=1.0) + contribution(last, bound=1.0)
    assert whole([last, *seen[1:]]) == revised


def test_on_every_prefix_the_figures_are_those_of_numpy_and_scikit_learn():
    chance, seen, made = np.random.default_rng(1), [], Performance()
    for session in range(60):
        one = Occurrence(
            net=round(chance.normal(0, 0.5), 6),
            won=bool(chance.random() < 0.6),
            session=int(session // 3),
            holding=int(chance.integers(1, 9)),
            mae=-round(chance.random(), 6),
            confidence=round(chance.random(), 6),
            regime=str(chance.choice(["bull", "bear"])),
        )
        seen.append(one)
        made += contribution(one, bound=0.8)
        nets, won = np.array([each.net for each in seen]), np.array([each.won for each in seen])
        told = np.array([each.confidence for each in seen])
        assert (len(seen), nets.max(), nets.min()) == (made.n, made.best, made.worst)
        assert (min(each.mae for each in seen), session // 3) == (made.worst_drawdown, made.last_seen)
        assert (nets.clip(-0.8, 0.8).mean(), won.mean(), np.mean([each.holding for each in seen])) == pytest.approx(
            (made.average_return, made.success_rate, made.holding_period), rel=1e-12
        )
        fit = made.calibration
        assert (told.mean(), won.mean(), np.mean((told - won) ** 2)) == pytest.approx(
            (fit.confidence, fit.hit_rate, fit.brier), rel=1e-12
        )
        if len(set(won)) == 2:
            assert brier_score_loss(won, told) == pytest.approx(fit.brier, rel=1e-12)
        assert made.by_regime == {name: [each.regime for each in seen].count(name) for name in made.by_regime}
        assert len(seen) == sum(made.by_regime.values())


def test_best_worst_deepest_fall_and_last_seen_survive_that_the_extreme_is_taken_back():
    plain = Occurrence(net=0.01, won=True, session=4, mae=-0.02)
    wild = [Occurrence(net=2.5, won=True, session=9, mae=-0.5), Occurrence(net=-0.9, won=False, session=1, mae=-0.95)]
    before = whole([plain])
    after = before + whole(wild)
    assert (2.5, -0.9, -0.95, 9) == (after.best, after.worst, after.worst_drawdown, after.last_seen)
    after -= whole(wild)
    assert (0.01, 0.01, -0.02, 4) == (after.best, after.worst, after.worst_drawdown, after.last_seen)


def test_the_success_rate_has_wilsons_interval_on_the_effective_number():
    made = whole([Occurrence(net=0.01, won=place < 6, session=place) for place in range(10)])
    assert wilson(0.6, 10) == made.success_interval()
    assert wilson(0.6, 4.5, confidence=0.8) == made.success_interval(effective=4.5, confidence=0.8)
    for wrong in (0.0, 10.5):
        with pytest.raises(LearningError, match="10 occurrences cannot count as"):
            made.success_interval(effective=wrong)


def test_before_the_first_occurrence_nothing_is_claimed():
    made = Performance()
    assert 0 == made.n
    assert {} == made.by_regime
    readings = ("success_rate", "average_return", "best", "worst", "worst_drawdown", "holding_period")
    assert [None] * 8 == [getattr(made, name) for name in (*readings, "calibration", "last_seen")]
    assert None is made.success_interval()


def test_what_is_not_known_counts_nowhere_and_is_not_zero():
    made = whole([Occurrence(net=-0.01, won=False, session=1), Occurrence(net=0.0, won=True, session=2, holding=0)])
    assert (None, None, {}, 0.0) == (made.worst_drawdown, made.calibration, made.by_regime, made.holding_period)
    told = made + contribution(Occurrence(net=0.1, won=True, session=3, confidence=0.9), bound=1.0)
    assert (1, 0.9, 1.0) == (told.calibration.n, told.calibration.confidence, told.calibration.hit_rate)
    assert 0.01 == pytest.approx(told.calibration.brier, abs=1e-15)


def test_more_taken_back_than_added_is_refused_on_reading():
    made = Performance() - contribution(Occurrence(net=0.1, won=True, session=3), bound=1.0)
    for reading in ("n", "success_rate", "average_return", "best", "last_seen"):
        with pytest.raises(LearningError, match="taken back"):
            getattr(made, reading)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"net": float("nan")}, "finite number"),
        ({"net": float("inf")}, "finite number"),
        ({"mae": 0.01}, "deepest fall"),
        ({"mae": float("nan")}, "deepest fall"),
        ({"mae": float("-inf")}, "deepest fall"),
        ({"holding": -1}, "held for -1"),
        ({"confidence": 1.01}, "confidence"),
        ({"confidence": float("nan")}, "confidence"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, said):
    plain = Occurrence(net=0.1, won=True, session=3)
    assert 1 == contribution(plain, bound=1.0).n
    with pytest.raises(LearningError, match=said):
        contribution(replace(plain, **wrong), bound=1.0)


def test_a_batch_of_ten_thousand_is_merged_in_less_than_three_seconds():
    chance = np.random.default_rng(1)
    parts = [
        contribution(Occurrence(net=float(net), won=bool(net > 0), session=place), bound=1.0)
        for place, net in enumerate(chance.normal(size=10_000))
    ]
    begun = process_time()
    made = merged(parts)
    assert process_time() - begun < 3
    assert (10_000, Multiset) == (made.n, type(made.nets))
