"""What the join costs: the attribution worker with everything on, against the bare loop on the same entries."""

from collections.abc import Iterator

from redis import Redis

from bench.assignment import REGISTRY
from bench.backlog import Backlog
from bench.comparison import Comparison
from bench.databases import Databases
from bench.drain import BATCH, drained, drained_barely
from bench.stores import Stores
from bench.workbench import Workbench
from bench.world import World
from events.connection import connect
from schemas.attributed import OutcomeAttributed
from schemas.parameters import Registry
from schemas.registry import load_registry
from schemas.settings import Mode
from store.store import Store
from workers.attribution import Attribution
from workers.clock import wall_clock
from workers.cycle_queue import CycleQueue
from workers.deployment import Deployment
from workers.gate.publication import first_version
from workers.join.intake import FACTS

SESSIONS = 20
SYMBOLS = 100
MORE_SYMBOLS = 300
"""Where there is less to a symbol and session, so that a run takes seconds too."""


def measure(bench: Workbench) -> Iterator[Comparison]:
    """Backlogs of 20 sessions, in batches of 500: alerts and outcomes; and decisions and daily bars beside them."""
    stores = Stores(bench.folder, prepare=deployment().open)
    with connect(bench.url) as redis:
        yield from compared(bench, stores, redis, against="the bare loop")


def deployment() -> Deployment:
    """What puts the first version into an empty store."""
    registry = load_registry(REGISTRY)
    return Deployment(registries={registry.strategy: registry}, mode=Mode.ACT, mend=lambda: None)


def compared(bench: Workbench, stores: Stores | Databases, redis: Redis, *, against: str) -> Iterator[Comparison]:
    """The worker against the bare loop, into the same kind of store."""
    registry = load_registry(REGISTRY)
    sessions = bench.count(SESSIONS)
    for what, told in (
        ("alerts and outcomes", world(sessions, symbols=MORE_SYMBOLS).alerts_and_outcomes()),
        ("decisions and bars too", world(sessions).events()),
    ):
        for stream in FACTS:
            redis.delete(stream.type)
        backlog = Backlog(redis, told)

        def attributed(backlog: Backlog = backlog) -> float:
            redis.delete(OutcomeAttributed.type)
            with stores.opened() as store:
                return drained(worker(registry, store, redis), store, redis, backlog)

        def bare(backlog: Backlog = backlog) -> float:
            return drained_barely(stores, redis, backlog)

        yield bench.compare(
            f"attribution, {what}, batches of {BATCH}", against, unit="events/s", ours=attributed, baseline=bare
        )


def world(sessions: int, *, symbols: int = SYMBOLS) -> World:
    """Whose trading is told."""
    return World(first_version(load_registry(REGISTRY)), symbols=symbols, sessions=sessions)


def worker(registry: Registry, store: Store, redis: Redis) -> Attribution:
    """The worker as its process makes it."""
    queue = CycleQueue(redis)
    return Attribution(
        store,
        registries={registry.strategy: registry},
        clock=wall_clock,
        on_settled=lambda _, session: queue.ask_after(registry, session),
    )
