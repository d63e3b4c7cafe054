import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning import exits as module
from learning.barrier import STOP, TARGET, TIME, barriers
from learning.errors import LearningError
from learning.excursions import Bars
from learning.exits import CHUNK, ExitPlans, Exits, exits, next_bar_windows, session_sums

pytestmark = pytest.mark.filterwarnings("error")

NAN = math.nan
LENGTH = 6

PLANS = [
    (stop, target, hold)
    for stop, target in [(NAN, NAN), (NAN, 0.125), (0.05, NAN), (0.05, 0.125), (0.1, 0.05), (0.125, 1.5), (1.5, 0.1)]
    for hold in (1, 3, LENGTH)
]
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=15, deadline=None)


def positions(seed, *factors, count=60):
    """[(row of (open, high, low, close, factor), sign)]: whole prices, so that levels are touched; as feeds have them,
    a close may lie beyond its high and low."""
    chance = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        prices = chance.integers(85, 116, size=(LENGTH, 4)).astype(float)
        prices[:, 1], prices[:, 2] = prices[:, :3].max(axis=1), prices[:, :3].min(axis=1)
        row = [(*bar, chance.choice(factors)) for bar in prices.tolist()]
        made.append((row, chance.choice([1.0, -1.0])))
    return made


def stacked(positions):
    table = np.array([row for row, _ in positions], dtype=float)
    return Bars(*(table[:, :, field].copy() for field in range(5))), np.array([sign for _, sign in positions])


def planned(plans):
    stops, targets, holds = zip(*plans, strict=True)
    return ExitPlans(np.array(stops), np.array(targets), np.array(holds))


def ended(positions, plans, costs=0.0):
    bars, signs = stacked(positions)
    return exits(bars, signs=signs, plans=planned(plans), costs=costs)


def by_barrier(positions, plan):
    """The same plan by ``learning/barrier.py``."""
    stop, target, hold = plan
    bars, signs = stacked(positions)
    cut = Bars(*(one[:, :hold] for one in (bars.opens, bars.highs, bars.lows, bars.closes, bars.factors)))
    entries = bars.opens[:, 0]
    return barriers(
        cut,
        signs=signs,
        entries=np.full(len(signs), NAN),
        stops=entries * (1 - signs * stop),
        targets=entries * (1 + signs * target),
        trusted=np.ones(cut.opens.shape, bool),
        guard=0.25,
        complete=np.ones(len(signs), bool),
    )


def by_hand(row, sign, plan):
    """One position, bar by bar, with plain numbers and no factors: (kind, bar, return)."""
    stop, target, hold = plan
    entry = row[0][0]
    stop, target = entry * (1 - sign * stop), entry * (1 + sign * target)
    for place, (first, high, low, close, _) in enumerate(row[:hold]):
        better, worse = (max, min) if sign > 0 else (min, max)
        better, worse = better(high, low, close), worse(high, low, close)
        ends = (STOP, first, first, stop, -1), (TARGET, first, first, target, 1)
        ends += (STOP, stop, worse, stop, -1), (TARGET, target, better, target, 1)
        for kind, at, reached, level, side in ends:
            if side * sign * reached >= side * sign * level:
                return kind, place, sign * (at / entry - 1)
    return TIME, hold - 1, sign * (row[hold - 1][3] / entry - 1)


@few
@given(seeds)
def test_every_plan_ends_as_the_barriers_of_one_plan_do_to_the_last_bit(seed):
    held = positions(seed, NAN)
    made = ended(held, PLANS)
    for column, one in enumerate(PLANS):
        alone = by_barrier(held, one)
        np.testing.assert_array_equal(alone.kinds, made.kinds[:, column])
        np.testing.assert_array_equal(alone.exits, made.bars[:, column])
        np.testing.assert_array_equal(alone.returns, made.returns[:, column])


@few
@given(seeds)
def test_splits_move_stops_and_targets_as_in_the_barriers(seed):
    held = positions(seed, NAN, NAN, NAN, NAN, 0.5, 2.0)
    made = ended(held, PLANS)
    for column, one in enumerate(PLANS):
        alone = by_barrier(held, one)
        np.testing.assert_array_equal(alone.kinds, made.kinds[:, column])
        np.testing.assert_array_equal(alone.exits, made.bars[:, column])
        np.testing.assert_allclose(made.returns[:, column], alone.returns, rtol=1e-12, atol=1e-14)


@few
@given(seeds)
def test_every_plan_ends_where_a_loop_over_bars_ends_it(seed):
    held = positions(seed, NAN)
    made = ended(held, PLANS)
    for row, (prices, sign) in enumerate(held):
        for column, one in enumerate(PLANS):
            found = made.kinds[row, column], made.bars[row, column], made.returns[row, column]
            assert by_hand(prices, sign, one) == found


@few
@given(seeds, st.permutations(range(len(PLANS))))
def test_permuted_plans_have_permuted_ends(seed, order):
    held = positions(seed, NAN)
    made, permuted = ended(held, PLANS), ended(held, [PLANS[place] for place in order])
    np.testing.assert_array_equal(made.returns[:, order], permuted.returns)
    np.testing.assert_array_equal(made.kinds[:, order], permuted.kinds)


QUIET = (100, 102, 98, 101, NAN)


