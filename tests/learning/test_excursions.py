import doctest
import math
import statistics
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning import excursions as module
from learning.errors import LearningError
from learning.excursions import Bars, excursions

pytestmark = pytest.mark.filterwarnings("error")

NAMES = ("returns", "mfe", "mae", "volatility", "peaks", "jumps")
GUARD = 0.25

price = st.integers(100, 100_000).map(lambda cents: cents / 100)
factor = st.one_of(st.none(), st.sampled_from([0.25, 0.5, 2.0]))


@st.composite
def bar(draw):
    """(open, high, low, close, factor): as feeds have them, the close may lie beyond high and low."""
    first, high, low, close = (draw(price) for _ in range(4))
    return (first, max(first, high, low), min(first, high, low), close, draw(factor))


@st.composite
def window(draw, length):
    """(bars, sign, fill price or None, whether each bar is trusted)."""
    row = draw(st.lists(bar(), min_size=length, max_size=length))
    trusted = draw(st.lists(st.booleans(), min_size=length, max_size=length))
    return row, draw(st.sampled_from([1.0, -1.0])), draw(st.none() | price), trusted


windows = st.integers(1, 9).flatmap(lambda length: st.lists(window(length), min_size=1, max_size=4))


def stacked(rows):
    table = np.array(rows, dtype=float)
    return Bars(*(table[:, :, field] for field in range(5)))


def computed(windows, *, guard=GUARD):
    rows, signs, entries, trusted = zip(*windows, strict=True)
    return excursions(
        stacked(rows), signs=np.array(signs), entries=np.array(entries, float), trusted=np.array(trusted), guard=guard
    )


def measured(*rows, sign=1.0, entry=None, trusted=False):
    """The figures of one window of (open, high, low, close) or with a factor, by their names."""
    row = [(*prices, None)[:5] for prices in rows]
    made = computed([(row, sign, entry, [trusted] * len(row))])
    return {name: getattr(made, name)[0] for name in NAMES}


def by_hand(row, sign, entry, trusted):
    """One window, bar by bar, with plain numbers."""
    adjusted, scale = [], 1.0
    for one in reversed(row):
        adjusted.insert(0, [number * scale for number in one[:4]])
        scale *= one[4] or 1.0
    paid = adjusted[0][0] if entry is None else entry * scale
    best, worst, peak = 0.0, 0.0, -1
    for place, prices in enumerate(adjusted):
        moves = [sign * (price / paid - 1) for price in prices]
        best, peak = (max(moves), place) if max(moves) > best else (best, peak)
        worst = min(worst, *moves)
    path = [paid, *(prices[3] for prices in adjusted)]
    jumps = [
        place
        for place, (before, after) in enumerate(pairwise(path))
        if abs(after / before - 1) > GUARD and not trusted[place]
    ]
    steps = [math.log(after / before) for before, after in pairwise(path)]
    volatility = statistics.stdev(steps) if len(steps) > 1 else math.nan
    return [sign * (path[-1] / paid - 1), best, worst, volatility, peak, max(jumps, default=-1)]


@given(windows)
def test_every_window_has_the_figures_that_a_loop_over_its_bars_finds(windows):
    made = computed(windows)
    for place, one in enumerate(windows):
        found = [getattr(made, name)[place] for name in NAMES]
        assert pytest.approx(by_hand(*one), rel=1e-12, abs=1e-12, nan_ok=True) == found


