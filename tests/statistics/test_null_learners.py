"""In worlds without any edge each learner proposes a change about as often as it says: 5 %.

In each run a learner sees 250 sessions of the worlds of ``simulation/outcomes.py`` and ``simulation/paths.py``, where
no choice is better than another. What is counted must be at most the one-sided 99.9 % bound of the binomial
distribution, and of 500 runs at most 37 (their 99 % bound). ``make results`` does the 500 for all (docs/results.md).
"""

import numpy as np
import pytest
from scipy.stats import binom

from simulation.learners import LEARNERS, Planted, asked
from simulation.outcomes import resampled, shuffled
from simulation.paths import STEP_SD, fair_paths, fair_prices, walks
from simulation.stocks import stocks_in
from tests.workers.real_market import ABSENT, FOLDER

UNITS = 10

RISING = 0.005 + STEP_SD * np.random.default_rng(1).standard_t(4, size=(500, 9))
"""Moves of stocks that rose: without the coin their paths would."""

NAMES = ("exits", *LEARNERS)

RUNS = dict.fromkeys(["arms", "association of a feature", "best threshold of a feature"], 200)
"""So often the quick learners are asked, the others 12 times. Of 200 runs the bound is 21; of 12 it is 4, a third:
that shows a learner that proposes whatever it sees, and no less. Their rate is counted at length."""

each_learner = pytest.mark.parametrize("learner", NAMES)
each_learner_often = pytest.mark.parametrize(
    ("learner", "runs"),
    [
        *((name, RUNS.get(name, 12)) for name in NAMES),
        *(pytest.param(name, 500, marks=pytest.mark.at_length) for name in NAMES),
    ],
)


@pytest.fixture(scope="module")
def moves():
    stocks = stocks_in(FOLDER)
    if stocks is None:
        pytest.skip(ABSENT)
    return stocks.moves


def proposed(ask, runs, effect=0.0):
    return sum(ask(np.random.default_rng([seed, 7]), Planted(effect, UNITS)).better for seed in range(runs))


def most(runs):
    return 37 if runs == 500 else binom.ppf(0.999, runs, 0.05)


@each_learner_often
def test_where_nothing_is_better_a_learner_proposes_no_more_often_than_it_says(learner, runs, record_property):
    found = proposed(asked(learner, shuffled, walks), runs)
    record_property("proposed", found)
    assert found <= most(runs)


@each_learner_often
def test_on_real_prices_whose_directions_are_drawn_neither(learner, runs, moves, record_property):
    found = proposed(asked(learner, resampled(moves), fair_prices(moves)), runs)
    record_property("proposed", found)
    assert found <= most(runs)


@each_learner
def test_with_an_edge_it_does_propose_so_the_null_worlds_are_no_idle_test(learner):
    """Half of 6 runs at the least; without an edge that many have a chance of 0.2 %."""
    assert proposed(asked(learner, shuffled, walks), 6, effect=0.5) >= 3


@pytest.mark.parametrize("prices", [walks, fair_prices(RISING)])
def test_prices_without_an_edge_are_a_fair_game(prices):
    """The mean of 4,000 ends lies within 4 of its standard errors of the beginning."""
    ends = np.concatenate([prices(np.random.default_rng(seed), 1, 40)[-1] for seed in range(4_000)])
    assert 1 == pytest.approx(ends.mean(), abs=4 * ends.std() / 4_000**0.5)


def test_blocks_stay_and_all_stocks_share_their_sessions():
    """Each session of a path is one of history, of all stocks alike but for the coin; nine of ten follow the last."""
    moves = 0.001 * (1 + np.arange(600).reshape(300, 2))
    path = fair_paths(moves.clip(max=0.4), np.random.default_rng(3), stocks=2, length=250)
    sizes = abs(path[1:] / path[:-1] - 1)
    drawn = np.rint(np.sort(sizes, axis=1)[:, 0] / 0.002 - 0.5).astype(int)
    known = drawn < 199
    assert np.sort(sizes, axis=1)[known] == pytest.approx(moves[drawn[known]], abs=1e-9)
    assert 0.8 < (np.diff(drawn) == 1)[known[1:]].mean() < 0.97
