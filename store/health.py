"""How every part of the engine was, and since when."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, func, select

from schemas.reports import HealthReported, HealthState
from store.dialects import insert_new
from store.tables import health


class HealthRow(NamedTuple):
    """The state of one part, with its reasons. Times are int64 microseconds."""

    part: str
    state: HealthState
    reasons: list[str]
    since: int
    recorded_at: int


_ROWS = select(health.c.part, health.c.state, health.c.reasons, health.c.since, health.c.recorded_at)


class HealthRows:
    """The history of health, one row a report; each part writes its own."""

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

    def latest(self) -> Sequence[HealthRow]:
        """How each part said last that it is, by its name."""
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
