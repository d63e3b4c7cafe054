from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.aged import AgedSums, Cells, aged, fold
from learning.errors import LearningError

GROUPS = 3
cell = st.tuples(st.integers(0, GROUPS - 1), st.integers(0, 40), st.lists(st.integers(-(10**6), 10**6), max_size=4))
rows = st.lists(cell, max_size=30)
fadings = st.floats(0.5, 1)


def cells_of(rows):
    """Each row: group, age, quantised rewards."""
    columns = [[g, a, len(r), sum(r), sum(value * value for value in r)] for g, a, r in rows]
    return Cells(*np.array(columns, dtype=np.int64).reshape(-1, 5).T.copy())


def bits(sums):
    return [sums.n.tobytes(), sums.totals.tobytes(), sums.squares.tobytes(), sums.age]


def joined(*parts):
    return Cells(*(np.concatenate([getattr(part, name) for part in parts]) for name in Cells.__slots__))


def negative(cells):
    return Cells(cells.groups, cells.ages, -cells.n, -cells.totals, -cells.squares)


@given(rows, fadings)
def test_each_group_is_its_sum_over_days_of_faded_whole_numbers(rows, fading):
    made = aged(cells_of(rows), groups=GROUPS, fading=fading)
    for group in range(GROUPS):
        mine = [(Fraction(fading) ** age, rewards) for g, age, rewards in rows if g == group]
        n, s1, s2 = (
            sum((weight * sum(Fraction(r, 10**6) ** power for r in rewards) for weight, rewards in mine), Fraction(0))
            for power in (0, 1, 2)
        )
        size = float(sum(weight * sum(abs(Fraction(r, 10**6)) for r in rewards) for weight, rewards in mine))
        assert float(n) == pytest.approx(made.n[group], rel=1e-12)
        assert float(s1) == pytest.approx(made.s1[group], rel=1e-12, abs=1e-12 * size)
        assert float(s2) == pytest.approx(made.s2[group], rel=1e-12)


@given(rows)
def test_without_fading_the_whole_numbers_come_out(rows):
    made = aged(cells_of(rows), groups=GROUPS, fading=1.0)
    for group in range(GROUPS):
        rewards = [reward for g, _, mine in rows for reward in mine if g == group]
        assert [len(rewards), sum(rewards), sum(r * r for r in rewards)] == [
            int(made.n[group]),
            int(made.totals[group]),
            int(made.squares[group]),
        ]


def test_without_fading_sums_beyond_2_to_53_are_rounded_once():
    odd = 2**53 + 1
    cells = cells_of([(0, 3, []), (0, 2, []), (0, 0, [])])
    squares = np.array([odd, 1, 1], dtype=np.int64)
    made = aged(Cells(cells.groups, cells.ages, cells.n, cells.totals, squares), groups=1, fading=1.0)
    assert float(odd + 2) == made.squares[0]
    assert float(odd) + 1 + 1 != made.squares[0]


@given(rows, fadings, st.randoms())
def test_the_order_of_cells_changes_no_bit(rows, fading, chance):
    shuffled = chance.sample(rows, len(rows))
    there, back = (aged(cells_of(each), groups=GROUPS, fading=fading) for each in (rows, shuffled))
    assert bits(there) == bits(back)


@given(rows, rows, fadings)
def test_adding_cells_and_taking_them_back_changes_no_bit(rows, others, fading):
    before = aged(cells_of(rows), groups=GROUPS, fading=fading)
    added = cells_of(others)
    there_and_back = joined(cells_of(rows), added, negative(added))
    assert bits(before) == bits(aged(there_and_back, groups=GROUPS, fading=fading))


@given(rows, fadings)
def test_how_rewards_are_split_into_cells_changes_no_bit(rows, fading):
    singly = [(group, age, [reward]) for group, age, rewards in rows for reward in rewards]
    assert bits(aged(cells_of(rows), groups=GROUPS, fading=fading)) == bits(
        aged(cells_of(singly), groups=GROUPS, fading=fading)
    )


@given(rows, rows, fadings)
def test_other_groups_change_no_bit_of_a_group(rows, others, fading):
    alone = aged(cells_of(rows), groups=GROUPS, fading=fading)
    beside = aged(cells_of([*rows, *((g + GROUPS, *rest) for g, *rest in others)]), groups=2 * GROUPS, fading=fading)
    assert alone.squares.tobytes() == beside.squares[:GROUPS].tobytes()


