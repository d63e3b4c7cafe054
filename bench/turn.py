"""What the runtime costs: a worker with one table, against the bare loop into the same table."""

from collections.abc import Callable, Iterator, Sequence

from redis import Redis
from sqlalchemy import Column, MetaData, Table, Text

from bench.backlog import Backlog
from bench.comparison import Comparison
from bench.drain import BATCH, drained, drained_barely
from bench.samples import alerts
from bench.stores import Stores, opened
from bench.workbench import Workbench
from events.connection import connect
from schemas.alert import AlertRaised
from schemas.event import Envelope
from store.tables import INTEGER
from store.work import Work
from workers.worker import Refusal

EVENTS = 20_000

TABLE = Table(
    "kept",
    MetaData(),
    Column("id", Text, primary_key=True),
    Column("time", INTEGER, nullable=False),
    Column("type", Text, nullable=False),
    Column("symbol", Text),
    sqlite_strict=True,
)
"""The table of the bare loop."""


class Keeper:
    """The least that a worker can do: one row an event."""

    name = "keeper"
    reads = (AlertRaised.type,)

    def handle(self, work: Work, batch: Sequence[Envelope]) -> Sequence[Refusal]:
        """Keep the batch."""
        work.insert(
            TABLE,
            [{"id": one.id, "time": one.time, "type": one.data.type, "symbol": one.data.symbol} for one in batch],
        )
        return ()

    def rest(self, settled_before: Callable[[], int]) -> None:
        """Nothing waits here."""


def measure(bench: Workbench) -> Iterator[Comparison]:
    """A backlog of alerts in batches of 500."""
    stores = Stores(bench.folder, prepare=lambda work: TABLE.create(work.connection))
    with connect(bench.url) as redis:
        backlog = Backlog(redis, alerts(bench.count(EVENTS)))
        yield bench.compare(
            f"one-table worker, batches of {BATCH}",
            "the bare loop",
            unit="events/s",
            ours=lambda: _kept(stores, redis, backlog),
            baseline=lambda: drained_barely(stores, redis, backlog),
        )


def _kept(stores: Stores, redis: Redis, backlog: Backlog) -> float:
    with stores.fresh() as file, opened(file) as store:
        return drained(Keeper(), store, redis, backlog)
