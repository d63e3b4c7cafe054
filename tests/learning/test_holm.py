"""Adjusted p-values keep the rate of a single false claim, and are those of the definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as some
from scipy.stats import binom, norm

from learning.errors import LearningError
from learning.holm import holm

p_values = some.arrays(np.float64, st.integers(0, 12), elements=st.floats(0, 1))


def stepped_down(values):
    """Holm's own words: reject the smallest while it is at most alpha / (how many are left)."""

    def rejected(alpha):
        left = sorted(range(len(values)), key=lambda place: values[place])
        found = set()
        while left and values[left[0]] * len(left) <= alpha:
            found.add(left.pop(0))
        return found

    return rejected


@given(values=p_values, alpha=st.floats(0.001, 0.2))
def test_rejects_what_stepping_down_rejects(values, alpha):
    found = {int(place) for place in np.flatnonzero(holm(values) <= alpha)}
    assert stepped_down(values)(alpha) == found


@given(values=p_values, data=st.data())
def test_the_order_of_the_claims_is_nothing(values, data):
    order = data.draw(st.permutations(range(len(values))))
    assert holm(values)[list(order)].tolist() == holm(values[list(order)]).tolist()


def test_one_claim_stays_and_none_is_none():
    assert [0.03] == holm([0.03]).tolist()
    assert [] == holm([]).tolist()


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_a_world_without_effects_is_claimed_of_as_seldom_as_stated(shared):
    dice, runs = np.random.default_rng(1), 4_000
    common = dice.normal(size=(runs, 1))
    scores = np.sqrt(shared) * common + np.sqrt(1 - shared) * dice.normal(size=(runs, 14))
    false = sum((holm(row) <= 0.05).any() for row in norm.sf(scores))
    assert false <= binom.ppf(0.9995, runs, 0.05)


@pytest.mark.parametrize("wrong", [[-0.1], [1.1], [float("nan")]])
def test_what_is_no_p_value_is_refused(wrong):
    with pytest.raises(LearningError, match="0 to 1"):
        holm(wrong)
