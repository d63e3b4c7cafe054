import math
import statistics
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.errors import LearningError
from learning.excursions import Bars, excursions

price = st.floats(1.0, 1_000.0)
factor = st.one_of(st.none(), st.floats(0.1, 10.0))


@st.composite
def bar(draw):
    """(open, high, low, close, factor), or None where there is none."""
    first, close, up, down = draw(price), draw(price), draw(st.floats(1.0, 1.2)), draw(st.floats(0.8, 1.0))
    return (first, max(first, close) * up, min(first, close) * down, close, draw(factor))


windows = st.integers(1, 6).flatmap(
    lambda length: st.lists(st.lists(st.none() | bar(), min_size=length, max_size=length), min_size=1, max_size=4)
)


def stacked(rows):
    missing = (math.nan,) * 5
    table = np.array([[(one or missing) for one in row] for row in rows], dtype=float)
    return Bars(*(table[:, :, field] for field in range(5)))


def by_hand(row, sign):
    """One window, bar by bar, with plain numbers: (return, mfe, mae, volatility), or None."""
    if row[0] is None or row[-1] is None:
        return None
    adjusted, scale = [], 1.0
    for one in reversed(row):
        adjusted.append(one and tuple(number * scale for number in one[:4]))
        scale *= (one and one[4]) or 1.0
    known = [one for one in reversed(adjusted) if one]
    entry = known[0][0]
    moves = [sign * (level / entry - 1) for one in known for level in (one[1], one[2])]
    path = [entry, *(one[3] for one in known)]
    steps = [math.log(after / before) for before, after in pairwise(path)]
    volatility = statistics.stdev(steps) if len(steps) > 1 else math.nan
    return (sign * (path[-1] / entry - 1), max(0.0, *moves), min(0.0, *moves), volatility)


@given(windows, st.data())
def test_every_window_has_the_figures_that_a_loop_over_its_bars_finds(rows, data):
    signs = data.draw(st.lists(st.sampled_from([1.0, -1.0]), min_size=len(rows), max_size=len(rows)))
    made = excursions(stacked(rows), signs=np.array(signs))
    for place, (row, sign) in enumerate(zip(rows, signs, strict=True)):
        expected = by_hand(row, sign) or (math.nan,) * 4
        found = [field[place] for field in (made.returns, made.mfe, made.mae, made.volatility)]
        assert pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True) == found


@given(windows)
def test_a_window_has_the_same_figures_to_the_last_bit_alone_and_among_others(rows):
    together = excursions(stacked(rows), signs=np.ones(len(rows)))
    alone = [excursions(stacked([row]), signs=np.ones(1)) for row in rows]
    for name in ("returns", "mfe", "mae", "volatility"):
        expected = np.concatenate([getattr(one, name) for one in alone])
        np.testing.assert_array_equal(expected, getattr(together, name))


def test_a_long_and_a_short_position_in_the_same_three_bars():
    rows = [[(100, 103, 99, 102, None), (102, 110, 101, 108, None), (107, 108, 90, 95, None)]] * 2
    made = excursions(stacked(rows), signs=np.array([1.0, -1.0]))
    assert pytest.approx([-0.05, 0.05]) == made.returns.tolist()
    assert pytest.approx([0.10, 0.10]) == made.mfe.tolist()
    assert pytest.approx([-0.10, -0.10]) == made.mae.tolist()
    assert made.volatility[0] == made.volatility[1]


def test_a_split_inside_the_window_is_no_loss():
    split = [[(100, 102, 98, 101, None), (50.5, 52, 50, 51, 0.5)]]
    whole = [[(100, 102, 98, 101, None), (101, 104, 100, 102, None)]]
    found, expected = (excursions(stacked(rows), signs=np.ones(1)) for rows in (split, whole))
    assert pytest.approx(0.02) == found.returns[0]
    assert pytest.approx(expected.mae[0]) == found.mae[0]


def test_a_factor_of_the_entrys_own_bar_changes_nothing():
    made = excursions(stacked([[(50, 52, 49, 51, 0.5), (51, 53, 50, 52, None)]]), signs=np.ones(1))
    assert pytest.approx(0.04) == made.returns[0]


def test_an_entry_at_no_price_has_no_fractions():
    made = excursions(stacked([[(0, 1, -2, 1, None), (1, 2, 1, 2, None)]]), signs=np.ones(1))
    assert np.isnan([made.returns[0], made.mfe[0], made.mae[0], made.volatility[0]]).all()


def test_shapes_and_signs_that_do_not_fit_are_refused():
    bars = stacked([[(1, 1, 1, 1, None)]])
    with pytest.raises(LearningError, match="one shape"):
        excursions(Bars(bars.opens, bars.highs, bars.lows, bars.closes, np.ones((1, 2))), signs=np.ones(1))
    with pytest.raises(LearningError, match="signs must be 1 or -1"):
        excursions(bars, signs=np.zeros(1))
    with pytest.raises(LearningError, match="one shape"):
        excursions(Bars(*[np.ones((1, 0))] * 5), signs=np.ones(1))
