"""Whether a worker slows down while its tables grow from nothing to 2,000,000 events. Takes most of an hour."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

from redis import Redis

from bench import attribution, turn
from bench.assignment import REGISTRY
from bench.backlog import Backlog
from bench.comparison import Comparison
from bench.drain import BATCH, laps
from bench.samples import raised
from bench.stores import Stores
from bench.workbench import Workbench, comparison
from events.connection import connect
from schemas.registry import load_registry
from store.store import Store
from workers.worker import Worker

ALERTS = 2_000_000
SYMBOLS, SESSIONS = 1_000, 600
"""As many alerts, decisions, outcomes and bars."""

LAPS = 10
"""The first 200,000 are compared with the last."""


def measure(bench: Workbench) -> Iterator[Comparison]:
    """The last tenth of a backlog against the first. The one-table worker as often as usual, attribution once."""
    with connect(bench.url) as redis:
        backlog = Backlog(redis, raised(bench.count(ALERTS)))
        (bench.folder / "kept").mkdir()
        stores = Stores(bench.folder / "kept", turn.prepare)
        yield _grown(bench, "one-table worker", redis, backlog, stores.opened, lambda _: turn.Keeper())
        redis.flushall()
        backlog = Backlog(
            redis, attribution.world(max(5, bench.count(SESSIONS)), symbols=max(10, bench.count(SYMBOLS))).events()
        )
        stores = Stores(bench.folder, attribution.deployment().open)
        registry = load_registry(REGISTRY)
        yield _grown(
            replace(bench, runs=1),
            "attribution",
            redis,
            backlog,
            stores.opened,
            lambda store: attribution.worker(registry, store, redis),
        )


def _grown(
    bench: Workbench,
    name: str,
    redis: Redis,
    backlog: Backlog,
    opened: Callable[[], AbstractContextManager[Store]],
    worker: Callable[[Store], Worker],
) -> Comparison:
    lap = backlog.count // LAPS
    what = f"{name}, the last {lap:,} of {backlog.count:,}"
    pairs = []
    for number in range(bench.runs):
        bench.tell(f"{what}, run {number + 1} of {bench.runs}")
        with opened() as store:
            first, *_, last = laps(worker(store), store, redis, backlog, batch=min(BATCH, lap), count=LAPS)
        pairs.append((last, first))
    return comparison(what, f"its first {lap:,}", unit="events/s", pairs=pairs)
