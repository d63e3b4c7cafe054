"""The table of the bare loop, with the driver alone."""

import sqlite3
from collections.abc import Callable, Sequence

from psycopg import Connection

Row = tuple[str, int, str, str | None]
Keep = Callable[[Sequence[Row]], None]
"""Puts rows in, in a transaction of their own."""


def in_sqlite(connection: sqlite3.Connection) -> Keep:
    """One executemany, on a connection that begins nothing by itself."""
    connection.execute(
        "CREATE TABLE bare (id TEXT PRIMARY KEY, time INTEGER NOT NULL, type TEXT NOT NULL, symbol TEXT) STRICT"
    )

    def keep(rows: Sequence[Row]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO bare VALUES (?, ?, ?, ?)", rows)
        connection.execute("COMMIT")

    return keep


def in_postgresql(connection: Connection) -> Keep:
    """One executemany; the driver begins the transaction with it."""
    connection.execute(
        'CREATE TABLE bare (id TEXT COLLATE "C" PRIMARY KEY, time BIGINT NOT NULL, type TEXT NOT NULL, symbol TEXT)'
    )
    connection.commit()
    cursor = connection.cursor()

    def keep(rows: Sequence[Row]) -> None:
        cursor.executemany("INSERT INTO bare VALUES (%s, %s, %s, %s)", rows)
        connection.commit()

    return keep
