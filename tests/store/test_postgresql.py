"""What only a store in PostgreSQL has: a server that may go away, a schema among others, roles, and its own order."""

import builtins
import os
import socket
import sys
import threading
import time

import psycopg
import pytest
from sqlalchemy import insert, select, text

from schemas.version import Version
from store.audit import Audit
from store.errors import StoreBusy, StoreOutdated, StoreRefused, StoreUnavailable
from store.store import Store
from store.tables import counters, inbox, instruments, listings
from store.versions import Versions
from tests import postgresql
from tests.faults.wire import Wire


@pytest.fixture
def stores(postgresql_stores):
    """One of the two databases."""
    return postgresql_stores


def seen(*names):
    return [{"worker": "w", "source": "s", "event_id": name, "recorded_at": 1} for name in names]


def names_of(store):
    with store.read() as reading:
        return list(reading.execute(select(inbox.c.event_id).order_by(inbox.c.event_id)).scalars())


def test_text_is_in_the_order_of_its_bytes_as_in_sqlite(store, sqlite_store):
    names = ["a", "B", "é", "Z", "_", "a b", "a-b", "ä", "10", "9", "\N{GRINNING FACE}", "\uffee"]
    for each in (store, sqlite_store):
        with each.begin() as work:
            work.insert(inbox, seen(*names))
            work.commit()

    assert sorted(names) == names_of(store) == names_of(sqlite_store)


def test_a_row_that_is_there_already_is_refused_where_nobody_said_that_it_may_be(store):
    with pytest.raises(StoreRefused, match="duplicate key"), store.begin() as work:
        work.connection.execute(insert(inbox), [*seen("a"), *seen("a")])


def test_a_row_that_refers_to_nothing_is_refused(store):
    with pytest.raises(StoreRefused, match="foreign key"), store.begin() as work:
        row = {"strategy": "main", "venue": "", "symbol": "X", "since": 0, "instrument": 7, "because": "first"}
        work.insert(listings, [row])


def test_text_that_it_cannot_hold_is_refused(store):
    with pytest.raises(StoreRefused, match="NUL"), store.begin() as work:
        work.insert(inbox, seen("nothing\0more"))


