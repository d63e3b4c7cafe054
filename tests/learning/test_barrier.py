import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning import barrier as module
from learning.barrier import HELD, STOP, TARGET, TIME, barriers
from learning.errors import LearningError
from learning.excursions import Bars, excursions

pytestmark = pytest.mark.filterwarnings("error")

FIGURES = ("returns", "mfe", "mae", "volatility", "peaks", "jumps")
NAMES = ("kinds", "exits", "prices", *FIGURES)
GUARD = 0.25

price = st.integers(8_000, 12_000).map(lambda cents: cents / 100)
factor = st.one_of(st.none(), st.none(), st.sampled_from([0.5, 2.0]))


@st.composite
def bar(draw):
    """(open, high, low, close, factor): as feeds have them, the close may lie beyond high and low."""
    first, high, low, close = (draw(price) for _ in range(4))
    return (first, max(first, high, low), min(first, high, low), close, draw(factor))


@st.composite
def position(draw, length):
    """(bars, sign, fill price or None, stop or None, target or None, whether it is complete)."""
    row = draw(st.lists(bar(), min_size=length, max_size=length))
    levels = [draw(st.none() | price) for _ in range(3)]
    return (row, draw(st.sampled_from([1.0, -1.0])), *levels, draw(st.booleans()))


positions = st.integers(1, 9).flatmap(lambda length: st.lists(position(length), min_size=1, max_size=4))


def stacked(rows):
    table = np.array(rows, dtype=float)
    return Bars(*(table[:, :, field] for field in range(5)))


def computed(positions):
    rows, signs, entries, stops, targets, complete = zip(*positions, strict=True)
    bars = stacked(rows)
    return barriers(
        bars,
        signs=np.array(signs),
        entries=np.array(entries, dtype=float),
        stops=np.array(stops, dtype=float),
        targets=np.array(targets, dtype=float),
        trusted=~np.isnan(bars.factors),
        guard=GUARD,
        complete=np.array(complete),
    )


def met(*rows, sign=1.0, entry=None, stop=None, target=None, complete=True):
    """What became of one position in bars of (open, high, low, close) or with a factor, by names."""
    made = computed([([(*prices, None)[:5] for prices in rows], sign, entry, stop, target, complete)])
    return {name: getattr(made, name)[0] for name in NAMES}


def by_hand(row, sign, entry, stop, target, complete):
    """One position, bar by bar, with plain numbers: (kind, exit, price) or None."""
    carried = 1.0
    for place, (first, high, low, close, factor) in enumerate(row):
        carried *= 1.0 if factor is None or (place == 0 and entry is None) else factor
        prices = (first, high, low, close)
        stop_here, target_here = stop and stop * carried, target and target * carried
        better, worse = (max(prices), min(prices)) if sign > 0 else (min(prices), max(prices))
        if stop and sign * (first - stop_here) <= 0:
            return STOP, place, first
        if target and sign * (first - target_here) >= 0:
            return TARGET, place, first
        if stop and sign * (worse - stop_here) <= 0:
            return STOP, place, stop_here
        if target and sign * (better - target_here) >= 0:
            return TARGET, place, target_here
    return (TIME, len(row) - 1, row[-1][3]) if complete else None


def cut(row, kind, place, price):
    """The bars until the exit; of a bar that a stop or target ended, only the open and the exit price."""
    *before, (first, *_, factor) = row[: place + 1]
    last = (first, max(first, price), min(first, price), price, factor)
    return [*before, row[place] if kind == TIME else last]


@given(positions)
def test_every_position_ends_where_a_loop_over_its_bars_ends_it(positions):
    made = computed(positions)
    for place, one in enumerate(positions):
        found = made.kinds[place], made.exits[place], made.prices[place]
        assert pytest.approx(by_hand(*one) or (HELD, -1, math.nan), rel=1e-12, nan_ok=True) == found


@given(positions)
def test_its_figures_are_those_of_the_window_that_ends_with_its_exit(positions):
    made = computed(positions)
    for place, one in enumerate(positions):
        expected = [math.nan] * 4 + [-1, -1]
        if end := by_hand(*one):
            bars = stacked([cut(one[0], *end)])
            paid = {"signs": np.array([one[1]]), "entries": np.array([one[2]], dtype=float)}
            alone = excursions(bars, **paid, trusted=~np.isnan(bars.factors), guard=GUARD)
            expected = [getattr(alone, name)[0] for name in FIGURES]
        found = [getattr(made, name)[place] for name in FIGURES]
        assert pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True) == found


