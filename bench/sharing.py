"""What a second process brings: two in one group on PostgreSQL, against one, on the same backlog."""

from collections.abc import Iterator

from redis import Redis

from bench import attribution, turn
from bench.backlog import Backlog
from bench.comparison import Comparison
from bench.crew import crew
from bench.databases import Databases, database_server
from bench.samples import alerts
from bench.workbench import Workbench
from events.connection import connect

ALERTS = 60_000


def measure(bench: Workbench) -> Iterator[Comparison]:
    """The one-table worker and attribution, in batches of 500. PostgreSQL and the broker share the cores with them."""
    with connect(bench.url) as redis, database_server() as create:
        backlog = Backlog(redis, alerts(bench.count(ALERTS)))
        yield _compared(bench, redis, "keeper", "one-table worker", backlog, Databases(create(), turn.prepare))
        redis.flushall()
        backlog = Backlog(redis, attribution.world(bench.count(attribution.SESSIONS)).events())
        stores = Databases(create(), attribution.deployment().open)
        yield _compared(bench, redis, "attribution", "attribution", backlog, stores)


def _compared(bench: Workbench, redis: Redis, group: str, name: str, backlog: Backlog, stores: Databases) -> Comparison:
    def taken_by(count: int) -> float:
        with (
            stores.fresh() as url,
            crew(group, count=count, redis=redis, url=bench.url, store_url=url, backlog=backlog) as together,
        ):
            seconds = together.drain()
            taken = together.dismiss()
            assert taken == backlog.count, (taken, backlog.count)
        return backlog.count / seconds

    return bench.compare(
        f"{name}, two processes",
        f"one process, {stores.server}",
        unit="events/s",
        ours=lambda: taken_by(2),
        baseline=lambda: taken_by(1),
    )
