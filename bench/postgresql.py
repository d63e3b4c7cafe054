"""What the runtime and the join cost on PostgreSQL, against the bare loop into the same server."""

from collections.abc import Iterator

from bench import attribution, turn
from bench.comparison import Comparison
from bench.databases import Databases, database_server
from bench.drain import BATCH
from bench.workbench import Workbench
from events.connection import connect


def measure(bench: Workbench) -> Iterator[Comparison]:
    """The one-table worker in batches of 500, the attribution worker on the same backlog as on SQLite."""
    with connect(bench.url) as redis, database_server() as create:
        stores = Databases(create(), turn.prepare)
        against = f"the bare loop, {stores.server}"
        yield turn.compared(bench, stores, redis, batch=BATCH, against=against)
        redis.flushall()
        yield from attribution.compared(
            bench, Databases(create(), attribution.deployment().open), redis, against=against
        )
