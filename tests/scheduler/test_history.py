"""What learners look back on, as arrays."""

import numpy as np
import pytest

from scheduler.history import Reach, read_history
from store.sessions import Sessions
from tests.scheduler.market import FEATURES, LONGEST, NYSE, SYMBOLS, WEIGHTS, Desk, planted, registry

LIVED = 9
ENTRY = {"id": "one", "kind": "threshold", "threshold": "threshold", "weights": WEIGHTS, "sessions": 60}
EXITS = {"id": "one", "kind": "exits", "take_profit": "target", "stop_loss": "stop", "max_hold": "hold"}
SIZES = {"id": "one", "kind": "position_size", "cap": "cap"}


@pytest.fixture
def desk(sqlite_store):
    desk = Desk(sqlite_store, registry(ENTRY))
    desk.live(LIVED, planted)
    return desk


def history(desk, learner, *, at=LIVED - 1, pending=None):
    """What the learner sees after a session; ``pending`` in place of what was."""
    rules, session = registry(learner), desk.session(at)
    with desk.store.read() as reading:
        settled = Sessions(reading).get("main", session)
        waiting = settled.pending if pending is None else pending
        return read_history(reading, rules, rules.learners[0], Reach(session, settled.settled_at, settled.cut, waiting))


def numbers(desk, found):
    """The sessions of what was found, counted from the first that was lived."""
    return sorted(set(np.array(found.sessions) - NYSE.place(desk.session(0))))


def test_units_are_all_that_were_alerted_with_a_known_return_and_the_session_it_ends_in(desk):
    units = history(desk, ENTRY)
    assert list(range(LIVED - 1)) == numbers(desk, units)
    assert len(SYMBOLS) * (LIVED - 1) == len(units.returns)
    assert (units.sessions + 1 == units.ends).all()
    assert (len(units.returns), len(FEATURES)) == units.features.shape
    assert 0 == units.unknown


def test_a_session_of_which_anything_is_pending_is_left_out_as_a_whole(desk):
    waiting = {"1d/prices": [desk.session(3)], "close/reported": [desk.session(2)]}
    assert [0, 1, 2, 4, 5, 6, 7] == numbers(desk, history(desk, ENTRY, pending=waiting))
    assert 2 not in numbers(desk, history(desk, SIZES, pending=waiting))
    assert 3 in numbers(desk, history(desk, SIZES, pending=waiting))


def test_an_earlier_session_sees_nothing_of_a_later_one(desk):
    earlier = history(desk, ENTRY, at=4)
    assert [0, 1, 2, 3] == numbers(desk, earlier)
    assert [0] == numbers(desk, history(desk, EXITS, at=4))


def test_entries_have_all_bars_of_the_longest_hold_and_begin_with_the_session_after_the_alert(desk):
    entries = history(desk, EXITS)
    assert list(range(LIVED - LONGEST)) == numbers(desk, entries)
    assert (len(entries.sessions), LONGEST) == entries.bars.opens.shape
    assert (entries.sessions + LONGEST == entries.ends).all()
    assert (entries.bars.opens[:, 1:] == entries.bars.closes[:, :-1]).all(), "the market opens where it closed"
    assert (1.0 == entries.signs).all()


def test_an_entry_with_a_session_without_a_bar_is_left_out_and_counted(sqlite_store):
    desk = Desk(sqlite_store, registry(EXITS))
    desk.live(3, planted)
    desk.silent = {"S4"}
    desk.live(1, planted)
    desk.silent = set()
    desk.live(5, planted)
    entries = history(desk, EXITS)
    assert 3 == entries.unknown
    assert len(SYMBOLS) * (LIVED - LONGEST) - 3 == len(entries.signs)


def test_positions_are_known_when_the_longest_hold_has_passed(desk):
    positions = history(desk, SIZES)
    assert list(range(LIVED - 3)) == numbers(desk, positions)
    assert {0.1, 0.5} == set(positions.sizes)
    assert (positions.sessions + 3 == positions.ends).all()
