import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning import position_size as module
from learning.errors import LearningError
from learning.position_size import capped_growth

held = st.lists(st.tuples(st.floats(0, 0.2), st.floats(-0.5, 0.5), st.integers(1, 5)), min_size=1, max_size=9)


def grown(positions, caps):
    sizes, returns, sessions = np.array(positions, dtype=float).reshape(-1, 3).T
    return capped_growth(sizes, returns, sessions.astype(int), caps=np.array(caps))


@given(held, st.lists(st.floats(0, 0.3), min_size=1, max_size=4))
def test_growth_is_that_of_a_loop_over_positions(positions, caps):
    numbers, growth = grown(positions, caps)
    for row, number in enumerate(numbers):
        for column, cap in enumerate(caps):
            earned = sum(min(size, cap) * back for size, back, session in positions if session == number)
            assert np.log1p(earned) == pytest.approx(growth[row, column], rel=1e-9, abs=1e-12)


def test_the_best_cap_is_the_fraction_of_kelly():
    """Even money won with probability 0.6: full Kelly is 0.2 of equity, whatever larger size was asked for."""
    wins = np.repeat([1.0, 1, 1, -1, -1], 40)
    caps = np.arange(0.01, 0.6, 0.01)
    _, growth = capped_growth(np.full(200, 0.9), wins, np.arange(200), caps=caps)
    assert caps[growth.mean(axis=0).argmax()] == pytest.approx(0.2)
    expected = 0.6 * np.log1p(caps) + 0.4 * np.log1p(-caps)
    np.testing.assert_allclose(growth.mean(axis=0), expected, rtol=1e-9, atol=1e-12)


def test_a_cap_above_all_sizes_changes_nothing_and_a_cap_of_zero_earns_nothing():
    chance = np.random.default_rng(1)
    sizes, returns, sessions = chance.random(50) * 0.1, chance.normal(0, 0.05, 50), np.arange(50)
    _, growth = capped_growth(sizes, returns, sessions, caps=np.array([0.0, 0.1, 9.0]))
    np.testing.assert_array_equal(growth[:, 0], 0)
    np.testing.assert_array_equal(growth[:, 1], growth[:, 2])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"returns": np.array([-1.1, 0.0])}, "cap of 1.0 session 3 would have lost 110%"),
        ({"returns": np.array([np.nan, 0.0])}, "return is not a finite"),
        ({"sizes": np.array([-0.1, 0.0])}, "size must be"),
        ({"caps": np.array([np.nan])}, "cap must be"),
        ({"sizes": np.ones(3)}, "one shape"),
    ],
)
def test_what_cannot_be_is_refused(wrong, said):
    right = {"sizes": np.ones(2), "returns": np.zeros(2), "sessions": np.array([3, 4]), "caps": np.ones(1)}
    capped_growth(**right)
    with pytest.raises(LearningError, match=said):
        capped_growth(**right | wrong)


def test_the_example_in_the_documentation_holds():
    assert (0, 1) <= doctest.testmod(module) < (1, 0)
