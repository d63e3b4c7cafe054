"""A test that stays true where examples of one day rise and fall together."""

import numpy as np
import pytest
from scipy.stats import binom, rankdata, ttest_1samp

from learning.blocks import LEAST, block_p_value
from learning.errors import LearningError
from tests import lengths

SESSIONS, A_DAY, HORIZON, SYMBOLS = 62, 8, 5, 30


def market(dice, *, effect=0.0):
    """Feature, return over five sessions and session of alerts, in a market that most of a return is of.

    The feature is mostly the day's and lasts for days; overlapping returns share their sessions.
    """
    day = np.zeros(SESSIONS)
    for place in range(1, SESSIONS):
        day[place] = 0.9 * day[place - 1] + np.sqrt(1 - 0.9**2) * dice.normal()
    sessions = np.repeat(np.arange(SESSIONS), A_DAY)
    symbols = np.concatenate([dice.choice(SYMBOLS, A_DAY, replace=False) for _ in range(SESSIONS)])
    feature = 0.7 * day[sessions] + np.sqrt(1 - 0.7**2) * dice.normal(size=len(sessions))
    moves = 0.6 * dice.standard_t(4, size=SESSIONS + HORIZON) + dice.standard_t(4, size=(SYMBOLS, SESSIONS + HORIZON))
    summed = np.concatenate([np.zeros((SYMBOLS, 1)), moves.cumsum(axis=1)], axis=1)
    outcome = summed[symbols, sessions + HORIZON] - summed[symbols, sessions]
    return feature, outcome + effect * feature * outcome.std(), sessions


def test_is_the_t_test_of_the_blocks_sums():
    feature, outcome, sessions = market(np.random.default_rng(3))
    feature[::7], outcome[::11] = np.nan, np.nan
    known = ~(np.isnan(feature) | np.isnan(outcome))
    left, right = rankdata(feature[known]), rankdata(outcome[known])
    products = (left - left.mean()) * (right - right.mean())
    sums = [products[sessions[known] // 10 == block].sum() for block in range(7)]

    made = block_p_value(feature, outcome, sessions=sessions, length=10)

    assert ttest_1samp(sums, 0.0).pvalue == pytest.approx(made, rel=1e-9)


def test_negating_either_changes_nothing():
    feature, outcome, sessions = market(np.random.default_rng(4))
    made = block_p_value(feature, outcome, sessions=sessions, length=10)
    assert block_p_value(-feature, outcome, sessions=sessions, length=10) == pytest.approx(made, rel=1e-12)
    assert block_p_value(outcome, feature, sessions=sessions, length=10) == pytest.approx(made, rel=1e-12)


@lengths.runs(300, at_length=1_000)
def test_is_wrong_as_seldom_as_stated_where_days_are_shared(runs):
    """Fisher's p-value is below 0.05 in a fifth of these worlds."""
    dice = np.random.default_rng(5)
    made = [block_p_value(*pair[:2], sessions=pair[2], length=10) for pair in (market(dice) for _ in range(runs))]
    for alpha in (0.05, 0.01):
        assert sum(one <= alpha for one in made) <= binom.ppf(0.9995, runs, alpha)


def test_finds_what_is_there():
    dice, runs = np.random.default_rng(6), 100
    made = [
        block_p_value(*pair[:2], sessions=pair[2], length=10)
        for pair in (market(dice, effect=0.5) for _ in range(runs))
    ]
    assert sum(one <= 0.01 for one in made) >= binom.ppf(0.0005, runs, 0.8)


def test_few_blocks_are_no_test_and_no_difference_is_no_evidence():
    few = np.arange(float(LEAST - 1))
    assert block_p_value(few, few, sessions=np.arange(LEAST - 1), length=1) is None
    assert block_p_value(few * np.nan, few, sessions=np.arange(LEAST - 1), length=1) is None
    more = np.arange(float(LEAST))
    assert 1.0 == block_p_value(np.ones(LEAST), more, sessions=np.arange(LEAST), length=1)


def test_what_does_not_fit_is_refused():
    with pytest.raises(LearningError, match="one shape"):
        block_p_value(np.zeros(3), np.zeros(2), sessions=np.arange(3), length=1)
    with pytest.raises(LearningError, match="length"):
        block_p_value(np.zeros(3), np.zeros(3), sessions=np.arange(3), length=0)
