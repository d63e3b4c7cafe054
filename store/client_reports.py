"""What each trading process said last of itself."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, delete, select

from schemas.client import ClientReported
from schemas.event import Envelope
from store.dialects import insert_into
from store.rows import columns
from store.tables import client_reports

MOST_CLIENTS = 200
"""So many clients are remembered, those that were heard last."""


class ClientReport(NamedTuple):
    """The newest report of one client. Times are int64 microseconds.

    ``dropped`` counts the events that it has dropped since its start; ``dropped_at`` is when it last said that these
    had become more, None where it never has.
    """

    strategy: str
    client: str
    time: int
    dropped: int
    dropped_at: int | None
    body: str
    source: str
    event_id: str
    recorded_at: int

    @property
    def said(self) -> ClientReported:
        """The report itself."""
        return msgspec.json.decode(self.body, type=ClientReported)


class ClientReports:
    """One row for each (strategy, client): its newest ``client.reported``. Health alone writes them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, envelope: Envelope, *, now: int) -> None:
        """Take one in. A repeat changes nothing, and neither does one older than what is known."""
        said: ClientReported = envelope.data
        known = self._get(said.strategy, said.client)
        if known is not None and known.time >= envelope.time:
            return
        dropped = sum(said.dropped.values())
        before = known.dropped if known and known.dropped <= dropped else 0
        row = ClientReport(
            strategy=said.strategy,
            client=said.client,
            time=envelope.time,
            dropped=dropped,
            dropped_at=envelope.time if dropped > before else known.dropped_at if known else None,
            body=msgspec.json.encode(said).decode(),
            source=envelope.source,
            event_id=envelope.id,
            recorded_at=now,
        )._asdict()
        insert = insert_into(client_reports, self._connection.dialect).values(row)
        key = [column.name for column in client_reports.primary_key]
        changed = {name: insert.excluded[name] for name in row if name not in key}
        self._connection.execute(insert.on_conflict_do_update(index_elements=key, set_=changed))

    def forget(self, *, keep: int = MOST_CLIENTS) -> None:
        """Forget all but the ``keep`` clients that were heard last."""
        table = client_reports.c
        oldest = self._connection.execute(select(table.time).order_by(table.time.desc()).offset(keep).limit(1)).scalar()
        if oldest is not None:
            self._connection.execute(delete(client_reports).where(table.time <= oldest))

    def latest(self, *, since: int = 0, limit: int = MOST_CLIENTS) -> Sequence[ClientReport]:
        """The newest report of each client that was heard after ``since``; the last heard first."""
        chosen = select(*columns(client_reports, ClientReport)).where(client_reports.c.time > since)
        rows = self._connection.execute(chosen.order_by(client_reports.c.time.desc(), client_reports.c.client))
        return [ClientReport(*row) for row in rows.fetchmany(limit)]

    def _get(self, strategy: str, client: str) -> ClientReport | None:
        table = client_reports.c
        chosen = select(*columns(client_reports, ClientReport))
        row = self._connection.execute(chosen.where(table.strategy == strategy, table.client == client)).first()
        return None if row is None else ClientReport(*row)
