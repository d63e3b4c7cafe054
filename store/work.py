"""What one turn does with the store: kept together or not at all."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select, update

from store.dialects import insert_new, rows_of
from store.tables import counters

_TAKE = (
    update(counters)
    .where(counters.c.name == "ingest")
    .values(value=counters.c.value + bindparam("taken", type_=counters.c.value.type))
    .returning(counters.c.value)
)


def taken(connection: Connection) -> int:
    """The last number of the ingest sequence that was taken."""
    return int(connection.execute(select(counters.c.value).where(counters.c.name == "ingest")).scalar_one())


class Work:
    """One writing transaction. It ends with ``commit()``; leaving its block without that undoes all of it.

    ``now`` is the clock's time when the transaction began, int64 microseconds in UTC: every row that is
    written in one turn bears the same. After ``commit()`` the connection is closed.
    """

    def __init__(self, connection: Connection, *, now: int) -> None:
        self.connection = connection
        self.now = now

    def take(self, count: int) -> int:
        """Take ``count`` numbers of the ingest sequence and return the first of them.

        The counter stays locked until the end of the transaction, so numbers become visible in their order.
        """
        [(last,)] = rows_of(self.connection, _TAKE, taken=count)
        return int(last) - count + 1

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Insert the rows that break no unique key, and say of each whether it was new."""
        return insert_new(self.connection, table, rows)

    def commit(self) -> None:
        """Keep everything."""
        self.connection.commit()
        self.connection.close()