@given(positions)
def test_a_short_position_in_the_mirrored_prices_meets_the_mirrored_barrier(positions):
    mirrored = [
        (
            [(1 / o, 1 / low, 1 / high, 1 / c, f and 1 / f) for o, high, low, c, f in row],
            -sign,
            *(level and 1 / level for level in levels),
            complete,
        )
        for row, sign, *levels, complete in positions
    ]
    made, mirror = computed(positions), computed(mirrored)
    for name in ("kinds", "exits", "peaks"):
        np.testing.assert_array_equal(getattr(mirror, name), getattr(made, name))
    np.testing.assert_allclose(mirror.prices, 1 / made.prices, rtol=1e-12)
    signs = np.array([one[1] for one in positions])
    logarithms = signs * np.log1p(signs * made.returns)
    np.testing.assert_allclose(mirror.returns, -signs * np.expm1(-signs * logarithms), rtol=1e-9, atol=1e-12)


@given(positions, st.lists(bar(), min_size=1, max_size=9))
def test_later_bars_change_no_bit_of_what_a_stop_or_target_ended(positions, later):
    now = computed([(*one[:-1], False) for one in positions])
    then = computed([([*one[0], *later], *one[1:]) for one in positions])
    ended = now.kinds != HELD
    for name in NAMES:
        np.testing.assert_array_equal(getattr(now, name)[ended], getattr(then, name)[ended])


@given(positions)
def test_a_position_without_stop_and_target_is_a_window_until_the_time_limit(positions):
    made = computed([(row, sign, entry, None, None, True) for row, sign, entry, *_ in positions])
    rows, signs, entries, *_ = zip(*positions, strict=True)
    bars = stacked(rows)
    paid = {"signs": np.array(signs), "entries": np.array(entries, dtype=float)}
    expected = excursions(bars, **paid, trusted=~np.isnan(bars.factors), guard=GUARD)
    assert {TIME} == set(made.kinds.tolist())
    for name in FIGURES:
        np.testing.assert_array_equal(getattr(expected, name), getattr(made, name))


QUIET = (100, 102, 98, 101)


@pytest.mark.parametrize(
    ("kind", "price", "last"),
    [
        (STOP, 95.0, (99, 100, 94, 96)),
        (STOP, 95.0, (99, 100, 95, 96)),
        (STOP, 93.0, (93, 100, 92, 96)),
        (STOP, 95.0, (95, 112, 94, 96)),
        (TARGET, 110.0, (99, 111, 98, 105)),
        (TARGET, 110.0, (99, 110, 98, 105)),
        (TARGET, 113.0, (113, 114, 96, 105)),
        (STOP, 95.0, (99, 111, 94, 105)),
        (TARGET, 113.0, (113, 114, 94, 96)),
        (TARGET, 110.0, (110, 114, 94, 96)),
        (STOP, 95.0, (99, 100, 98, 94)),
        (TIME, 96.0, (99, 109, 96, 96)),
    ],
    ids=[
        "the low passes the stop",
        "the low touches the stop",
        "the open lies beyond the stop",
        "the open is the stop",
        "the high passes the target",
        "the high touches the target",
        "the open lies beyond the target",
        "stop and target in one bar count as the stop",
        "an open beyond the target came before the low beyond the stop",
        "an open at the target came before the low beyond the stop",
        "a close outside of its high and low passes the stop",
        "neither is met until the time limit",
    ],
)
def test_what_ends_a_long_position(kind, price, last):
    found = met(QUIET, last, stop=95.0, target=110.0)
    assert (kind, 1, price) == (found["kinds"], found["exits"], found["prices"])
    assert pytest.approx(price / 100 - 1) == found["returns"]


def test_a_short_position_stops_above_and_wins_below():
    stopped = met(QUIET, (101, 106, 89, 100), sign=-1.0, stop=105.0, target=90.0)
    won = met(QUIET, (101, 104, 89, 100), sign=-1.0, stop=105.0, target=90.0)
    assert (STOP, 105.0) == (stopped["kinds"], stopped["prices"])
    assert (TARGET, 90.0) == (won["kinds"], won["prices"])
    assert pytest.approx([-0.05, 0.10]) == [stopped["returns"], won["returns"]]


def test_in_the_bar_of_the_exit_only_the_open_and_the_exit_price_count():
    stopped = met(QUIET, (103, 120, 80, 85), stop=95.0)
    assert pytest.approx([0.03, -0.05, 1]) == [stopped["mfe"], stopped["mae"], stopped["peaks"]]
    won = met(QUIET, (99, 120, 80, 85), target=110.0)
    assert pytest.approx([0.10, -0.02, 1]) == [won["mfe"], won["mae"], won["peaks"]]


def test_in_the_bar_that_ends_the_time_limit_all_prices_count():
    found = met(QUIET, (103, 120, 80, 85))
    assert pytest.approx([-0.15, 0.20, -0.20]) == [found["returns"], found["mfe"], found["mae"]]


