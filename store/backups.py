"""Whole copies of a store in a file, and what a store becomes again from one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, inspect, make_url, select

from store.dumps import dump, load
from store.engines import POSTGRESQL
from store.epochs import begin_epoch, latest_epoch
from store.errors import StoreBusy, StoreOutdated, StoreRefused, StoreUnavailable
from store.migrations import upgrade
from store.store import Clock, Store
from store.tables import counters, metadata

SQLITE, DUMP = b"SQLite format 3\0", b"PGDMP"
"""What a backup of each of the two databases begins with."""


def back_up(url: str, file: Path) -> None:
    """Write the store at ``url`` as it is now into ``file``. It is whole, while everything runs.

    Raises:
        StoreRefused: the file is there already, or the store lives in memory.
        StoreUnavailable: the store cannot be read, the file not written, or pg_dump is missing.
    """
    if file.exists():
        raise StoreRefused(f"{file} is there already; name another file, or remove that one")
    place = make_url(url)
    with _beside(file) as copy:
        if place.drivername in POSTGRESQL:
            dump(place, copy)
        else:
            _copy(_database(place), copy)
        copy.replace(file)


def restore(url: str, file: Path, *, clock: Clock, replace: bool, above: int) -> int:
    """Make the store at ``url`` what ``file`` holds, at the newest schema; all of it happens or nothing.

    It begins an epoch that is later than any in the backup, in the store that is replaced, and than ``above``.
    The number of that is returned.

    Raises:
        StoreRefused: the file is no backup of this kind of store, or there is something in the store, and
            ``replace`` was not said.
        StoreBusy: somebody has the store open.
        StoreOutdated: the backup is of newer code.
        StoreUnavailable: the store cannot be written, or pg_restore is missing.
    """
    place = make_url(url)
    _check(file, place)
    store = Store.open(url, clock=clock)
    try:
        above = max(above, _epoch_before(store, replace=replace))
        store.close()
        if place.drivername in POSTGRESQL:
            return _load(store, file, above=above)
        return _exchange(_database(place), file, clock=clock, above=above)
    finally:
        store.close()


def _check(file: Path, place: URL) -> None:
    try:
        with file.open("rb") as opened:
            beginning = opened.read(len(SQLITE))
    except OSError as error:
        raise StoreRefused(f"{file} cannot be read: {error.strerror}") from error
    wanted = DUMP if place.drivername in POSTGRESQL else SQLITE
    if not beginning.startswith(wanted):
        raise StoreRefused(
            f"{file} is no backup of a store in {place.get_backend_name()}, made by `learning db backup`"
        )


def _epoch_before(store: Store, *, replace: bool) -> int:
    """The epoch of what is replaced, 0 where nobody can tell; refused where it may not be replaced."""
    try:
        with store.read() as reading:
            if is_empty(reading):
                return 0
            if replace:
                return latest_epoch(reading)
    except (StoreOutdated, StoreUnavailable) as error:
        if replace:
            return 0
        raise StoreRefused(f"{error}; to put the backup in its place, say --replace") from error
    raise StoreRefused(f"{store.place} holds something already; to put the backup in its place, say --replace")


def is_empty(connection: Connection) -> bool:
    """Whether nothing was ever put into the store. Its schema need not be the newest, nor be there."""
    there = set(inspect(connection).get_table_names())
    if not there & metadata.tables.keys():
        return True
    beginning = select(counters.c.name).where(counters.c.value != 0)
    others = (select(1).select_from(table) for name, table in metadata.tables.items() if name in there - {"counters"})
    return all(connection.execute(chosen.limit(1)).first() is None for chosen in (beginning, *others))


def _load(store: Store, file: Path, *, above: int) -> int:
    with store.begin() as work:
        load(work.connection, file)
        upgrade(work.connection, place=store.place)
        begun = begin_epoch(work.connection, above=above)
        work.commit()
    return begun


def _exchange(database: Path, file: Path, *, clock: Clock, above: int) -> int:
    """A copy is brought up to date beside the store's file and then takes its name."""
    with _beside(database) as copy:
        _copy(file, copy)
        made = Store.open(f"sqlite:///{copy}", clock=clock)
        try:
            made.migrate()
            with made.begin() as work:
                begun = begin_epoch(work.connection, above=above)
                work.commit()
        finally:
            made.close()
        _let_go(copy)
        _let_go(database)
        copy.replace(database)
    return begun


def _copy(database: Path, copy: Path) -> None:
    """A copy by SQLite itself, which is whole whatever is written meanwhile."""
    try:
        with (
            closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
            [(found,)] = target.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{database} cannot be copied to {copy}: {error}") from error
    if found != "ok":
        raise StoreUnavailable(f"{database} is damaged: {found}")


def _let_go(database: Path) -> None:
    """Put what stands in the log beside a file into it, so that nothing but the file is left; nobody else may use it.

    What is no database of SQLite has no log that counts.
    """
    try:
        with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
            [(mode,)] = connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    except sqlite3.OperationalError as error:
        raise StoreBusy(f"{database} is used by others: {error}; stop the engine, and repeat") from error
    except sqlite3.DatabaseError:
        mode = "delete"
    if mode != "delete":
        raise StoreBusy(f"{database} is used by others; stop the engine, and repeat")
    for name in ("-wal", "-shm"):
        database.with_name(database.name + name).unlink(missing_ok=True)


def _database(place: URL) -> Path:
    if not place.database:
        raise StoreRefused("a store in memory has no file; name one with LEARNING_STORE_URL, as sqlite:///PATH")
    return Path(place.database)


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """A name beside ``file`` for what is not finished; whatever has it afterwards is removed."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        yield unfinished
    except OSError as error:
        raise StoreUnavailable(f"{file} cannot be written: {error.strerror}") from error
    finally:
        for name in ("", "-wal", "-shm", "-journal"):
            unfinished.with_name(unfinished.name + name).unlink(missing_ok=True)
