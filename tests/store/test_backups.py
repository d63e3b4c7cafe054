"""A backup holds everything; what is restored from it is the store as it was, in a new epoch, or nothing happens."""

import sqlite3
from itertools import count

import pytest
from sqlalchemy import func, select, text

from store import dumps
from store.backups import back_up, restore
from store.epochs import latest_epoch
from store.errors import StoreBusy, StoreOutdated, StoreRefused, StoreUnavailable
from store.tables import audit, counters, dead_letters, inbox, instruments, metadata, versions
from tests.conftest import NOW


def clock():
    return NOW


def rows_of(store):
    """Every row of every table, but for the epoch."""
    with store.read() as reading:
        return {
            name: sorted(map(repr, reading.execute(select(table)).all()))
            for name, table in metadata.tables.items()
            if name != "counters"
        }


def epoch_of(store):
    with store.read() as reading:
        return latest_epoch(reading)


def fill(store):
    """Rows with whatever a value may hold."""
    odd = "tab\t, line\nbreak\r, back\\slash, \\N, \\., 'quotes', \N{GRINNING FACE}, ;\n"
    with store.begin() as work:
        first = work.take(3)
        seen = ["", " ", odd, "\\.", "last"]
        work.insert(inbox, [{"worker": "w", "source": "s", "event_id": one, "recorded_at": first} for one in seen])
        work.insert(instruments, [{"strategy": "main", "venue": "", "symbol": odd, "currency": None}])
        letter = {"worker": "w", "stream": "s", "entry": "1-0", "reason": odd, "body": bytes(range(256)), "size": 9}
        work.insert(dead_letters, [letter | {"attempts": 1, "recorded_at": 2**62}])
        work.commit()


@pytest.fixture
def filled(stores):
    store = stores.apart(clock)
    fill(store)
    return store


@pytest.fixture
def other(stores, filled):
    """A second store, which holds nothing."""
    return stores.apart(clock)


def test_what_is_restored_is_the_store_as_it_was_when_it_was_copied(filled, other, tmp_path):
    file = tmp_path / "copy"
    back_up(filled.place, file)
    before = rows_of(filled)
    with filled.begin() as work:
        work.insert(inbox, [{"worker": "w", "source": "s", "event_id": "later", "recorded_at": 1}])
        work.commit()

    assert 2 == restore(other.place, file, clock=clock, replace=False, above=0)
    assert before == rows_of(other)
    assert 2 == epoch_of(other)
    other.check()
    with other.begin() as work:
        assert 4 == work.take(1)
        made = instruments.insert().returning(instruments.c.id)
        [number] = work.connection.execute(
            made, [{"strategy": "main", "venue": "", "symbol": "new", "currency": None}]
        ).scalars()
        assert number not in list(work.connection.execute(select(instruments.c.id).limit(1)).scalars())
    assert [file] == list(tmp_path.glob("copy*"))


def test_a_copy_is_whole_while_others_write(filled, other, tmp_path):
    with filled.begin() as work:
        work.insert(inbox, [{"worker": "w", "source": "s", "event_id": "not yet", "recorded_at": 1}])
        back_up(filled.place, tmp_path / "copy")
        work.commit()

    restore(other.place, tmp_path / "copy", clock=clock, replace=False, above=0)
    with other.read() as reading:
        assert 5 == reading.execute(select(func.count()).select_from(inbox)).scalar_one()


def test_a_file_that_is_there_already_is_left_as_it_is(filled, tmp_path):
    (tmp_path / "copy").write_text("precious")

    with pytest.raises(StoreRefused, match="copy is there already; name another file"):
        back_up(filled.place, tmp_path / "copy")
    assert "precious" == (tmp_path / "copy").read_text()


def test_what_is_in_the_store_is_replaced_only_where_that_was_said(filled, other, tmp_path):
    back_up(filled.place, tmp_path / "copy")
    with other.begin() as work:
        work.take(1)
        work.commit()

    with pytest.raises(StoreRefused, match=r"holds something already.*--replace"):
        restore(other.place, tmp_path / "copy", clock=clock, replace=False, above=0)
    assert [] == rows_of(other)["inbox"]
    other.close()
    restore(other.place, tmp_path / "copy", clock=clock, replace=True, above=0)
    assert rows_of(filled) == rows_of(other)


def test_a_place_where_nothing_was_made_yet_becomes_the_store(filled, stores, tmp_path):
    back_up(filled.place, tmp_path / "copy")
    bare = stores.bare()

    restore(bare, tmp_path / "copy", clock=clock, replace=False, above=0)
    assert rows_of(filled) == rows_of(stores.opened(bare, clock))


numbers = count(1)


def put_version(store, epoch):
    row = {"strategy": "main", "number": next(numbers), "session": "2024-01-02", "regime": "all", "registry": "r"}
    with store.begin() as work:
        work.insert(versions, [row | {"epoch": epoch, "checksum": "c", "recorded_at": 1, "body": "{}"}])
        work.commit()


@pytest.mark.parametrize(("copied", "replaced", "above", "begun"), [(3, 1, 0, 4), (1, 5, 0, 6), (1, 1, 8, 9)])
def test_the_new_epoch_is_later_than_any_that_is_known(filled, other, tmp_path, copied, replaced, above, begun):
    put_version(filled, copied)
    put_version(other, replaced)
    back_up(filled.place, tmp_path / "copy")
    other.close()

    assert begun == restore(other.place, tmp_path / "copy", clock=clock, replace=True, above=above)
    assert begun == epoch_of(other)
    other.close()
    assert begun + 1 == restore(other.place, tmp_path / "copy", clock=clock, replace=True, above=0)


