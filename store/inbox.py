"""Which events that leave no row of their own were already taken in."""

from collections.abc import Sequence

from sqlalchemy import Connection, exists, select

from store.dialects import insert_new
from store.tables import inbox


class Inbox:
    """Remembers events by (source, id), for each worker apart and for ever."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def new(self, worker: str, pairs: Sequence[tuple[str, str]], now: int) -> list[bool]:
        """Of each (source, id), whether ``worker`` sees it for the first time; from now on it has seen it."""
        rows = [{"worker": worker, "source": source, "event_id": id_, "recorded_at": now} for source, id_ in pairs]
        return insert_new(self._connection, inbox, rows)

    def seen(self, worker: str, source: str, event_id: str) -> bool:
        """Whether ``worker`` has seen this one."""
        table = inbox.c
        named = exists().where(table.worker == worker, table.source == source, table.event_id == event_id)
        return bool(self._connection.execute(select(named)).scalar_one())
