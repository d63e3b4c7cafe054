"""The epoch that the next version is numbered in: a restored store begins a new one, so that numbers never repeat."""

from sqlalchemy import Connection, func, select

from store.dialects import rows_of
from store.tables import versions
from store.tallies import Tallies

NAME = "epoch"
"""Where it stands among the counters; in a store that was never restored nothing stands there."""

FIRST = 1

_NEWEST = select(func.max(versions.c.epoch))


def epoch(connection: Connection) -> int:
    """The epoch in force: 1 in a store that was never restored."""
    return max(FIRST, Tallies(connection).value(NAME))


def latest_epoch(connection: Connection) -> int:
    """The latest that anything in the store tells of; it reads every version there ever was."""
    [(newest,)] = rows_of(connection, _NEWEST)
    return max(epoch(connection), newest or 0)


def begin_epoch(connection: Connection, *, above: int) -> int:
    """Begin the epoch after all that the store knows of, and after ``above``; it holds from the next version on."""
    tallies = Tallies(connection)
    following = max(latest_epoch(connection), above) + 1
    tallies.add(NAME, following - tallies.value(NAME))
    return following
