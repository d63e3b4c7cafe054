import doctest
from collections import Counter
from fractions import Fraction
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning import uniqueness as module
from learning.errors import LearningError
from learning.uniqueness import LONGEST, average_uniqueness, effective_n

window = st.tuples(st.integers(-2, 2), st.integers(-30, 30), st.integers(0, 12))
"""(group, first session, sessions after it)."""


def computed(windows):
    table = np.array(windows, dtype=np.int64).reshape(-1, 3)
    return average_uniqueness(table[:, 0], table[:, 1], table[:, 1] + table[:, 2])


def by_hand(windows):
    """Session by session, in exact fractions."""
    spans = [(group, range(start, start + more + 1)) for group, start, more in windows]
    held = Counter((group, session) for group, span in spans for session in span)
    return [float(sum(Fraction(1, held[group, session]) for session in span) / len(span)) for group, span in spans]


@given(st.lists(window, max_size=25))
def test_every_window_is_as_unique_as_a_count_session_by_session_says(windows):
    np.testing.assert_allclose(computed(windows), by_hand(windows), rtol=0, atol=1e-13)


@given(st.lists(window, min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_neither_order_nor_other_groups_change_a_bit(windows, chance):
    found = computed(windows)
    order = list(range(len(windows)))
    chance.shuffle(order)
    assert found[order].tolist() == computed([windows[place] for place in order]).tolist()
    first = [place for place, one in enumerate(windows) if one[0] == windows[0][0]]
    assert found[first].tolist() == computed([windows[place] for place in first]).tolist()


def test_windows_that_overlap_nothing_are_unique():
    assert [1.0, 1.0, 1.0] == computed([(1, 0, 4), (1, 5, 4), (2, 0, 9)]).tolist()


def test_three_windows_over_the_same_sessions_share_them():
    found = computed([(1, 3, 4)] * 3)
    assert pytest.approx([1 / 3] * 3) == found.tolist()
    assert pytest.approx(1.0) == effective_n(found)


def test_an_alert_a_day_with_five_sessions_each_counts_for_about_a_fifth():
    found = computed([(1, day, 4) for day in range(104)])
    assert pytest.approx([0.2] * 96) == found[4:-4].tolist()
    assert pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 5) == found[0]
    assert pytest.approx(108 / 5, abs=1.2) == effective_n(found)


def test_the_last_session_of_a_window_is_its_own():
    assert [0.75, 0.75] == computed([(1, 0, 1), (1, 1, 1)]).tolist()


def test_the_longest_window_is_exact_and_a_longer_one_is_refused():
    longest = LONGEST - 2
    assert [1.0, 1.0] == computed([(1, 0, longest), (2, 0, longest)]).tolist()
    assert pytest.approx([1 / 3] * 3, rel=1e-13) == computed([(1, 0, longest)] * 3).tolist()
    with pytest.raises(LearningError, match="1 to 262,143 sessions"):
        computed([(1, 0, longest + 1)])


def test_nothing_has_no_uniqueness_and_counts_for_nothing():
    assert [] == computed([]).tolist()
    assert 0.0 == effective_n(computed([]))


def test_a_window_that_ends_before_it_starts_is_refused_by_its_place_and_sessions():
    with pytest.raises(LearningError, match="window 1 is from session 5 to 4"):
        computed([(1, 0, 3), (1, 5, -1)])


def test_shapes_that_differ_are_refused():
    with pytest.raises(LearningError, match="one shape"):
        average_uniqueness(np.zeros(2, int), np.zeros(2, int), np.zeros(3, int))
    with pytest.raises(LearningError, match="one shape"):
        average_uniqueness(*[np.zeros((2, 2), int)] * 3)


def test_two_hundred_thousand_windows_take_less_than_a_second():
    chance = np.random.default_rng(1)
    groups, starts = chance.integers(0, 5_000, 200_000), chance.integers(0, 2_500, 200_000)
    begun = process_time()
    found = average_uniqueness(groups, starts, starts + chance.integers(0, 60, 200_000))
    assert process_time() - begun < 1.0
    assert 100_000 < effective_n(found) < 200_000


def test_the_example_in_the_documentation_holds():
    assert (0, 1) <= doctest.testmod(module) < (1, 0)
