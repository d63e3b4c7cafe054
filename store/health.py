"""How every part of the engine was and is, and since when."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, delete, func, select

from schemas.reports import HealthOverview, HealthReported, HealthState
from store.dialects import insert_into, insert_new
from store.tables import health, health_overview

MOST_ROWS = 50_000
"""So many rows of history are kept at the most, the newest."""

_ONLY = 1
"""The one row of the overview."""


class HealthRow(NamedTuple):
    """The state of one part, with its reasons. Times are int64 microseconds."""

    part: str
    state: HealthState
    reasons: list[str]
    since: int
    recorded_at: int


_ROWS = select(health.c.part, health.c.state, health.c.reasons, health.c.since, health.c.recorded_at)


class HealthRows:
    """The history of health, one row a report, and the overview of the last look. Health alone writes them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, reported: HealthReported, *, since: int, now: int) -> None:
        """Write how a part is."""
        row = {
            "part": reported.part,
            "state": reported.state.value,
            "reasons": msgspec.json.encode(reported.reasons).decode(),
            "since": since,
            "recorded_at": now,
        }
        insert_new(self._connection, health, [row])

    def shorten(self, *, before: int, keep: int = MOST_ROWS) -> int:
        """Delete the rows of before a time, int64 microseconds, and all but the newest ``keep``; how many went."""
        newest: int | None = self._connection.execute(select(func.max(health.c.id))).scalar()
        gone = (health.c.recorded_at < before) | (health.c.id <= (newest or 0) - keep)
        return self._connection.execute(delete(health).where(gone)).rowcount

    def look(self, overview: HealthOverview) -> None:
        """Keep what health says now, in place of what it said before."""
        row = {"id": _ONLY, "time": overview.at, "body": msgspec.json.encode(overview).decode()}
        insert = insert_into(health_overview, self._connection.dialect).values(row)
        self._connection.execute(
            insert.on_conflict_do_update(
                index_elements=["id"], set_={"time": insert.excluded.time, "body": insert.excluded.body}
            )
        )

    def overview(self) -> HealthOverview | None:
        """What health said last."""
        body = self._connection.execute(select(health_overview.c.body)).scalar()
        return None if body is None else msgspec.json.decode(body, type=HealthOverview)

    def latest(self) -> Sequence[HealthRow]:
        """How each part was when it was written down last, by its name."""
        newest = select(func.max(health.c.id)).group_by(health.c.part)
        return self._rows(_ROWS.where(health.c.id.in_(newest)).order_by(health.c.part))

    def history(self, part: str, *, limit: int = 100) -> Sequence[HealthRow]:
        """The newest first, of one part."""
        return self._rows(_ROWS.where(health.c.part == part).order_by(health.c.id.desc()).limit(limit))

    def _rows(self, chosen: Select[Any]) -> list[HealthRow]:
        return [
            HealthRow(part, HealthState(state), msgspec.json.decode(reasons, type=list[str]), since, recorded_at)
            for part, state, reasons, since, recorded_at in self._connection.execute(chosen)
        ]
