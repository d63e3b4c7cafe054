"""What the runtime costs: a worker with one table, against the bare loop into the same table."""

from collections.abc import Callable, Iterator, Sequence

from redis import Redis
from sqlalchemy import Column, MetaData, Table

from bench.backlog import Backlog
from bench.comparison import Comparison
from bench.databases import Databases
from bench.drain import drained, drained_barely
from bench.samples import alerts
from bench.stores import Stores
from bench.workbench import Workbench
from events.connection import connect
from schemas.alert import AlertRaised
from schemas.event import Envelope
from store.tables import INTEGER, TEXT
from store.work import Work
from workers.worker import Refusal

EVENTS = {500: 20_000, 100: 20_000, 1: 2_000}
"""How many events a run takes in, by the size of the batch."""

TABLE = Table(
    "kept",
    MetaData(),
    Column("id", TEXT, primary_key=True),
    Column("time", INTEGER, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("symbol", TEXT),
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


def prepare(work: Work) -> None:
    """The table, in an empty store."""
    TABLE.create(work.connection)


def measure(bench: Workbench) -> Iterator[Comparison]:
    """A backlog of alerts in batches of 500, of 100, and one by one."""
    stores = Stores(bench.folder, prepare)
    with connect(bench.url) as redis:
        for batch in EVENTS:
            yield compared(bench, stores, redis, batch=batch, against="the bare loop")


def compared(bench: Workbench, stores: Stores | Databases, redis: Redis, *, batch: int, against: str) -> Comparison:
    """The worker against the bare loop, into the same kind of store."""
    redis.delete(AlertRaised.type)
    backlog = Backlog(redis, alerts(bench.count(EVENTS[batch])))

    def kept() -> float:
        with stores.opened() as store:
            return drained(Keeper(), store, redis, backlog, batch=batch)

    return bench.compare(
        f"one-table worker, batches of {batch}",
        against,
        unit="events/s",
        ours=kept,
        baseline=lambda: drained_barely(stores, redis, backlog, batch=batch),
    )
