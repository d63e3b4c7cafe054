from fractions import Fraction
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm, ttest_1samp

from learning.best_threshold import Choice, Threshold, best_threshold
from learning.errors import LearningError


def drawn(seed, *, n=400, sessions=40, window=0, edge=0.0):
    """A feature of 0.1 to 1; outcomes are better by ``edge`` where it is at least 0.7."""
    chance = np.random.default_rng(seed)
    feature = chance.integers(1, 11, n) / 10
    when = np.sort(chance.integers(0, sessions, n))
    outcomes = (chance.normal(0.001, 0.02, n) + edge * (feature >= 0.7)).round(6)
    return {"feature": feature, "outcomes": outcomes, "sessions": when, "ends": when + window}


def found(world, **options):
    return best_threshold(**world, choice=Choice(**options))


def by_hand(feature, outcomes, *, sessions, ends, least):
    """Every threshold at a value, from both sides, in exact fractions; keeping all gains nothing."""
    money = [Fraction(round(value * 1e6), 10**6) for value in outcomes]
    tried = []
    for at_most in (False, True):
        for value in np.unique(feature):
            kept = [one for one, keep in zip(money, Threshold(value, at_most).keeps(feature), strict=True) if keep]
            if max(least, len(money) / 10) <= len(kept) < len(money):
                mean = sum(kept) / len(kept) - sum(money) / len(money)
                tried.append((mean, len(kept), Threshold(value, at_most)))
    best = max(tried, key=lambda one: one[:2])
    return (best[2], float(best[0]), len(tried)) if best[0] > 0 else (None, 0.0, len(tried))


@pytest.mark.parametrize("seed", range(6))
def test_the_best_threshold_is_the_one_that_trying_all_of_them_finds(seed):
    world = drawn(seed, n=60, sessions=12)
    threshold, gain, tried = by_hand(**world, least=5)
    best = found(world, least=5)
    assert (threshold, tried) == (best.threshold, best.candidates)
    assert gain == pytest.approx(best.in_sample, abs=1e-12)
    assert (best.n, best.kept) == (60, 60 if threshold is None else threshold.keeps(world["feature"]).sum())


def test_what_would_keep_less_than_a_tenth_is_not_tried_however_good():
    feature = np.arange(1.0, 101.0)
    outcomes = np.where(feature > 95, 0.5, np.where(feature > 60, 0.01, 0.0))
    best = found(
        {"feature": feature, "outcomes": outcomes, "sessions": np.arange(100), "ends": np.arange(100)}, least=2
    )
    assert (Threshold(91.0), 10) == (best.threshold, best.kept)


def test_of_thresholds_that_gain_the_same_the_one_that_keeps_most_is_taken():
    world = {
        "feature": np.repeat([1.0, 2.0, 3.0], 4),
        "outcomes": np.repeat([-0.01, 0.02, 0.02], 4),
        "sessions": np.arange(12),
        "ends": np.arange(12),
    }
    assert Threshold(2.0) == found(world, least=2).threshold


def test_a_fold_is_judged_by_the_threshold_that_what_was_over_before_it_chooses():
    world = drawn(1, n=300, sessions=30, window=3)
    best = found(world, folds=4, least=10)
    assert [(6, 11), (12, 17), (18, 23), (24, 29)] == [(fold.first, fold.last) for fold in best.folds]
    gains, weights = [], []
    for fold in best.folds:
        over = world["ends"] < fold.first
        threshold, *_ = by_hand(**{name: values[over] for name, values in world.items()}, least=10)
        within = (world["sessions"] >= fold.first) & (world["sessions"] <= fold.last)
        outcomes, kept = world["outcomes"][within], threshold.keeps(world["feature"][within])
        assert (threshold, over.sum(), within.sum(), kept.sum()) == (fold.threshold, fold.trained, fold.n, fold.kept)
        gains.append(outcomes[kept].mean() - outcomes.mean())
        weights.append(kept.sum())
        assert gains[-1] == pytest.approx(fold.gain, abs=1e-12)
    assert np.average(gains, weights=weights) == pytest.approx(best.out_of_fold, abs=1e-12)