def test_two_that_wait_for_each_other_are_told_so_and_one_of_them_goes_on(store):
    with store.begin() as work:
        work.insert(counters, [{"name": "a", "value": 0}, {"name": "b", "value": 0}])
        work.commit()
    together = threading.Barrier(2)
    ends = []

    def move(first, second):
        try:
            with store.begin() as work:
                for name in (first, second):
                    work.connection.execute(counters.update().where(counters.c.name == name).values(value=1))
                    if name == first:
                        together.wait(10)
                work.commit()
            ends.append("kept")
        except StoreBusy as busy:
            ends.append("busy" if "deadlock" in str(busy) else str(busy))

    threads = [threading.Thread(target=move, args=names) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ["busy", "kept"] == sorted(ends)


def test_a_reader_sees_one_state_and_is_refused_to_write(store):
    with store.read() as reading:
        assert [] == list(reading.execute(select(inbox.c.event_id)).scalars())
        with store.begin() as work:
            work.insert(inbox, seen("a"))
            work.commit()
        assert [] == list(reading.execute(select(inbox.c.event_id)).scalars())
    with pytest.raises(StoreUnavailable, match="read-only"), store.read() as reading:
        reading.execute(insert(inbox), seen("b"))

    assert ["a"] == names_of(store)


def version(number, **values):
    more = {"previous": None, "session": "2024-01-02", "regime": "all", "registry": "hash", "allocations": []}
    return Version(strategy="main", epoch=1, number=number, values={"weight": 0.25, **values}, **more)


def test_of_two_that_write_the_same_version_at_once_the_second_is_told_to_do_it_again(store):
    ends = []

    def second():
        try:
            with store.begin() as work:
                Versions(work.connection).add(version(1, weight=0.5), proposal_id=None, now=1)
                work.commit()
        except StoreBusy as busy:
            ends.append(str(busy))

    with store.begin() as work:
        Versions(work.connection).add(version(1), proposal_id=None, now=1)
        thread = threading.Thread(target=second)
        thread.start()
        wait_until_somebody_waits(work.connection)
        work.commit()
    thread.join()

    assert ["version 1-1 of 'main' was written by another gate; repeat the turn"] == ends
    with store.read() as reading:
        assert version(1) == Versions(reading).latest("main")


def wait_until_somebody_waits(connection):
    deadline = time.monotonic() + 30
    while not connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
        assert time.monotonic() < deadline


def test_rows_get_numbers_of_their_own(store):
    with store.begin() as work:
        made = insert(instruments).returning(instruments.c.id)
        rows = [{"strategy": "main", "venue": "", "symbol": symbol, "currency": None} for symbol in "XY"]
        assert 2 == len(set(work.connection.execute(made, rows).scalars()))
        assert [] == Audit(work.connection).history("main")


def test_its_tables_lie_in_a_schema_of_their_own(store):
    with store.read() as reading:
        places = reading.execute(
            text("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('inbox', 'alembic_version')")
        )
        assert ["learning"] == list(places.scalars())
        settings = ("search_path", "TimeZone", "application_name", "lock_timeout", "transaction_isolation")
        assert ["learning", "UTC", "learning", "5s", "repeatable read"] == [
            reading.exec_driver_sql(f"SHOW {name}").scalar() for name in settings
        ]


def test_a_role_that_may_not_make_schemas_migrates_in_the_one_that_it_was_given(stores):
    url = stores.bare()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS lesser")
        owner.execute("CREATE ROLE lesser LOGIN")
    lesser = stores.opened(url.replace("learning@", "lesser@", 1), lambda: 1)
    with pytest.raises(StoreUnavailable, match="permission denied"):
        lesser.migrate()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("CREATE SCHEMA learning AUTHORIZATION lesser")

    lesser.migrate()
    lesser.check()


def test_both_forms_of_its_address_are_taken_and_no_password_is_shown():
    for url in ("postgres://me:hush@host:5/db", "postgresql://me@host:5/db?password=hush", "postgresql://me:hush@h/d"):
        store = Store.open(url, clock=lambda: 1)
        assert store.place.startswith("postgresql://me")
        assert "hush" not in store.place
        store.close()


def test_a_server_that_does_not_answer_is_said_to_be_unavailable_without_the_password():
    store = Store.open("postgresql://me:hush@127.0.0.1:1/db", clock=lambda: 1)
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1") as refused, store.read():
        pass
    assert "hush" not in str(refused.value)


def test_says_what_to_install_where_its_driver_is_missing(monkeypatch):
    real = builtins.__import__

    def without_psycopg(name, *rest, **named):
        if name.partition(".")[0] == "psycopg":
            raise ModuleNotFoundError("No module named 'psycopg'")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_psycopg)
    with pytest.raises(StoreUnavailable, match=r"pip install 'learning-engine\[postgresql\]'"):
        Store.open("postgresql://host/db", clock=lambda: 1)


server = pytest.fixture(postgresql.own)


def test_a_server_that_was_away_is_used_again_without_a_failed_turn(server):
    store = Store.open(server.create(), clock=lambda: 1)
    store.migrate()
    with pytest.raises(StoreUnavailable), store.begin() as work:
        work.insert(inbox, seen("lost"))
        server.stop()
        work.commit()
    with pytest.raises(StoreUnavailable), store.read():
        pass
    server.start()

    with store.begin() as work:
        work.insert(inbox, seen("kept"))
        work.commit()
    server.stop()
    server.start()
    assert ["kept"] == names_of(store)
    store.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other options, or none")
def test_a_machine_that_falls_silent_is_given_up_after_half_a_minute(server):
    wire = Wire(server.socket)
    database = server.create().partition("?")[0].rpartition("/")[2]
    store = Store.open(f"postgresql://{postgresql.USER}@127.0.0.1:{wire.port}/{database}", clock=lambda: 1)
    with store.read() as reading, socket.socket(fileno=os.dup(reading.connection.dbapi_connection.fileno())) as end:
        idle, interval, count = (
            end.getsockopt(socket.IPPROTO_TCP, name)
            for name in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert 30 == idle + interval * count
        assert 30_000 == end.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    store.close()
    wire.close()


def test_an_empty_database_has_no_schema_yet(stores):
    store = stores.opened(stores.bare(), lambda: 1)
    with pytest.raises(StoreOutdated, match="has schema none"):
        store.check()
