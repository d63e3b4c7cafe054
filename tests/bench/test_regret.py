"""The worlds that bandits are compared in, and that nobody in them knows what has not happened yet."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from bench.arms import EASY, HARD, lasting, of_two_regimes, switching
from bench.bandits import by_regime, delayed, thompson
from bench.regret import Race, races

PLAYS = {
    "at once": thompson,
    "fading": partial(thompson, fading=0.99),
    "late": partial(delayed, batch=10, delay=40),
    "by regime": partial(by_regime, borrowing=True),
    "regimes apart": partial(by_regime, borrowing=False),
}


def test_the_same_step_of_the_same_seed_has_the_same_luck_whatever_the_rates_and_however_many_seeds():
    few, many = (lasting((rate, 0.5), seeds=seeds, steps=400) for rate, seeds in ((0.2, 2), (0.6, 5)))
    assert (few.wins[:, :, 1] == many.wins[:2, :, 1]).all()
    assert not (few.wins[:, :, 0] & ~many.wins[:2, :, 0]).any()
    assert 0.5 == pytest.approx(many.wins[:, :, 1].mean(), abs=5 * 0.5 / 2_000**0.5)


def test_arms_switch_to_another_best_one_and_keep_their_rates():
    worlds = switching(EASY, every=20, seeds=6, steps=100)
    best = worlds.rates.argmax(axis=2)
    assert (best[:, 1:] != best[:, :-1]).all()
    assert (np.sort(worlds.rates, axis=2) == np.sort(EASY)).all()
    assert [0, 0, 1, 4] == worlds.state[0, [0, 19, 20, 99]].tolist()


def test_the_rare_regime_is_rare_and_as_far_from_the_common_one_as_it_is_said_to_be():
    worlds = of_two_regimes(HARD, apart=0.05, rare=0.05, seeds=200, steps=500)
    assert 0.05 == pytest.approx(worlds.state.mean(), abs=5 * (0.05 * 0.95 / 100_000) ** 0.5)
    apart = worlds.rates[:, 0] - worlds.rates[:, 1]
    assert 0.05 * 2**0.5 == pytest.approx(apart.std(), rel=5 / (2 * 2_000) ** 0.5)


def test_a_regret_is_the_gap_of_the_arm_that_was_played():
    worlds = switching((0.2, 0.7), every=2, seeds=1, steps=4)
    first = int(worlds.rates[0, 0].argmax())
    assert [0.0, 0.5, 0.5, 0.0] == worlds.regret(np.array([[first, 1 - first, first, 1 - first]]))[0].round(9).tolist()
    assert 0.25 == pytest.approx(worlds.mean_gap())


@pytest.mark.parametrize("name", PLAYS)
def test_nobody_knows_what_comes_of_a_step_before_it_is_told(name):
    worlds, told = of_two_regimes(EASY, apart=0.1, rare=0.2, seeds=4, steps=240), 120 + 40 * (name == "late")
    other = worlds.wins.copy()
    other[:, 120:] = ~other[:, 120:]
    one, two = (PLAYS[name](each) for each in (worlds, replace(worlds, wins=other)))
    assert (one[:, : told + 1] == two[:, : told + 1]).all()
    assert (one[:, told + 1 :] != two[:, told + 1 :]).any()


@pytest.mark.parametrize("name", PLAYS)
def test_whoever_learns_loses_less_than_half_of_what_the_lot_would(name):
    worlds = lasting(EASY, seeds=10, steps=1_000)
    assert worlds.regret(PLAYS[name](worlds)).mean() < worlds.mean_gap() / 2


def test_the_ratio_of_a_race_is_that_of_means_or_medians_after_what_is_added_and_lies_in_its_interval():
    ours, theirs = np.array([[0.0, 1.0], [0.0, 3.0], [0.0, 8.0]]), np.array([[0.0, 2.0], [0.0, 4.0], [0.0, 3.0]])
    race = Race("", "", ours, theirs, 1.0, added=1.0)
    assert 4 / 4 == race.ratio()
    assert 3 / 3 == replace(race, middle=np.median, added=0.0).ratio()
    low, high = race.interval()
    assert low < race.ratio() < high


def test_what_needs_no_library_is_raced_first():
    what = races(seeds=2, steps=60, tell=lambda _: None)
    assert ["batches of 50, 500 late", "a regime of 5 %, 0.05 apart", "a regime of 5 %, 0.1 apart"] == [
        next(what).what for _ in range(3)
    ]