def test_what_was_not_over_when_a_fold_began_does_not_move_its_threshold():
    world = drawn(2, n=300, sessions=30, window=4)
    plain = found(world, folds=1, least=10)
    first = plain.folds[0].first
    open_then = (world["sessions"] < first) & (world["ends"] >= first)
    assert open_then.sum() > 10
    shaken = world | {"outcomes": np.where(open_then, 5 * (world["feature"] < 0.3), world["outcomes"])}
    assert plain.folds == found(shaken, folds=1, least=10).folds
    unpurged = shaken | {"ends": shaken["sessions"]}
    assert plain.folds[0].threshold != found(unpurged, folds=1, least=10).folds[0].threshold


def test_on_shuffled_outcomes_the_mean_gain_out_of_fold_is_nothing_while_in_sample_it_looks_good():
    """400 shuffles: the mean within 3.29 of its own standard errors; errors beyond 1.645 at most as often as 5 %."""
    runs, gains, luck, beyond = 400, [], [], 0
    world, chance = drawn(4, n=600, sessions=60), np.random.default_rng(4)
    for _ in range(runs):
        best = found(world | {"outcomes": chance.permutation(world["outcomes"])}, least=20)
        gains.append(best.out_of_fold)
        luck.append(best.in_sample)
        beyond += best.out_of_fold > norm.ppf(0.95) * best.standard_error
    error = np.std(gains) / np.sqrt(runs)
    assert abs(np.mean(gains)) < norm.ppf(0.9995) * error
    assert np.mean(luck) > 20 * error
    assert beyond <= binom.ppf(0.999, runs, 0.05)


def test_outcomes_that_overlap_have_the_error_of_bartletts_weights_up_to_twice_their_window():
    world = drawn(5, n=300, sessions=30, window=3, edge=-0.03)
    best = found(world, folds=1)
    first, last = best.folds[0].first, best.folds[0].last
    within = (world["sessions"] >= first) & (world["sessions"] <= last)
    outcomes, kept = world["outcomes"][within], best.folds[0].threshold.keeps(world["feature"][within])
    moved = np.where(kept, outcomes - outcomes[kept].mean(), 0) / kept.sum() - (outcomes - outcomes.mean()) / len(kept)
    left = np.array([moved[world["sessions"][within] == one].sum() for one in range(first, last + 1)])
    n = len(left)
    kernel = np.array([[max(0, 1 - abs(one - other) / 7) for other in range(n)] for one in range(n)])
    assert np.sqrt(left @ kernel @ left * n / (n - 1)) == pytest.approx(best.standard_error, rel=1e-9)


def test_where_a_market_moves_what_is_kept_for_ten_sessions_claims_beyond_chance_are_fewer():
    """No edge, 1.96 errors: sessions taken alone pass them five times as often as they should, else twice at most."""
    runs, chance, beyond = 120, np.random.default_rng(6), {0: 0, 9: 0}
    world = drawn(5, n=3000, sessions=600)
    for _ in range(runs):
        market = np.convolve(chance.normal(0, 0.01, 609), np.ones(10), mode="valid")
        moved = market[world["sessions"]] * (world["feature"] - 0.5)
        world["outcomes"] = (chance.normal(0, 0.01, 3000) + moved).round(6)
        for window in beyond:
            best = found(world | {"ends": world["sessions"] + window}, folds=1)
            beyond[window] += best.standard_error > 0 and abs(best.out_of_fold) > 1.96 * best.standard_error
    assert beyond[9] <= binom.ppf(0.999, runs, 0.10)
    assert beyond[0] >= binom.ppf(0.001, runs, 0.25)


