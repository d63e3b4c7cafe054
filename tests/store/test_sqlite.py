"""What only a store in SQLite has: a file in a folder, or nothing but memory."""

import sqlite3
import time

import pytest
from sqlalchemy import func, select

from store.errors import StoreUnavailable
from store.store import Store
from store.tables import inbox


@pytest.fixture
def store(tmp_path):
    """A store in folders that are not there yet."""
    opened = Store.open(f"sqlite:///{tmp_path}/deep/down/learning.db", clock=lambda: 1)
    yield opened
    opened.close()


def seen(name):
    return [{"worker": "w", "source": "s", "event_id": name, "recorded_at": 1}]


def test_creates_the_folder_of_its_file(store, tmp_path):
    store.migrate()

    assert (tmp_path / "deep" / "down" / "learning.db").exists()


def test_writes_ahead_of_the_file_and_watches_references(store):
    with store.read() as reading:
        assert ["wal", 1, 1] == [
            reading.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]


def test_a_new_file_that_another_process_is_writing_its_first_page_of_is_waited_for(tmp_path, monkeypatch):
    another = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    another.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(time, "sleep", lambda _seconds: another.rollback())
    store = Store.open(f"sqlite:///{tmp_path}/new.db", clock=lambda: 1)

    store.migrate()

    store.check()
    store.close()
    another.close()


def test_lives_in_memory_for_as_long_as_it_is_open():
    store = Store.open("sqlite://", clock=lambda: 1)
    store.migrate()
    with store.begin() as work:
        work.insert(inbox, seen("kept"))
        work.commit()
    with store.begin() as work:
        work.insert(inbox, seen("undone"))

    with store.read() as reading:
        assert 1 == reading.execute(select(func.count()).select_from(inbox)).scalar_one()
    store.close()


def test_says_so_when_its_folder_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(StoreUnavailable, match=r"file/learning\.db"):
        Store.open(f"sqlite:///{tmp_path}/file/learning.db", clock=lambda: 1)


def test_says_so_when_its_file_is_something_else(tmp_path):
    (tmp_path / "notes.db").write_text("these are notes, and not a database at all\n" * 100)
    store = Store.open(f"sqlite:///{tmp_path}/notes.db", clock=lambda: 1)

    with pytest.raises(StoreUnavailable, match="not a database"), store.read():
        pass
    store.close()
