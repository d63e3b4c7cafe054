"""Where the store is, who may use it at the same time, and what it says when it cannot be used."""

import subprocess
import sys
import threading

import pytest
from sqlalchemy import func, select, text

from store import engines
from store.errors import StoreBusy, StoreOutdated, StoreUnavailable
from store.store import Store
from store.tables import inbox


def seen(*names):
    return [{"worker": "w", "source": "s", "event_id": name, "recorded_at": 1} for name in names]


def rows_of(store):
    with store.read() as reading:
        return reading.execute(select(func.count()).select_from(inbox)).scalar_one()


def start(program, *arguments):
    """Run ``program`` in a process of its own; its standard output is read line by line."""
    return subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


@pytest.fixture
def url(stores):
    """Where nothing at all has been made yet."""
    return stores.bare()


@pytest.fixture
def open_store(stores, url):
    """Opens the same store as often as asked."""
    return lambda: stores.opened(url, lambda: 1)


def test_remembers_when_it_is_opened_again(open_store):
    first = open_store()
    first.migrate()
    with first.begin() as work:
        work.insert(inbox, seen("a"))
        work.commit()
    first.close()

    assert 1 == rows_of(open_store())


@pytest.mark.parametrize("url", ["learning.db", "mysql://host/learning", "postgresql+psycopg2://host/learning"])
def test_refuses_what_is_not_a_url_of_its_kind_and_shows_the_right_form(url):
    with pytest.raises(StoreUnavailable, match="the right form is sqlite:///PATH or postgresql://"):
        Store.open(url, clock=lambda: 1)


def test_says_what_to_run_when_the_schema_is_missing(open_store):
    store = open_store()

    with pytest.raises(StoreOutdated, match="learning db upgrade"):
        store.check()
    with pytest.raises(StoreOutdated, match="learning db upgrade"):
        rows_of(store)


def test_refuses_the_schema_of_newer_code(open_store):
    store = open_store()
    store.migrate()
    store.check()
    with store.begin() as work:
        work.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        work.commit()

    with pytest.raises(StoreOutdated, match="9999"):
        store.check()
    with pytest.raises(StoreOutdated, match="9999"):
        store.migrate()


def test_migrating_again_changes_nothing(open_store):
    store = open_store()
    store.migrate()
    with store.begin() as work:
        work.take(5)
        work.commit()
    store.migrate()

    with store.begin() as work:
        assert 6 == work.take(1)


def test_a_writer_that_waits_too_long_is_told_and_may_try_again(open_store, monkeypatch):
    monkeypatch.setattr(engines, "PATIENCE_SECONDS", 0.05)
    first, second = open_store(), open_store()
    first.migrate()
    with first.begin() as work:
        assert 1 == work.take(1)
        with pytest.raises(StoreBusy, match="another writer"), second.begin() as other:
            other.take(1)
        assert 0 == rows_of(second)
        work.insert(inbox, seen("first"))
        work.commit()

    with second.begin() as work:
        assert 2 == work.take(1)
        assert [False, True] == work.insert(inbox, seen("first", "second"))


def test_turns_of_many_threads_follow_one_another(open_store):
    store = open_store()
    store.migrate()
    taken = []

    def turn():
        for _ in range(20):
            with store.begin() as work:
                first = work.take(10)
                work.insert(inbox, seen(*(f"{first + place}" for place in range(10))))
                work.commit()
            taken.append(first)

    threads = [threading.Thread(target=turn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(range(1, 801, 10)) == sorted(taken)
    assert 800 == rows_of(store)


MIGRATE = """
import sys
from store.store import Store
print("ready", flush=True)
sys.stdin.read()
store = Store.open(sys.argv[1], clock=lambda: 1)
store.migrate()
store.check()
with store.begin() as work:
    print(work.take(1))
    work.commit()
"""


def test_processes_that_start_together_may_all_migrate(open_store, url):
    command = [sys.executable, "-c", MIGRATE, url]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert ["ready\n"] * 2 == [process.stdout.readline() for process in started]
    for process in started:
        process.stdin.close()

    assert [1, 2] == sorted(int(process.stdout.read()) for process in started)
    assert [0, 0] == [process.wait() for process in started]
    open_store().check()


KILLED = """
import sys, time
from store.store import Store
from store.tables import inbox
store = Store.open(sys.argv[1], clock=lambda: 1)
with store.begin() as work:
    work.insert(inbox, [{"worker": "w", "source": "s", "event_id": "kept", "recorded_at": 1}])
    work.commit()
with store.begin() as work:
    first = work.take(20_000)
    names = ["so long that the pages leave the cache for the file" * 10 + str(first + i) for i in range(20_000)]
    rows = [{"worker": "w", "source": "s", "event_id": name, "recorded_at": 1} for name in names]
    work.insert(inbox, rows)
    print("written", flush=True)
    time.sleep(600)
"""


def test_a_writer_that_is_killed_in_its_turn_leaves_nothing_half_done_and_nobody_waiting(open_store, url):
    store = open_store()
    store.migrate()
    writer = start(KILLED, url)
    assert "written\n" == writer.stdout.readline()
    writer.kill()
    writer.wait()
    writer.stdout.close()

    assert 1 == rows_of(store)
    with store.begin() as work:
        assert 1 == work.take(1)
        work.commit()
    if url.startswith("sqlite"):
        with store.read() as reading:
            assert "ok" == reading.exec_driver_sql("PRAGMA integrity_check").scalar()
