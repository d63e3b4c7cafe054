"""What differs between SQLite and PostgreSQL: one function a need, the dialects side by side inside it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, CursorResult, Delete, Dialect, Select, Table, Update, bindparam, insert, update
from sqlalchemy.dialects import postgresql, sqlite

from store.errors import StoreRefused

Insert = sqlite.Insert | postgresql.Insert
Statement = Select[Any] | Insert | Update | Delete
Row = Mapping[str, Any]

_INSERTS: Mapping[str, Callable[[Table], Insert]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


COPIED_FROM = 500
"""From so many rows on PostgreSQL takes them in faster by COPY than by executemany."""


def insert_into(table: Table, dialect: Dialect) -> Insert:
    """An INSERT that knows ON CONFLICT, of the given database."""
    return _INSERTS[dialect.name](table)


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> list[bool]:
    """Insert the rows that break no unique key, and say of each whether it was new.

    Plain values only (int, float, str, bytes, None), the same columns in every row. Of two equal rows in one
    call the first is new. All at once when all are new; only a batch with repeats goes row by row.

    Raises:
        StoreRefused: rows with different columns, or an integer beyond 64 bits.
    """
    if not rows:
        return []
    dialect: Any = connection.dialect
    columns = _columns(table, rows)
    statement, values_of = _inserting(dialect, table, columns)
    values = [values_of(row) for row in rows]
    with _cursor(connection, table) as cursor:
        if len(values) == 1:
            return [_executed(cursor, statement, values[0])]
        cursor.execute("SAVEPOINT batch")
        if dialect.name == "postgresql" and len(values) >= COPIED_FROM:
            copying = _copying(dialect, table, columns)
            all_new = _copied(cursor, copying, map(_picker(columns), rows), taken=dialect.dbapi.errors.UniqueViolation)
        else:
            cursor.executemany(statement, values)
            all_new = cursor.rowcount == len(values)
        if all_new:
            found = [True] * len(values)
        else:
            cursor.execute("ROLLBACK TO SAVEPOINT batch")
            found = [_executed(cursor, statement, value) for value in values]
        cursor.execute("RELEASE SAVEPOINT batch")
        return found


def insert_rows(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows of which each is new, with the values of ``columns``, which are in the order of the table.

    Raises:
        StoreRefused: an integer beyond 64 bits.
    """
    if not rows:
        return
    assert [column.name for column in table.columns if column.name in columns] == list(columns), columns
    dialect: Any = connection.dialect
    with _cursor(connection, table) as cursor:
        if dialect.name == "postgresql" and len(rows) >= COPIED_FROM:
            with cursor.copy(_copying(dialect, table, columns)) as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            cursor.executemany(_adding_rows(dialect, table, columns), rows)


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


def replace_rows(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    *,
    key: tuple[str, ...],
    fixed: tuple[str, ...] = (),
) -> None:
    """Set ``columns`` of the rows that are there; each row has their values in that order, its ``key`` among them.

    What is ``fixed`` is left as it is, and so are indexes that have nothing else.

    Raises:
        StoreRefused: an integer beyond 64 bits.
    """
    if not rows:
        return
    statement, places = _replacing(connection.dialect, table, columns, key, fixed)
    values_of = itemgetter(*places)
    with _cursor(connection, table) as cursor:
        cursor.executemany(statement, [values_of(row) for row in rows])


def fetched(result: CursorResult[Any]) -> list[tuple[Any, ...]]:
    """All rows as the driver gives them, plain tuples of plain values; SQLAlchemy's own cost half as much again."""
    cursor: Any = result.cursor
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    result.close()
    return rows


def rows_of(connection: Connection, statement: Statement, **values: Any) -> list[tuple[Any, ...]]:
    """All rows that a ``statement`` finds with these ``values``, as the driver gives them: plain tuples.

    For one that is built once and asked often: it is compiled once, and SQLAlchemy's way to the driver, which takes
    ten times as long as a look at one row, is left out. A value that is a list, never empty, is for an ``expanding``
    parameter; it is filled up to one of few lengths with its last one again, so that few texts are compiled.
    """
    lists = {name: _filled_up(value) for name, value in values.items() if isinstance(value, list)}
    shape = tuple((name, len(lists.get(name, ()))) for name in values)
    text, places = _expanded_once(connection.dialect, statement, shape)
    given: list[Any] = []
    for name, fixed in places:
        if name in lists:
            given += lists[name]
        else:
            given.append(values.get(name, fixed))
    cursor: Any = connection.connection.cursor()
    try:
        cursor.execute(text, given)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    finally:
        cursor.close()
    return rows


