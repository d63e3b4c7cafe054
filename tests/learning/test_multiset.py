import doctest
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning import multiset as module
from learning.errors import LearningError
from learning.multiset import Multiset

values = st.lists(st.integers(-5, 5), max_size=30)


def whole(values):
    made = Multiset()
    for value in values:
        made += Multiset.of(value)
    return made


@given(values, st.randoms(use_true_random=False))
def test_any_order_gives_the_same_counts_least_and_greatest(values, chance):
    shuffled = list(values)
    chance.shuffle(shuffled)
    made = whole(shuffled)
    assert whole(values) == made
    assert Counter(values) == dict(made.counts)
    assert (min(values, default=None), max(values, default=None)) == (made.least, made.greatest)


@given(values, values)
def test_what_was_taken_back_leaves_no_trace_and_two_halves_make_the_whole(some, others):
    assert (
        whole(some) == whole(some) + whole(others) - whole(others) == Multiset() - whole(others) + whole(some + others)
    )
    assert whole(some + others) == whole(some) + whole(others)


def test_words_are_counted_too():
    assert (("bear", 1), ("bull", 2)) == (Multiset.of("bull") + Multiset.of("bear") + Multiset.of("bull")).counts


def test_more_taken_back_than_added_is_refused_on_reading():
    made = Multiset.of(3) - Multiset.of(7)
    for reading in ("least", "greatest"):
        with pytest.raises(LearningError, match="7 was taken back 1 times more"):
            getattr(made, reading)


def test_the_example_in_the_documentation_holds():
    assert (0, 1) == doctest.testmod(module)
