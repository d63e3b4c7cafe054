"""The steps of a turn, and a process that ends itself before or after one of them."""

import importlib
import os
import re
import signal
import sqlite3
import threading
from collections import Counter
from functools import wraps

import psycopg

from events.group import ConsumerGroup
from events.reader import Reader
from store.mailbag import Mailbag

OBJECT = re.compile(r'\b(?:FROM|INTO|UPDATE|TABLE|TO SAVEPOINT|SAVEPOINT)\s+(?:learning\.)?"?(\w+)')


class Points:
    """Counts every step that this process passes, and sends itself ``ends`` (a signal) when it comes to ``at``.

    ``at`` is a step with ``before`` or ``after`` in front of it, and at which passing of it.
    """

    def __init__(self, at=None, nth=1, ends="SIGKILL"):
        self.passed = Counter()
        self._at = at
        self._nth = nth
        self._ends = signal.Signals[ends]

    def around(self, name, work):
        """``work``, with its beginning and its end as points."""

        @wraps(work)
        def step(*args, **named):
            self.come(f"before {name}")
            answer = work(*args, **named)
            self.come(f"after {name}")
            return answer

        return step

    def come(self, point):
        """Here is a point; other threads than the one that takes turns do not count."""
        if threading.current_thread() is not threading.main_thread():
            return
        self.passed[point] += 1
        if point == self._at and self.passed[point] == self._nth:
            os.kill(os.getpid(), self._ends)

    def watch(self):
        """Make points of whatever a turn does, in this process from now on."""
        ConsumerGroup.read = self.around("read", ConsumerGroup.read)
        ConsumerGroup.acknowledge = self.around("acknowledge", ConsumerGroup.acknowledge)
        ConsumerGroup.ensure = self.around("make groups", ConsumerGroup.ensure)
        ConsumerGroup.settled_before = self.around("ask what is settled", ConsumerGroup.settled_before)
        Mailbag.sent = self.around("note as sent", Mailbag.sent)
        turn, drain = importlib.import_module("workers.turn"), importlib.import_module("events.drain")
        Reader.read = self.around("decode", Reader.read)
        turn.drain = self.around("relay", turn.drain)
        drain.relay = self.around("send", drain.relay)
        self._watch_sqlite()
        self._watch_postgresql()

    def _watch_sqlite(self):
        points, connect = self, sqlite3.dbapi2.connect

        class Cursor(sqlite3.Cursor):
            def execute(self, sql, *values):
                return points.around(kind_of(sql), super().execute)(sql, *values)

            def executemany(self, sql, values):
                return points.around(kind_of(sql), super().executemany)(sql, values)

        class Connection(sqlite3.Connection):
            def cursor(self, factory=Cursor):
                return super().cursor(factory)

            def execute(self, sql, *values):
                return points.around(kind_of(sql), super().execute)(sql, *values)

            def commit(self):
                return points.around("commit", super().commit)()

        # What keeps the log short connects by another name, and on a thread of its own.
        sqlite3.dbapi2.connect = lambda *args, **named: connect(*args, **{"factory": Connection} | named)

    def _watch_postgresql(self):
        points = self

        def watched(execute):
            def executing(cursor, sql, *values, **named):
                return points.around(kind_of(str(sql)), execute)(cursor, sql, *values, **named)

            return executing

        psycopg.Cursor.execute = watched(psycopg.Cursor.execute)
        psycopg.Cursor.executemany = watched(psycopg.Cursor.executemany)
        psycopg.Connection.commit = self.around("commit", psycopg.Connection.commit)


def kind_of(sql):
    """What a statement does and to what, such as ``insert alerts``."""
    verb = sql.split(None, 1)[0].lower()
    found = OBJECT.search(sql)
    return f"{verb} {found[1]}" if found else verb
