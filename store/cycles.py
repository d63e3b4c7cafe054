"""Which cycles have run to their end."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, select

from schemas.reports import CycleCompleted
from store.dialects import insert_new
from store.tables import cycles


class Finished(NamedTuple):
    """A cycle that ran to its end, and what it said. Times are int64 microseconds."""

    completed: CycleCompleted
    started_at: int
    finished_at: int


_ROWS = select(cycles.c.body, cycles.c.started_at, cycles.c.finished_at)


class Cycles:
    """The finished cycles, one for each (strategy, kind, session)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, completed: CycleCompleted, *, started_at: int, finished_at: int) -> bool:
        """Write a finished cycle, and say whether it was new: whoever finishes it second undoes its own work."""
        row = {
            "strategy": completed.strategy,
            "kind": completed.kind,
            "session": completed.session,
            "cut": completed.cut,
            "started_at": started_at,
            "finished_at": finished_at,
            "report": completed.report,
            "body": msgspec.json.encode(completed).decode(),
        }
        return insert_new(self._connection, cycles, [row])[0]

    def finished(self, strategy: str, kind: str, session: str) -> Finished | None:
        """The cycle of that session, where it has finished."""
        of_session = (cycles.c.strategy == strategy, cycles.c.kind == kind, cycles.c.session == session)
        found = self._rows(_ROWS.where(*of_session))
        return found[0] if found else None

    def history(self, strategy: str, kind: str, *, limit: int = 100) -> Sequence[Finished]:
        """The newest session first."""
        chosen = _ROWS.where(cycles.c.strategy == strategy, cycles.c.kind == kind)
        return self._rows(chosen.order_by(cycles.c.session.desc()).limit(limit))

    def _rows(self, chosen: Select[Any]) -> list[Finished]:
        return [
            Finished(msgspec.json.decode(body, type=CycleCompleted), started_at, finished_at)
            for body, started_at, finished_at in self._connection.execute(chosen)
        ]
