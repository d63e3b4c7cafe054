"""What a database is asked, whichever layer asks it."""

from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, event


@contextmanager
def heard(where):
    """The statements that reach the driver within this block, through a connection or all of an engine's.

    SQLite gives them with their values filled in, so that they can be explained as they are.
    """
    asked, listened = [], []

    def listen(driver, *_):
        listened.append(driver)
        if isinstance(driver, psycopg.Connection):
            driver.cursor_factory = _listening(asked)
        else:
            driver.set_trace_callback(asked.append)

    if isinstance(where, Connection):
        listen(where.connection.dbapi_connection)
    else:
        event.listen(where, "checkout", listen)
    try:
        yield asked
    finally:
        if not isinstance(where, Connection):
            event.remove(where, "checkout", listen)
        for driver in listened:
            if isinstance(driver, psycopg.Connection):
                driver.cursor_factory = psycopg.Cursor
            else:
                driver.set_trace_callback(None)


def plans(connection, asked):
    """How SQLite reads what the statements ask for: one line for each table of each statement."""
    return [
        row[3]
        for statement in asked
        for row in connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
    ]


def _listening(asked):
    class Listening(psycopg.Cursor):
        def execute(self, query, *more, **named):
            asked.append(query)
            return super().execute(query, *more, **named)

        def executemany(self, query, *more, **named):
            asked.append(query)
            return super().executemany(query, *more, **named)

    return Listening
