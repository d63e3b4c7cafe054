"""The log of a SQLite file is emptied beside the transactions."""

import shutil
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from store.checkpoints import Checkpoints
from store.store import Store
from store.tables import inbox

ROWS = 6_000


@pytest.fixture
def file(tmp_path, migrated):
    return Path(shutil.copy(migrated, tmp_path))


@pytest.fixture
def store(file):
    opened = Store.open(f"sqlite:///{file}", clock=lambda: 0)
    yield opened
    opened.close()


def write(store, *numbers):
    for number in numbers:
        with store.begin() as work:
            rows = [
                {"worker": "w", "source": "s", "event_id": f"{number}/{row}", "recorded_at": 0} for row in range(ROWS)
            ]
            work.insert(inbox, rows)
            work.commit()


def others(before):
    return [thread.name for thread in threading.enumerate() if thread not in before]


def test_what_was_written_reaches_the_file_while_the_store_is_open(store, file):
    before = file.stat().st_size
    write(store, 0, 1, 2, 3)
    deadline = time.monotonic() + 10
    while file.stat().st_size == before:
        assert time.monotonic() < deadline, "nothing was written into the file"
        time.sleep(0.01)


def test_a_store_that_writes_little_has_no_thread_and_a_closed_one_neither(store):
    before = threading.enumerate()
    write(store, 0)
    assert [] == others(before)
    write(store, 1)
    assert ["checkpoints"] == others(before)
    store.close()
    assert [] == others(before)
    write(store, 2, 3)
    assert ["checkpoints"] == others(before)


def test_a_log_that_could_not_be_emptied_is_emptied_when_the_next_rows_come(file):
    tries = []

    def connect():
        tries.append(1)
        if len(tries) < 3:
            raise sqlite3.OperationalError("unable to open database file")
        return sqlite3.connect(file)

    with closing(sqlite3.connect(file)) as writing:
        writing.execute("PRAGMA wal_autocheckpoint = 0")
        writing.execute("CREATE TABLE more AS SELECT zeroblob(1000000)")
        size = file.stat().st_size
        checkpoints = Checkpoints(connect)
        for count in (1, 2, 3):
            checkpoints.changed(10_000)
            wait_until(lambda count=count: len(tries) == count)
        wait_until(lambda: file.stat().st_size > size)
        checkpoints.close()


def wait_until(happened):
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)
