"""Cycles are looked for between turns."""

import gc
import weakref

from workers.garbage import MOST, collect, collected_between_turns


class Cycle:
    """Something that only the collector can take away."""

    def __init__(self):
        self.itself = self


def test_within_a_turn_nothing_is_looked_for_and_after_it_what_it_left_is_taken_away():
    with collected_between_turns():
        gone = weakref.ref(Cycle())
        kept = [[] for _ in range(MOST)]
        assert gone() is not None
        collect()
        assert gone() is None
    assert len(kept) == MOST


def test_a_turn_that_leaves_little_costs_no_look():
    with collected_between_turns():
        left = weakref.ref(Cycle())
        made = [[] for _ in range(MOST)]
        del made
        collect()
        assert left() is not None


def test_afterwards_the_collector_is_as_it_was():
    with collected_between_turns():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert 0 == gc.get_freeze_count()
