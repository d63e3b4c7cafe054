import doctest
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning import walk_forward as module
from learning.errors import LearningError
from learning.walk_forward import walk_forward

plans = st.fixed_dictionaries(
    {
        "warm_up": st.integers(0, 20),
        "block": st.integers(1, 15),
        "embargo": st.integers(0, 12),
        "minimum": st.integers(1, 10),
    }
)
rows = st.lists(st.tuples(st.integers(-5, 60), st.integers(0, 12)), min_size=1, max_size=60)


def split(rows, plan):
    starts, lengths = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    return starts, starts + lengths, walk_forward(starts, starts + lengths, **plan)


def sessions(start, end):
    return set(range(start, end + 1))


@given(rows, plans)
def test_no_training_window_overlaps_a_test_window_or_begins_after_one(rows, plan):
    starts, ends, folds = split(rows, plan)
    for fold in folds:
        for train in fold.train:
            for test in fold.test:
                assert not sessions(starts[train], ends[train]) & sessions(starts[test], ends[test])
                assert ends[train] < starts[test]


@given(rows, plans)
def test_everything_that_was_known_before_the_block_is_trained_on_and_all_of_the_block_is_judged(rows, plan):
    starts, ends, folds = split(rows, plan)
    for fold in folds:
        assert [row for row in range(len(rows)) if ends[row] < fold.first] == fold.train.tolist()
        assert [row for row in range(len(rows)) if fold.first <= starts[row] <= fold.last] == fold.test.tolist()


@given(rows, plans)
def test_a_fold_knows_how_many_sessions_the_longest_window_shares_with_the_next(rows, plan):
    starts, ends, folds = split(rows, plan)
    assert {max(ends - starts)} >= {fold.overlap for fold in folds}


@given(rows, plans)
def test_blocks_keep_to_warm_up_length_embargo_and_minima(rows, plan):
    starts, _, folds = split(rows, plan)
    for fold in folds:
        assert fold.first >= starts.min() + plan["warm_up"]
        assert fold.last - fold.first < plan["block"]
        assert len(fold.train) >= plan["minimum"]
        assert len(fold.test) >= 1
    for one, next_one in pairwise(folds):
        assert next_one.first - one.last > plan["embargo"]


@given(rows, plans)
def test_with_an_embargo_of_the_longest_window_no_test_windows_of_two_blocks_overlap(rows, plan):
    starts, ends, folds = split(rows, {**plan, "embargo": 12})
    for one, next_one in pairwise(folds):
        assert ends[one.test].max() < starts[next_one.test].min()


@given(rows, plans, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, plan, shuffler):
    _, _, folds = split(rows, plan)
    order = list(range(len(rows)))
    shuffler.shuffle(order)
    _, _, shuffled = split([rows[place] for place in order], plan)
    told = [(fold.first, fold.last, *(sorted(part.tolist()) for part in (fold.train, fold.test))) for fold in folds]
    again = [
        (fold.first, fold.last, *(sorted(order[row] for row in part) for part in (fold.train, fold.test)))
        for fold in shuffled
    ]
    assert told == again


def test_by_hand():
    days = np.arange(100)
    folds = walk_forward(days, days + 5, warm_up=40, block=10, embargo=5, minimum=1)
    assert [(40, 49), (55, 64), (70, 79), (85, 94)] == [(fold.first, fold.last) for fold in folds]
    assert [list(range(35)), list(range(50))] == [fold.train.tolist() for fold in folds[:2]]


def test_no_rows_have_no_folds():
    nothing = np.empty(0, dtype=np.int64)
    assert [] == walk_forward(nothing, nothing, warm_up=1, block=1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"ends": np.arange(4)}, "one shape"),
        ({"starts": np.arange(3) + 0.5}, "whole numbers"),
        ({"ends": np.array([0, 0, 2])}, "row 1 .* session 1 to 0"),
        ({"block": 0}, "block"),
        ({"embargo": -1}, "embargo"),
        ({"warm_up": -1}, "warm_up"),
        ({"minimum": 0}, "minimum"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    right = {"starts": np.arange(3), "ends": np.arange(3), "warm_up": 1, "block": 1}
    walk_forward(**right)
    with pytest.raises(LearningError, match=said):
        walk_forward(**right | wrong)


def test_the_example_in_the_documentation_holds():
    assert (0, 1) <= doctest.testmod(module) < (1, 0)