@given(windows)
def test_a_short_position_in_the_mirrored_prices_has_the_mirrored_figures(windows):
    mirrored = [
        ([(1 / o, 1 / lo, 1 / hi, 1 / c, f and 1 / f) for o, hi, lo, c, f in row], -sign, paid and 1 / paid, trusted)
        for row, sign, paid, trusted in windows
    ]
    made, mirror = computed(windows), computed(mirrored)
    signs = np.array([sign for _, sign, _, _ in windows])
    for name in ("returns", "mfe", "mae"):
        logarithms = signs * np.log1p(signs * getattr(made, name))
        expected = -signs * np.expm1(-signs * logarithms)
        np.testing.assert_allclose(getattr(mirror, name), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(mirror.volatility, made.volatility, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(mirror.peaks, made.peaks)


@given(windows)
def test_a_window_has_the_same_figures_to_the_last_bit_alone_and_among_others(windows):
    together, alone = computed(windows), [computed([one]) for one in windows]
    for name in NAMES:
        np.testing.assert_array_equal(np.concatenate([getattr(one, name) for one in alone]), getattr(together, name))


def test_how_the_bars_lie_in_memory_changes_no_bit():
    chance = np.random.default_rng(1)
    table = chance.uniform(90, 110, size=(5, 200, 31))
    table[4] = np.where(chance.random((200, 31)) < 0.1, chance.uniform(0.5, 2.0, (200, 31)), np.nan)
    plan = {
        "signs": np.ones(200),
        "entries": np.full(200, np.nan),
        "trusted": np.zeros((200, 31), bool),
        "guard": GUARD,
    }
    by_rows = excursions(Bars(*table), **plan)
    by_columns = excursions(Bars(*(np.asfortranarray(field) for field in table)), **plan)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(by_rows, name), getattr(by_columns, name))


def test_a_long_and_a_short_position_in_the_same_three_bars():
    bars = (100, 103, 99, 102), (102, 110, 101, 108), (107, 108, 90, 95)
    long, short = measured(*bars), measured(*bars, sign=-1.0)
    assert pytest.approx([-0.05, 0.10, -0.10]) == [long[name] for name in ("returns", "mfe", "mae")]
    assert pytest.approx([0.05, 0.10, -0.10]) == [short[name] for name in ("returns", "mfe", "mae")]
    assert (1, 2) == (long["peaks"], short["peaks"])
    assert long["volatility"] == short["volatility"]


def test_the_peak_is_the_first_of_equal_ones():
    assert 1 == measured((100, 101, 99, 100), (100, 110, 99, 100), (100, 110, 99, 100))["peaks"]


def test_a_position_that_was_never_ahead_has_no_peak():
    assert (0.0, -1) == tuple(measured((100, 100, 90, 95), (95, 99, 80, 90))[name] for name in ("mfe", "peaks"))


def test_a_close_beyond_high_and_low_counts_as_the_outermost_price():
    found = measured((100, 103, 99, 105), (100, 103, 99, 92))
    assert pytest.approx([0.05, -0.08]) == [found["mfe"], found["mae"]]


def test_a_split_inside_the_window_is_no_loss():
    split = measured((100, 102, 98, 101), (50.5, 52, 50, 51, 0.5), trusted=True)
    whole = measured((100, 102, 98, 101), (101, 104, 100, 102))
    assert pytest.approx(whole, nan_ok=True) == split
    assert pytest.approx(0.02) == split["returns"]


def test_a_factor_of_the_entrys_own_bar_touches_a_fill_before_it_and_no_entry_at_its_open():
    bars = (50, 52, 49, 51, 0.5), (51, 53, 50, 52)
    assert pytest.approx(0.04) == measured(*bars)["returns"]
    assert pytest.approx(0.04) == measured(*bars, entry=100.0)["returns"]


def test_a_fill_price_is_the_entry_of_every_figure():
    found = measured((100, 104, 99, 102), (102, 110, 101, 108), entry=80.0)
    assert pytest.approx([0.35, 0.375, 0.0]) == [found[name] for name in ("returns", "mfe", "mae")]
    assert pytest.approx(statistics.stdev([math.log(102 / 80), math.log(108 / 102)])) == found["volatility"]
    assert 0 == found["jumps"]


def test_one_return_has_no_volatility():
    assert math.isnan(measured((100, 101, 99, 100))["volatility"])


def test_a_price_that_is_not_positive_leaves_a_return_and_no_volatility():
    found = measured((10, 11, 9, 10), (10, 10, -5, -4), (-4, 2, -4, 1))
    assert math.isnan(found["volatility"])
    assert pytest.approx([-0.9, -1.5]) == [found["returns"], found["mae"]]
    assert math.isnan(measured((10, 11, 9, 10), (10, 10, 0, 0), (0, 2, 0, 1))["volatility"])
    assert math.isnan(measured((10, 11, 9, 10), (10, 10, -5, -4), (-4, -3, -4, -4))["volatility"])


@pytest.mark.parametrize("entry", [None, 0.0, -3.0])
def test_an_entry_at_no_price_has_no_figures(entry):
    found = measured((0, 1, -2, 1), (1, 2, 1, 2), (2, 3, 2, 3), entry=entry)
    assert [True] * 4 == [math.isnan(found[name]) for name in ("returns", "mfe", "mae", "volatility")]
    assert (-1, -1) == (found["peaks"], found["jumps"])


def test_the_last_jump_is_told_be_it_up_or_down():
    quiet, up, down = (100, 101, 99, 100), (100, 126, 99, 126), (126, 127, 90, 93)
    assert -1 == measured(quiet, quiet)["jumps"]
    assert 1 == measured(quiet, up, up)["jumps"]
    assert 2 == measured(quiet, up, down, down)["jumps"]


def test_a_step_as_large_as_the_guard_is_no_jump():
    assert -1 == measured((100, 125, 99, 100), (100, 125, 99, 125))["jumps"]


def test_the_step_from_the_entry_to_the_first_close_can_be_a_jump():
    assert 0 == measured((100, 130, 99, 130), (130, 131, 129, 130))["jumps"]


def test_a_step_to_a_trusted_bar_is_no_jump_and_others_still_are():
    row = [(100, 101, 99, 100, None), (150, 151, 149, 150, None), (60, 61, 59, 60, None)]
    trusted = [[False, False, True], [False, True, True], [True, True, False]]
    made = computed([(row, 1.0, None, one) for one in trusted])
    assert [1, -1, 2] == made.jumps.tolist()


def test_a_factor_takes_the_jump_away_from_the_prices_it_adjusts():
    assert -1 == measured((100, 101, 99, 100), (50, 51, 49, 50, 0.5))["jumps"]
    assert 1 == measured((100, 101, 99, 100), (50, 51, 49, 50))["jumps"]


def test_no_windows_have_no_figures():
    nothing = np.empty((0, 3))
    made = excursions(
        Bars(*[nothing] * 5), signs=np.empty(0), entries=np.empty(0), trusted=np.empty((0, 3), bool), guard=GUARD
    )
    assert [(0,)] * len(NAMES) == [getattr(made, name).shape for name in NAMES]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bars": Bars(*[np.ones((1, 1))] * 4, np.ones((1, 2)))}, "one shape"),
        ({"bars": Bars(*[np.ones((1, 0))] * 5), "trusted": np.ones((1, 0), bool)}, "one shape"),
        ({"bars": Bars(*[np.ones(1)] * 5), "trusted": np.ones(1, bool)}, "one shape"),
        ({"trusted": np.ones((1, 2), bool)}, "one shape"),
        ({"signs": np.zeros(1)}, "signs must be 1 or -1"),
        ({"signs": np.ones(2)}, "signs must be 1 or -1"),
        ({"entries": np.ones(2)}, "one entry price"),
        ({"guard": 0.0}, "guard"),
        ({"guard": math.nan}, "guard"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    bars = Bars(*[np.ones((1, 1))] * 5)
    right = {"bars": bars, "signs": np.ones(1), "entries": np.ones(1), "trusted": np.ones((1, 1), bool), "guard": GUARD}
    excursions(**right)
    with pytest.raises(LearningError, match=said):
        excursions(**right | wrong)


def test_the_example_in_the_documentation_holds():
    assert (0, 1) <= doctest.testmod(module) < (1, 0)