def test_a_real_threshold_is_found_and_its_gain_holds_on_later_sessions():
    """Below 0.7 an example costs 0.01, from 0.7 on, which four in ten have, it earns as much."""
    for seed in range(25):
        world = drawn(seed, n=2000, sessions=100)
        world["outcomes"] += np.where(world["feature"] >= 0.7, 0.009, -0.011).round(6)
        best = found(world, least=50)
        assert best.threshold.value >= 0.7
        assert not best.threshold.at_most
        assert 0.6 * 0.02 == pytest.approx(best.out_of_fold, abs=norm.ppf(1 - 0.0005 / 25) * best.standard_error)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_order_changes_no_bit_of_the_choice_and_a_feature_turned_round_only_its_side(seed):
    world = drawn(seed, n=120, sessions=20, window=1)
    order = np.random.default_rng(seed).permutation(120)
    base = found(world, least=5)
    moved = found({name: values[order] for name, values in world.items()}, least=5)
    turned = found(world | {"feature": -world["feature"]}, least=5)
    assert (base.threshold, base.in_sample, base.folds) == (moved.threshold, moved.in_sample, moved.folds)
    assert (base.out_of_fold, base.kept) == (moved.out_of_fold, moved.kept)
    assert base.standard_error == pytest.approx(moved.standard_error, rel=1e-9)
    assert base.in_sample == turned.in_sample
    if base.kept == turned.kept and base.threshold is not None:
        assert Threshold(-base.threshold.value, not base.threshold.at_most) == turned.threshold


def test_a_missing_number_leaves_its_example_out():
    world = drawn(7, n=200)
    gaps = {name: np.concatenate([values, values[:2]]) for name, values in world.items()}
    gaps["feature"][200] = np.nan
    gaps["outcomes"][201] = np.nan
    assert found(world) == found(gaps)


def test_where_nothing_gains_all_is_kept():
    world = drawn(8)
    best = found(world | {"outcomes": np.full(400, 0.01)})
    assert (None, 0.0, 400, 0.0, 0.0) == (
        best.threshold,
        best.in_sample,
        best.kept,
        best.out_of_fold,
        best.standard_error,
    )
    same = found(world | {"feature": np.ones(400)})
    assert (None, 0) == (same.threshold, same.candidates)


def test_before_there_is_enough_there_is_a_reason():
    few = found(drawn(9, n=40))
    assert (None, None, ()) == (few.out_of_fold, few.standard_error, few.folds)
    assert "no run of sessions had 60 examples with outcomes before it" == few.reason
    empty = found({name: values[:0] for name, values in drawn(9).items()})
    assert (0, None) == (empty.n, empty.threshold)
    world = drawn(9, n=200, edge=0.05)
    later = world["sessions"] >= 20
    gone = found(world | {"feature": np.where(later, 0.0, world["feature"])}, folds=1)
    assert gone.folds[0].gain is None
    assert "kept no example" in gone.reason


def test_what_makes_no_sense_is_refused():
    world = drawn(10)
    with pytest.raises(LearningError, match="one shape"):
        found(world | {"ends": world["ends"][1:]})
    with pytest.raises(LearningError, match="infinite"):
        found(world | {"feature": np.full(400, np.inf)})
    with pytest.raises(LearningError, match="beyond"):
        found(world | {"outcomes": np.full(400, -2e6)})
    with pytest.raises(LearningError, match="is of session"):
        found(world | {"ends": world["sessions"] - 1})
    with pytest.raises(LearningError, match="at least 1 fold"):
        found(world, folds=0)


def test_two_hundred_thousand_examples_take_less_than_two_seconds():
    world = drawn(11, n=200_000, sessions=1000)
    world["feature"] = np.random.default_rng(1).normal(size=200_000)
    begun = process_time()
    assert 5 == len(found(world).folds)
    assert process_time() - begun < 2


def test_a_threshold_says_what_it_keeps():
    assert ("at least 0.7", "at most -2") == (str(Threshold(0.7)), str(Threshold(-2.0, at_most=True)))


def test_the_p_value_is_that_of_the_gains_of_the_runs_in_which_something_was_chosen():
    best = found(drawn(2, edge=0.01), least=20)
    gains = [fold.gain for fold in best.folds if fold.threshold is not None]
    assert len(gains) >= 4
    assert ttest_1samp(gains, 0.0, alternative="greater").pvalue == pytest.approx(best.p_value, rel=1e-9)
    assert found(drawn(2, edge=0.01), least=20, folds=3).p_value is None


def test_a_feature_that_foretells_nothing_gets_a_small_p_value_as_seldom_as_stated():
    runs, alpha = 400, 0.05
    made = [found(drawn(seed, window=4), least=20).p_value for seed in range(runs)]
    assert sum(one is not None and one <= alpha for one in made) <= binom.ppf(0.9995, runs, alpha)