@given(rows, fadings)
def test_negated_rewards_have_negated_totals_to_the_last_bit(rows, fading):
    there = aged(cells_of(rows), groups=GROUPS, fading=fading)
    back = aged(cells_of([(g, a, [-r for r in rewards]) for g, a, rewards in rows]), groups=GROUPS, fading=fading)
    assert (-there.totals).tolist() == back.totals.tolist()
    assert [there.n.tobytes(), there.squares.tobytes()] == [back.n.tobytes(), back.squares.tobytes()]


@given(rows, fadings, st.integers(1, 30), st.integers(0, 5), rows)
def test_folding_old_cells_and_ageing_on_gives_the_same_bits_as_not_folding(rows, fading, age, days, news):
    fresh = cells_of([(group, old % max(days, 1), rewards) for group, old, rewards in news] if days else [])
    cells = cells_of(rows)
    older = Cells(cells.groups, cells.ages + days, cells.n, cells.totals, cells.squares)
    expected = aged(joined(older, fresh), groups=GROUPS, fading=fading)
    folded, young = fold(cells, groups=GROUPS, fading=fading, age=age)
    young = Cells(young.groups, young.ages + days, young.n, young.totals, young.squares)
    made = aged(joined(young, fresh), groups=GROUPS, fading=fading, folded=folded.later(days))
    assert bits(expected) == bits(made)


@given(rows, fadings, st.integers(0, 20), st.integers(0, 20))
def test_folding_in_two_steps_is_folding_once(rows, fading, age, more):
    whole, young = fold(cells_of(rows), groups=GROUPS, fading=fading, age=age)
    old, rest = fold(cells_of(rows), groups=GROUPS, fading=fading, age=age + more)
    again, left = fold(rest, groups=GROUPS, fading=fading, age=age, folded=old)
    assert bits(whole) == bits(again)
    assert young.ages.tolist() == left.ages.tolist()


def test_a_group_without_cells_has_nothing():
    made = aged(cells_of([]), groups=2, fading=0.9)
    assert [[0, 0], [0, 0], [0, 0]] == [list(made.n), list(made.s1), list(made.s2)]


@settings(max_examples=20)
@given(st.integers(1, 400))
def test_a_half_life_halves(days):
    made = aged(cells_of([(0, days, [10**6] * 8)]), groups=1, fading=0.5 ** (1 / days))
    assert 4 == pytest.approx(made.n[0], rel=1e-12)


@pytest.mark.parametrize("fading", [0.0, -0.5, 1.01, float("nan")])
def test_fading_that_is_no_share_is_refused(fading):
    with pytest.raises(LearningError, match="fading"):
        aged(cells_of([(0, 0, [1])]), groups=1, fading=fading)


def test_what_cannot_be_a_statistic_is_refused():
    good = cells_of([(0, 2, [5]), (1, 3, [7])])
    with pytest.raises(LearningError, match="do not fit 1 groups"):
        aged(good, groups=1, fading=0.9)
    with pytest.raises(LearningError, match=r"group 0 has a negative count -1 at 2 days"):
        aged(negative(good), groups=2, fading=0.9)
    with pytest.raises(LearningError, match="future"):
        cells_of([(0, -1, [5])])
    with pytest.raises(LearningError, match="one shape"):
        Cells(good.groups, good.ages[:1], good.n, good.totals, good.squares)
    with pytest.raises(LearningError, match="whole numbers"):
        Cells(good.groups, good.ages, good.n * 0.5, good.totals, good.squares)
    with pytest.raises(LearningError, match="64 bits"):
        Cells(good.groups, good.ages, good.n, good.totals, np.array([2**62, 2**62]))
    assert 2 == len(Cells(good.groups, good.ages, good.n, good.totals, np.array([2**61 + 1, 1])).n)


def test_what_is_folded_takes_in_nothing_older_and_does_not_grow_younger():
    folded, _ = fold(cells_of([(0, 9, [5])]), groups=1, fading=0.9, age=5)
    with pytest.raises(LearningError, match="as old as what is folded"):
        aged(cells_of([(0, 5, [1])]), groups=1, fading=0.9, folded=folded)
    with pytest.raises(LearningError, match="age twice"):
        fold(cells_of([]), groups=1, fading=0.9, age=6, folded=folded)
    with pytest.raises(LearningError, match="days only pass"):
        folded.later(-1)
    with pytest.raises(LearningError, match="shape"):
        aged(cells_of([]), groups=2, fading=0.9, folded=AgedSums(*np.zeros((3, 1)), age=5))
