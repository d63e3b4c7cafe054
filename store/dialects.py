"""What differs between SQLite and PostgreSQL: one function a need, the dialects side by side inside it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

from store.errors import StoreRefused

Insert = sqlite.Insert | postgresql.Insert
Row = Mapping[str, Any]

_INSERTS: Mapping[str, Callable[[Table], Insert]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def insert_into(table: Table, dialect: Dialect) -> Insert:
    """An INSERT that knows ON CONFLICT, of the given database."""
    return _INSERTS[dialect.name](table)


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> list[bool]:
    """Insert the rows that break no unique key, and say of each whether it was new.

    Plain values only (int, float, str, bytes, None), the same columns in every row. Of two equal rows in one
    call the first is new. One executemany when all are new; only a batch with repeats goes row by row.

    Raises:
        StoreRefused: rows with different columns, or an integer beyond 64 bits.
    """
    if not rows:
        return []
    statement, values_of = _inserting(connection.dialect, table, _columns(table, rows))
    values = [values_of(row) for row in rows]
    with _cursor(connection, table) as cursor:
        cursor.execute("SAVEPOINT batch")
        cursor.executemany(statement, values)
        if cursor.rowcount == len(values):
            return [True] * len(values)
        cursor.execute("ROLLBACK TO SAVEPOINT batch")
        return [_executed(cursor, statement, value) for value in values]


def add_up(connection: Connection, table: Table, rows: Sequence[Row], *, sums: tuple[str, ...]) -> None:
    """Insert the rows whose primary key is not there yet; onto the others add the columns ``sums``.

    Raises:
        StoreRefused: rows with different columns, or an integer beyond 64 bits.
    """
    if not rows:
        return
    statement, values_of = _adding(connection.dialect, table, _columns(table, rows), sums)
    with _cursor(connection, table) as cursor:
        cursor.executemany(statement, [values_of(row) for row in rows])


def _columns(table: Table, rows: Sequence[Row]) -> tuple[str, ...]:
    columns = tuple(rows[0])
    if any(len(row) != len(columns) for row in rows):
        raise StoreRefused(f"rows for {table.name} must all have the columns {list(columns)}")
    return columns


@contextmanager
def _cursor(connection: Connection, table: Table) -> Iterator[Any]:
    """The driver's own cursor, within the connection's transaction."""
    cursor = connection.connection.cursor()
    try:
        yield cursor
    except OverflowError as error:
        raise StoreRefused(f"a row for {table.name} holds an integer beyond 64 bits") from error
    finally:
        cursor.close()


def _executed(cursor: Any, statement: str, values: tuple[Any, ...]) -> bool:
    cursor.execute(statement, values)
    return bool(cursor.rowcount == 1)


Compiled = tuple[str, Callable[[Row], tuple[Any, ...]]]
"""A statement in the driver's own form, and what puts a row in its order."""


@lru_cache(maxsize=512)
def _inserting(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> Compiled:
    return _compiled(insert_into(table, dialect).on_conflict_do_nothing(), dialect, columns)


@lru_cache(maxsize=512)
def _adding(dialect: Dialect, table: Table, columns: tuple[str, ...], sums: tuple[str, ...]) -> Compiled:
    insert = insert_into(table, dialect)
    added = {name: table.c[name] + insert.excluded[name] for name in sums}
    return _compiled(insert.on_conflict_do_update(index_elements=table.primary_key, set_=added), dialect, columns)


def _compiled(statement: Insert, dialect: Dialect, columns: tuple[str, ...]) -> Compiled:
    compiled = statement.compile(dialect=dialect, column_keys=list(columns))
    order = [str(name) for name in compiled.positiontup or columns]
    return str(compiled), _picker(order)


def _picker(order: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    if len(order) == 1:
        return lambda row: (row[order[0]],)
    return itemgetter(*order)
