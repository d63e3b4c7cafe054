"""Which trading process runs which version."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from sqlalchemy import Connection, Dialect, bindparam, select

from schemas.event import Envelope
from schemas.params import ParamsApplied
from schemas.version import VersionNumber
from store.dialects import Insert, insert_into, run
from store.rows import columns
from store.tables import applications

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Application(NamedTuple):
    """What a client last said of a version: applied at a time, or refused for a reason. int64 microseconds."""

    strategy: str
    client: str
    version: str
    time: int
    applied_at: int | None
    refused: str | None
    source: str
    event_id: str
    recorded_at: int


@cache
def _recording(dialect: Dialect) -> Insert:
    insert = insert_into(applications, dialect).values(
        {name: bindparam(f"new_{name}", type_=applications.c[name].type) for name in Application._fields}
    )
    key = [column.name for column in applications.primary_key]
    return insert.on_conflict_do_update(
        index_elements=key,
        set_={name: insert.excluded[name] for name in Application._fields if name not in key},
        where=applications.c.time < insert.excluded.time,
    )


class Applications:
    """One row for each (strategy, client, version): the newest word that the client sent of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, envelopes: Sequence[Envelope], *, now: int) -> None:
        """Take some ``params.applied`` in. A repeat changes nothing, and neither does one older than what is known."""
        run(
            self._connection,
            _recording(self._connection.dialect),
            [{f"new_{name}": value for name, value in _row(one, now)._asdict().items()} for one in envelopes],
        )

    def clients(self, strategy: str) -> Sequence[Application]:
        """What each client runs: the version that it applied last."""
        runs = {row.client: row for row in self.history(strategy) if row.refused is None}
        return [runs[client] for client in sorted(runs)]

    def of(self, strategy: str, version: str, *, limit: int = 200) -> Sequence[Application]:
        """What clients said of one version, those that spoke last first."""
        table = applications.c
        chosen = select(*columns(applications, Application)).where(table.strategy == strategy, table.version == version)
        rows = self._connection.execute(chosen.order_by(table.time.desc(), table.client).limit(limit))
        return [Application(*row) for row in rows]

    def history(self, strategy: str) -> Sequence[Application]:
        """Every word of every client, the oldest first."""
        table = applications.c
        chosen = select(*columns(applications, Application)).where(table.strategy == strategy)
        rows = self._connection.execute(chosen.order_by(table.time, table.client, table.version))
        return [Application(*row) for row in rows]


def _row(envelope: Envelope, now: int) -> Application:
    applied: ParamsApplied = envelope.data
    return Application(
        strategy=applied.strategy,
        client=applied.client,
        version=str(VersionNumber(applied.epoch, applied.version)),
        time=envelope.time,
        applied_at=None if applied.applied_at is None else _microseconds(applied.applied_at),
        refused=applied.refused,
        source=envelope.source,
        event_id=envelope.id,
        recorded_at=now,
    )


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
