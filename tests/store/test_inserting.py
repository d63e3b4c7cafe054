"""Many rows go in as few do, and the same way in both databases, whatever they hold."""

import threading
import time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, UniqueConstraint, select, text

from store import dialects
from store.errors import StoreRefused
from store.outbox import Outbox
from store.tables import BLOB, INTEGER, REAL, TEXT, inbox, listings
from tests import lengths

MANY = dialects.COPIED_FROM

THINGS = Table(
    "things",
    MetaData(),
    Column("number", INTEGER, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("group", TEXT),
    Column("count", INTEGER),
    Column("share", REAL),
    Column("body", BLOB),
    UniqueConstraint("name", "group"),
    sqlite_strict=True,
)
"""Made and undone within one turn; its number comes by itself."""


@pytest.fixture
def postgresql_store(postgresql_stores):
    """An empty store in PostgreSQL."""
    return postgresql_stores.fresh(lambda: 1)


texts = st.one_of(
    st.sampled_from(
        ["", "a", "\\N", "\\.", "\t", "\n", "\r\n", "\\", "a\tb\\tc", "\b\f\v", "'", '"', "%s", "null", "é🙂"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)
things = st.fixed_dictionaries(
    {
        "name": texts,
        "group": st.none() | texts,
        "count": st.none() | st.integers(-(2**63), 2**63 - 1),
        "share": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "body": st.none() | st.binary(max_size=8),
    }
)


def seen(count, first=0):
    return [
        {"worker": "w", "source": "s", "event_id": f"{number:06}", "recorded_at": number}
        for number in range(first, first + count)
    ]


def kept(store, rows):
    """What is said of the rows, some of them inserted before, and what is then in the table."""
    with store.begin() as work:
        THINGS.create(work.connection)
        said = [work.insert(THINGS, rows[: len(rows) // 2]), work.insert(THINGS, rows)]
        columns = [column for column in THINGS.c if column.name != "number"]
        found = work.connection.execute(select(*columns).order_by(THINGS.c.number)).all()
    return said, [tuple(row) for row in found]


@lengths.examples(60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(things, min_size=2, max_size=12))
def test_both_databases_say_the_same_of_the_same_rows_and_keep_the_same(
    rows, sqlite_store, postgresql_store, monkeypatch
):
    monkeypatch.setattr(dialects, "COPIED_FROM", 1)
    said, found = both = kept(sqlite_store, rows)
    assert kept(postgresql_store, rows) == both
    assert sum(map(sum, said)) == len(found)


def test_of_many_rows_too_each_is_said_to_be_new_or_not(store):
    with store.begin() as work:
        assert [True] * MANY == work.insert(inbox, seen(MANY))
        assert [False] * 2 + [True] * (MANY - 2) == work.insert(inbox, seen(MANY, first=MANY - 2))
        assert [True] * MANY + [False] == work.insert(inbox, [*seen(MANY, 5_000), *seen(1, 5_000)])
        assert [False] * MANY == work.insert(inbox, seen(MANY))
        work.commit()

    with store.read() as reading:
        assert [*range(2 * MANY - 2), *range(5_000, 5_000 + MANY)] == list(
            reading.execute(select(inbox.c.recorded_at).order_by(inbox.c.event_id)).scalars()
        )


def test_many_letters_get_their_numbers_in_their_order(store):
    bodies = [b"%d\t\\x\0\n" % number for number in range(MANY)]
    with store.begin() as work:
        Outbox(work.connection).add_all("thompson", "insight.published", bodies, now=1)
        Outbox(work.connection).add("thompson", "insight.published", b"last", now=1)
        work.commit()

    with store.read() as reading:
        letters = Outbox(reading).waiting("thompson", 2 * MANY)
    assert [*bodies, b"last"] == [letter.body for letter in letters]
    assert [*range(1, MANY + 2)] == [letter.id for letter in letters]


@pytest.mark.parametrize("bad", [{"event_id": None}, {"recorded_at": "soon"}, {"recorded_at": 2**63}])
@pytest.mark.parametrize("first", [0, 1], ids=["all new", "one is there"])
def test_one_bad_row_among_many_is_refused_and_nothing_of_its_turn_is_kept(store, bad, first):
    with store.begin() as work:
        work.insert(inbox, seen(1))
        work.commit()
    rows = seen(MANY, first)
    with pytest.raises(StoreRefused), store.begin() as work:
        work.insert(inbox, [*rows[:-1], rows[-1] | bad])
        work.commit()

    with store.read() as reading:
        assert ["000000"] == list(reading.execute(select(inbox.c.event_id)).scalars())


def test_text_that_postgresql_cannot_hold_is_refused_among_many_rows(postgresql_store):
    with pytest.raises(StoreRefused, match="NUL"), postgresql_store.begin() as work:
        work.insert(inbox, [*seen(MANY), seen(1)[0] | {"event_id": "nothing\0more"}])


def test_many_rows_of_which_one_refers_to_nothing_are_refused(store):
    row = {"strategy": "main", "venue": "", "since": 0, "instrument": 7, "because": "first"}
    with pytest.raises(StoreRefused, match=r"foreign key|FOREIGN KEY"), store.begin() as work:
        work.insert(listings, [row | {"symbol": f"S{number}"} for number in range(MANY)])
        work.commit()


def test_of_two_that_insert_the_same_rows_at_once_the_second_finds_them_there(postgresql_store):
    said = []

    def second():
        with postgresql_store.begin() as work:
            said.append(work.insert(inbox, seen(MANY)))
            work.commit()

    with postgresql_store.begin() as work:
        assert [True] * MANY == work.insert(inbox, seen(MANY))
        thread = threading.Thread(target=second)
        thread.start()
        wait_until_somebody_waits(work.connection)
        work.commit()
    thread.join()

    assert [[False] * MANY] == said


def wait_until_somebody_waits(connection):
    deadline = time.monotonic() + 30
    while not connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
        assert time.monotonic() < deadline