@pytest.mark.parametrize(
    ("kind", "earned", "last"),
    [
        (STOP, -0.05, (99, 113, 94, 105, NAN)),
        (STOP, -0.07, (93, 113, 92, 96, NAN)),
        (TARGET, 0.13, (113, 114, 94, 96, NAN)),
        (TARGET, 0.125, (99, 112.5, 96, 100, NAN)),
        (TIME, -0.04, (99, 109, 96, 96, NAN)),
    ],
    ids=[
        "stop and target in one bar count as the stop",
        "a gap through the stop fills at the open",
        "an open beyond the target came before the low beyond the stop",
        "the high touches the target",
        "the close of the last bar",
    ],
)
def test_what_ends_a_long_position(kind, earned, last):
    made = ended([([QUIET, last], 1.0)], [(0.05, 0.125, 2)], costs=0.0)
    assert (kind, 1) == (made.kinds[0, 0], made.bars[0, 0])
    assert pytest.approx(earned) == made.returns[0, 0]


def test_costs_are_taken_from_each_return_whatever_ended_it():
    rows = [([QUIET, (99, 100, 90, 95, NAN)], 1.0), ([QUIET, QUIET], -1.0)]
    free, paid = ended(rows, [(0.05, 0.1, 2)]), ended(rows, [(0.05, 0.1, 2)], costs=np.array([0.001, 0.002]))
    np.testing.assert_allclose(free.returns - paid.returns, [[0.001], [0.002]], rtol=1e-12)
    np.testing.assert_array_equal(free.kinds, paid.kinds)


def test_entries_are_computed_in_chunks_that_do_not_show():
    chance = np.random.default_rng(1)
    closes = 100 * np.exp(chance.normal(0, 0.02, size=(2 * CHUNK + 5, 4)).cumsum(axis=1))
    bars = Bars(closes, closes * 1.01, closes * 0.99, closes, np.full_like(closes, NAN))
    signs = chance.choice([1.0, -1.0], size=len(closes))
    plans = planned([(0.02, 0.03, 4), (NAN, 0.01, 3)])
    whole = exits(bars, signs=signs, plans=plans, costs=0.0)
    for rows in (slice(0, 3), slice(CHUNK - 1, CHUNK + 1), slice(2 * CHUNK + 3, None)):
        part = Bars(*(getattr(bars, name)[rows] for name in ("opens", "highs", "lows", "closes", "factors")))
        np.testing.assert_array_equal(
            whole.returns[rows], exits(part, signs=signs[rows], plans=plans, costs=0.0).returns
        )


def test_a_position_is_entered_at_the_open_of_the_bar_after_its_alert():
    series = Bars(*(np.arange(10.0)[None] + offset for offset in (0, 100, -100, 0.5)), np.full((1, 10), NAN))
    windows = next_bar_windows(series, np.array([0, 6]), length=3)
    np.testing.assert_array_equal([[1, 2, 3], [7, 8, 9]], windows.opens)
    np.testing.assert_array_equal([[1.5, 2.5, 3.5], [7.5, 8.5, 9.5]], windows.closes)
    with pytest.raises(LearningError, match=r"6 ... 7 of 10 do not all have 3 bars"):
        next_bar_windows(series, np.array([6, 7]), length=3)


def test_a_session_earns_the_sum_of_size_times_return_in_any_order_of_its_entries():
    chance = np.random.default_rng(3)
    made = ended(positions(1, NAN), PLANS)
    sessions, sizes, order = chance.integers(4, 9, size=60), chance.random(60), chance.permutation(60)
    numbers, sums = session_sums(made, sessions, sizes=sizes)
    expected = [(sizes[:, None] * made.returns)[sessions == number].sum(axis=0) for number in numbers]
    np.testing.assert_allclose(sums, expected, atol=60 * 0.5e-6)
    shuffled = Exits(made.returns[order], made.kinds[order], made.bars[order])
    np.testing.assert_array_equal(sums, session_sums(shuffled, sessions[order], sizes=sizes[order])[1])
    with pytest.raises(LearningError, match="each of 60 entries"):
        session_sums(made, sessions[:-1], sizes=1.0)


ONE = {"signs": np.ones(1), "plans": planned([(0.05, 0.1, 2)]), "costs": 0.0}


def bars_with(**prices):
    tables = {name: np.full((1, 2), 100.0) for name in ("opens", "highs", "lows", "closes")}
    return Bars(**tables | prices, factors=np.full((1, 2), NAN))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bars": bars_with(closes=np.array([[100.0, NAN]]))}, "entry 0 has close nan in bar 1"),
        ({"bars": bars_with(opens=np.array([[0.0, 1.0]]))}, "entry 0 has open 0.0 in bar 0"),
        ({"bars": bars_with(highs=np.ones((2, 2)))}, "one shape"),
        ({"signs": np.zeros(1)}, "signs"),
        ({"signs": np.ones(2)}, "one sign an entry"),
        ({"plans": planned([(0.05, 0.1, 3)])}, "holds of 3 to 3"),
        ({"plans": planned([(0.05, 0.1, 0)])}, "holds of 0 to 0"),
        ({"plans": planned([(-0.05, 0.1, 2)])}, "positive fractions"),
        ({"plans": planned([(0.05, 0.0, 2)])}, "positive fractions"),
        ({"plans": ExitPlans(np.ones(0), np.ones(0), np.ones(0, int))}, "at least one"),
        ({"costs": NAN}, "costs"),
        ({"costs": -0.1}, "costs"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    right = {"bars": bars_with(), **ONE}
    exits(**right)
    with pytest.raises(LearningError, match=said):
        exits(**right | wrong)


def test_the_example_in_the_documentation_holds():
    assert (0, 1) <= doctest.testmod(module) < (1, 0)


@pytest.mark.parametrize("factor", [0.0, -1.0, math.inf])
def test_refuses_a_factor_that_no_split_has(factor):
    prices = [np.full((1, 2), 10.0) for _ in range(4)]
    plans = ExitPlans(np.array([0.05]), np.array([0.05]), np.array([2]))
    with pytest.raises(LearningError, match="factor"):
        exits(Bars(*prices, np.array([[math.nan, factor]])), signs=np.ones(1), plans=plans, costs=0.0)