@pytest.mark.parametrize("content", [b"", b"these are notes", None], ids=["empty", "something else", "not there"])
def test_what_is_no_backup_is_refused_and_nothing_is_touched(filled, tmp_path, content):
    if content is not None:
        (tmp_path / "copy").write_bytes(content)
    before = rows_of(filled)
    filled.close()

    with pytest.raises(StoreRefused, match=r"copy (is no backup|cannot be read)"):
        restore(filled.place, tmp_path / "copy", clock=clock, replace=True, above=0)
    assert before == rows_of(filled)


def test_half_a_backup_is_refused_and_nothing_is_touched(filled, tmp_path):
    with filled.begin() as work:
        rows = [
            {"worker": "w", "source": f"s{number}", "event_id": "e" * 100, "recorded_at": 1} for number in range(9_999)
        ]
        work.insert(inbox, rows)
        work.commit()
    back_up(filled.place, tmp_path / "copy")
    whole = (tmp_path / "copy").read_bytes()
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    before = rows_of(filled)
    filled.close()

    with pytest.raises(StoreUnavailable):
        restore(filled.place, tmp_path / "half", clock=clock, replace=True, above=0)
    assert before == rows_of(filled)
    assert 1 == epoch_of(filled)


def test_a_backup_of_newer_code_is_refused_and_nothing_is_touched(stores, other, tmp_path):
    newer = stores.opened(stores.bare(), clock)
    newer.migrate()
    with newer.begin() as work:
        work.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        work.commit()
    back_up(newer.place, tmp_path / "copy")
    fill(other)
    before = rows_of(other)
    other.close()

    with pytest.raises(StoreOutdated, match="9999"):
        restore(other.place, tmp_path / "copy", clock=clock, replace=True, above=0)
    assert before == rows_of(other)


def test_numbers_go_on_behind_those_that_were_given(filled, other, tmp_path):
    row = {"strategy": "main", "version": "1-1", "name": "n", "new": "1", "reason": "r", "by": "b", "time": 1}
    with filled.begin() as work:
        work.insert(audit, [row, row])
        work.commit()
    back_up(filled.place, tmp_path / "copy")
    restore(other.place, tmp_path / "copy", clock=clock, replace=False, above=0)

    with other.begin() as work:
        work.insert(audit, [row])
        assert 3 == work.connection.execute(select(func.count(audit.c.id.distinct()))).scalar_one()


def test_a_store_of_sqlite_that_somebody_has_open_is_not_exchanged(sqlite_stores, tmp_path):
    store = sqlite_stores.apart(clock)
    back_up(store.place, tmp_path / "copy")
    fill(store)
    with store.read() as reading:
        reading.execute(select(counters)).all()
        with pytest.raises(StoreBusy, match="stop the engine"):
            restore(store.place, tmp_path / "copy", clock=clock, replace=True, above=0)
        assert reading.execute(select(inbox)).first()


def test_a_damaged_store_of_sqlite_is_replaced_where_that_was_said(sqlite_stores, tmp_path):
    store = sqlite_stores.apart(clock)
    fill(store)
    back_up(store.place, tmp_path / "copy")
    damaged = tmp_path / "damaged.db"
    damaged.write_text("these are notes, and not a database at all\n" * 100)

    with pytest.raises(StoreRefused, match="--replace"):
        restore(f"sqlite:///{damaged}", tmp_path / "copy", clock=clock, replace=False, above=0)
    restore(f"sqlite:///{damaged}", tmp_path / "copy", clock=clock, replace=True, above=0)
    assert rows_of(store) == rows_of(sqlite_stores.opened(f"sqlite:///{damaged}", clock))


def test_a_backup_of_sqlite_opens_as_it_is(sqlite_stores, tmp_path):
    store = sqlite_stores.apart(clock)
    fill(store)
    back_up(store.place, tmp_path / "copy.db")
    (tmp_path / "copy.db").chmod(0o400)
    connection = sqlite3.connect(f"file:{tmp_path}/copy.db?immutable=1", uri=True)
    assert (5,) == connection.execute("SELECT count(*) FROM inbox").fetchone()
    connection.close()


def test_a_store_in_memory_is_not_copied(tmp_path):
    with pytest.raises(StoreRefused, match="LEARNING_STORE_URL"):
        back_up("sqlite://", tmp_path / "copy")


def test_says_what_to_install_where_there_is_no_pg_dump(postgresql_stores, tmp_path, monkeypatch):
    store = postgresql_stores.fresh(clock)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(dumps, "find_spec", lambda name: None)
    monkeypatch.setattr(dumps.sys, "prefix", "/nowhere")
    with pytest.raises(StoreUnavailable, match=r"pg_dump was not found.*postgresql-client"):
        back_up(store.place, tmp_path / "copy")


def test_says_what_pg_dump_says(tmp_path):
    with pytest.raises(StoreUnavailable, match="pg_dump could not write") as said:
        back_up("postgresql://me:hush@127.0.0.1:1/db", tmp_path / "copy")
    assert "hush" not in str(said.value)
    assert [] == list(tmp_path.iterdir())