def run(connection: Connection, statement: Statement, rows: Sequence[Row]) -> None:
    """Carry an UPDATE, DELETE or upsert out for the values of each row; built once and compiled once, as above."""
    if not rows:
        return
    text, places = _expanded_once(connection.dialect, statement, ())
    cursor: Any = connection.connection.cursor()
    try:
        cursor.executemany(text, [[row.get(name, fixed) for name, fixed in places] for row in rows])
    finally:
        cursor.close()


def _filled_up(values: list[Any]) -> list[Any]:
    """The same with the last one again, up to a power of two."""
    return values + values[-1:] * ((1 << (len(values) - 1).bit_length()) - len(values))


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


def _copied(cursor: Any, copying: str, rows: Iterable[tuple[Any, ...]], *, taken: type[Exception]) -> bool:
    """Whether all rows went in; where the driver says that a key is ``taken``, none did."""
    try:
        with cursor.copy(copying) as copy:
            for row in rows:
                copy.write_row(row)
    except taken:
        return False
    return True


Compiled = tuple[str, Callable[[Row], tuple[Any, ...]]]
"""A statement in the driver's own form, and what puts a row in its order."""


@lru_cache(maxsize=2_048)
def _expanded_once(
    dialect: Dialect, statement: Statement, shape: tuple[tuple[str, int], ...]
) -> tuple[str, list[tuple[str, Any]]]:
    """The statement in the driver's own form, and the names at its places, each with what the statement says itself.

    ``shape``: how long the lists among the values are, 0 for what is no list; a list has one place.
    """
    compiled = statement.compile(dialect=dialect)
    lists = {name: [None] * length for name, length in shape if length}
    state = compiled.construct_expanded_state({**compiled.params, **lists})
    firsts = {expanded[0]: name for name, expanded in state.parameter_expansion.items()}
    others = {name for expanded in state.parameter_expansion.values() for name in expanded[1:]}
    names = [firsts.get(name, name) for name in state.positiontup or () if name not in others]
    return state.statement, [(name, compiled.params[name]) for name in names]


@lru_cache(maxsize=512)
def _inserting(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> Compiled:
    return _compiled(insert_into(table, dialect).on_conflict_do_nothing(), dialect, columns)


@lru_cache(maxsize=512)
def _copying(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> str:
    """A column that is not named gets its default, as in an INSERT."""
    prepared = dialect.identifier_preparer
    names = ", ".join(prepared.quote(name) for name in columns)
    return f"COPY {prepared.format_table(table)} ({names}) FROM STDIN"


@lru_cache(maxsize=512)
def _adding_rows(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> str:
    return str(insert(table).compile(dialect=dialect, column_keys=list(columns)))


@lru_cache(maxsize=512)
def _adding(dialect: Dialect, table: Table, columns: tuple[str, ...], sums: tuple[str, ...]) -> Compiled:
    insert = insert_into(table, dialect)
    added = {name: table.c[name] + insert.excluded[name] for name in sums}
    return _compiled(insert.on_conflict_do_update(index_elements=table.primary_key, set_=added), dialect, columns)


@lru_cache(maxsize=64)
def _replacing(
    dialect: Dialect, table: Table, columns: tuple[str, ...], key: tuple[str, ...], fixed: tuple[str, ...]
) -> tuple[str, tuple[int, ...]]:
    """The statement in the driver's own form, and which of the columns stand at its places."""
    statement = (
        update(table)
        .where(*(table.c[name] == bindparam(f"of_{name}") for name in key))
        .values({name: bindparam(f"to_{name}") for name in columns if name not in (*key, *fixed)})
    )
    compiled = statement.compile(dialect=dialect)
    order = [str(name).partition("_")[2] for name in compiled.positiontup or ()]
    return str(compiled), tuple(columns.index(name) for name in order)


def _compiled(statement: Insert, dialect: Dialect, columns: tuple[str, ...]) -> Compiled:
    compiled = statement.compile(dialect=dialect, column_keys=list(columns))
    order = [str(name) for name in compiled.positiontup or columns]
    return str(compiled), _picker(order)


def _picker(order: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    if len(order) == 1:
        return lambda row: (row[order[0]],)
    return itemgetter(*order)
