"""A turn is kept together or not at all."""

import pytest
from sqlalchemy import func, select

from store.errors import StoreRefused
from store.inbox import Inbox
from store.tables import inbox, statistics

NOW = 1_700_000_000_000_000


def seen(*names):
    return [{"worker": "w", "source": "s", "event_id": name, "recorded_at": 1} for name in names]


def rows_of(store, table):
    with store.read() as reading:
        return reading.execute(select(func.count()).select_from(table)).scalar_one()


def test_keeps_everything_of_a_committed_turn(store):
    with store.begin() as work:
        work.insert(inbox, seen("a", "b"))
        work.commit()

    assert 2 == rows_of(store, inbox)


def test_undoes_everything_of_a_turn_that_was_left_without_commit(store):
    with store.begin() as work:
        work.insert(inbox, seen("a", "b"))
        work.take(7)

    with store.begin() as work:
        assert 1 == work.take(1)
    assert 0 == rows_of(store, inbox)


def test_undoes_everything_of_a_turn_that_failed(store):
    with pytest.raises(ZeroDivisionError), store.begin() as work:
        work.insert(inbox, seen("a"))
        raise ZeroDivisionError

    assert 0 == rows_of(store, inbox)


def test_refuses_to_go_on_after_the_commit(store):
    with store.begin() as work:
        work.commit()
        with pytest.raises(Exception, match="closed"):
            work.insert(inbox, seen("late"))

    assert 0 == rows_of(store, inbox)


def test_gives_every_row_of_a_turn_the_same_time(store):
    with store.begin() as work:
        assert NOW == work.now


def test_takes_consecutive_numbers_of_the_ingest_sequence(store):
    firsts = []
    for count in (1, 500, 3, 1):
        with store.begin() as work:
            firsts.append(work.take(count))
            work.commit()

    assert [1, 2, 502, 505] == firsts


def test_says_of_each_row_whether_it_was_new(store):
    with store.begin() as work:
        assert [True, True] == work.insert(inbox, seen("a", "b"))
        assert [False, True, False, False] == work.insert(inbox, seen("b", "c", "c", "a"))
        assert [False, False] == work.insert(inbox, seen("a", "c"))
        assert [] == work.insert(inbox, [])
        work.commit()

    assert 3 == rows_of(store, inbox)


def test_leaves_a_row_that_is_already_there_as_it_was(store):
    with store.begin() as work:
        work.insert(inbox, seen("a"))
        work.insert(inbox, [seen("a")[0] | {"recorded_at": 2}])
        work.commit()

    with store.read() as reading:
        assert [1] == list(reading.execute(select(inbox.c.recorded_at)).scalars())


@pytest.mark.parametrize("bad", [{"event_id": None}, {"recorded_at": "soon"}, {"recorded_at": 2**63}])
def test_refuses_a_row_of_the_wrong_kind_and_keeps_nothing_of_its_turn(store, bad):
    with pytest.raises(StoreRefused), store.begin() as work:
        work.insert(inbox, seen("good"))
        work.insert(inbox, [seen("bad")[0] | bad])
        work.commit()

    assert 0 == rows_of(store, inbox)


def test_refuses_rows_that_do_not_have_the_same_columns(store):
    with pytest.raises(StoreRefused, match="must all have the columns"), store.begin() as work:
        work.insert(inbox, [*seen("a"), seen("b")[0] | {"note": "?"}])


def test_cannot_write_while_reading(store):
    with pytest.raises(Exception, match="read"), store.read() as reading:
        Inbox(reading).new("w", [("s", "a")], 1)

    assert 0 == rows_of(store, inbox)


def test_writes_again_after_a_read(store):
    assert 0 == rows_of(store, statistics)
    with store.begin() as work:
        assert [True] == Inbox(work.connection).new("w", [("s", "a")], 1)
        work.commit()

    assert 1 == rows_of(store, inbox)


def test_sees_one_state_of_the_store_for_as_long_as_it_reads(store):
    with store.read() as reading:
        count = select(func.count()).select_from(inbox)
        before = reading.execute(count).scalar_one()
        with store.begin() as work:
            work.insert(inbox, seen("a"))
            work.commit()
        assert before == reading.execute(count).scalar_one()

    assert 1 == rows_of(store, inbox)
