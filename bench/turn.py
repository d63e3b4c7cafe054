"""What the runtime costs: a worker with one table, against the bare loop into the same table."""

from collections.abc import Callable, Iterator, Sequence

from redis import Redis
from sqlalchemy import Column, MetaData, Table, Text

from bench.backlog import Backlog
from bench.comparison import Comparison
from bench.drain import drained, drained_barely
from bench.samples import alerts
from bench.stores import Stores, opened
from bench.workbench import Workbench
from events.connection import connect
from schemas.alert import AlertRaised
from schemas.event import Envelope
from store.tables import INTEGER
from store.work import Work
from workers.worker import Refusal

EVENTS = {500: 20_000, 100: 20_000, 1: 2_000}
"""How many events a run takes in, by the size of the batch."""

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
    """A backlog of alerts in batches of 500, of 100, and one by one."""
    stores = Stores(bench.folder, prepare=lambda work: TABLE.create(work.connection))
    with connect(bench.url) as redis:
        for batch, events in EVENTS.items():
            redis.delete(AlertRaised.type)
            yield _compared(bench, stores, redis, Backlog(redis, alerts(bench.count(events))), batch=batch)


def _compared(bench: Workbench, stores: Stores, redis: Redis, backlog: Backlog, *, batch: int) -> Comparison:
    def kept() -> float:
        with stores.fresh() as file, opened(file) as store:
            return drained(Keeper(), store, redis, backlog, batch=batch)

    return bench.compare(
        f"one-table worker, batches of {batch}",
        "the bare loop",
        unit="events/s",
        ours=kept,
        baseline=lambda: drained_barely(stores, redis, backlog, batch=batch),
    )