@pytest.mark.parametrize(("kind", "plan"), [(STOP, {"stop": 101.0}), (TARGET, {"target": 99.0})])
def test_an_entry_at_an_open_beyond_the_barrier_leaves_at_once_at_that_open(kind, plan):
    found = met(QUIET, QUIET, **plan)
    assert (kind, 0, 100.0) == (found["kinds"], found["exits"], found["prices"])
    assert [0.0, 0.0, 0.0, -1] == [found[name] for name in ("returns", "mfe", "mae", "peaks")]


def test_a_fill_before_an_open_beyond_the_stop_loses_down_to_that_open():
    found = met(QUIET, QUIET, entry=125.0, stop=120.0)
    assert (STOP, 0, 100.0) == (found["kinds"], found["exits"], found["prices"])
    assert pytest.approx([-0.2, 0.0, -0.2]) == [found["returns"], found["mfe"], found["mae"]]


def test_a_position_that_nothing_ended_yet_is_held_and_nothing_is_known_of_it():
    found = met(QUIET, QUIET, stop=90.0, target=120.0, complete=False)
    assert (HELD, -1, -1, -1) == tuple(found[name] for name in ("kinds", "exits", "peaks", "jumps"))
    assert [True] * 5 == [math.isnan(found[name]) for name in ("prices", "returns", "mfe", "mae", "volatility")]


def test_a_split_moves_stop_and_target_with_the_prices():
    split = (50.5, 51, 48, 49, 0.5)
    assert HELD == met(QUIET, split, stop=95.0, complete=False)["kinds"]
    stopped = met(QUIET, split, (48, 49, 47, 48), stop=95.0)
    assert (STOP, 2, 47.5) == (stopped["kinds"], stopped["exits"], stopped["prices"])
    assert pytest.approx(-0.05) == stopped["returns"]
    won = met(QUIET, split, (54, 56, 53, 54), target=110.0)
    assert (TARGET, 2, 55.0) == (won["kinds"], won["exits"], won["prices"])


def test_the_factor_of_the_first_bar_touches_the_barriers_of_a_fill_and_not_those_of_an_entry_at_its_open():
    split = (50, 51, 48, 49, 0.5)
    assert HELD == met(split, entry=100.0, stop=95.0, complete=False)["kinds"]
    assert STOP == met(split, entry=100.0, stop=97.0)["kinds"]
    assert HELD == met(split, stop=47.5, complete=False)["kinds"]
    assert STOP == met(split, stop=48.5)["kinds"]


def test_a_stop_that_a_gap_passed_is_a_jump_and_a_later_jump_is_none_of_its_business():
    gap, wild = (70, 71, 69, 70), (140, 141, 139, 140)
    assert (1, STOP) == tuple(met(QUIET, gap, wild, stop=95.0)[name] for name in ("jumps", "kinds"))
    assert -1 == met(QUIET, (99, 100, 94, 60), wild, stop=95.0)["jumps"]


def test_an_entry_at_no_price_ends_without_figures():
    found = met((0, 1, 0, 1), (1, 2, 1, 2), target=1.5)
    assert (TARGET, 1.5) == (found["kinds"], found["prices"])
    assert [True] * 4 == [math.isnan(found[name]) for name in ("returns", "mfe", "mae", "volatility")]


def test_no_positions_have_no_ends():
    nothing, none = np.empty((0, 3)), np.empty(0)
    made = barriers(
        Bars(*[nothing] * 5),
        signs=none,
        entries=none,
        stops=none,
        targets=none,
        trusted=np.empty((0, 3), bool),
        guard=GUARD,
        complete=np.empty(0, bool),
    )
    assert [(0,)] * len(NAMES) == [getattr(made, name).shape for name in NAMES]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"stops": np.ones(2)}, "one stop, target and complete"),
        ({"targets": np.ones((1, 1))}, "one stop, target and complete"),
        ({"complete": np.ones(0, bool)}, "one stop, target and complete"),
        ({"signs": np.zeros(1), **dict.fromkeys(("stops", "targets"), np.full(1, math.nan))}, "signs must be 1 or -1"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    one = np.ones(1)
    right = {"signs": one, "entries": one, "stops": one, "targets": one, "trusted": np.ones((1, 1), bool)}
    right |= {"guard": GUARD, "complete": np.zeros(1, bool)}
    barriers(Bars(*[np.ones((1, 1))] * 5), **right)
    with pytest.raises(LearningError, match=said):
        barriers(Bars(*[np.ones((1, 1))] * 5), **right | wrong)


def test_the_example_in_the_documentation_holds():
    assert (0, 1) <= doctest.testmod(module) < (1, 0)
