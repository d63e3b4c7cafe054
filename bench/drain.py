"""A backlog, taken in by one side or the other."""

import time

from redis import Redis

from bench.backlog import Backlog
from bench.bare_loop import GROUP, BareLoop
from bench.databases import Databases
from bench.stores import Stores
from bench.workbench import rate
from events.group import ConsumerGroup
from events.reader import FUTURE_TOLERANCE_US, MAX_BYTES
from store.store import Store
from workers.clock import wall_clock
from workers.garbage import collect, collected_between_turns
from workers.tally import Tally
from workers.turn import Limits, Turns
from workers.worker import Worker

BATCH = 500


def drained(worker: Worker, store: Store, redis: Redis, backlog: Backlog, *, batch: int = BATCH) -> float:
    """Events a second, taken in by ``worker`` on the engine's runtime. Nothing may be refused."""
    [found] = laps(worker, store, redis, backlog, batch=batch, count=1)
    return found


def laps(worker: Worker, store: Store, redis: Redis, backlog: Backlog, *, batch: int, count: int) -> list[float]:
    """The same in each of ``count`` parts of the backlog, one after another."""
    group = ConsumerGroup(
        redis, group=worker.name, consumer="bench", streams=worker.reads, claim_after_ms=60_000, prefix=""
    )
    tally = Tally(worker.name, clock=wall_clock)
    turns = Turns(
        worker,
        store=store,
        broker=redis,
        group=group,
        prefix="",
        limits=Limits(MAX_BYTES, FUTURE_TOLERANCE_US),
        clock=wall_clock,
        tally=tally,
    )
    backlog.again(worker.name)
    group.ensure()

    read = 0

    def lap(until: int) -> float:
        nonlocal read
        begun, started = read, time.perf_counter()
        while read < until:
            read += turns.turn(count=batch, block_ms=100)
            collect()
        return (read - begun) / (time.perf_counter() - started)

    with collected_between_turns():
        found = [lap(backlog.count * (number + 1) // count) for number in range(count)]
    assert tally.counts["taken"] == backlog.count, tally.counts
    return found


def drained_barely(stores: Stores | Databases, redis: Redis, backlog: Backlog, *, batch: int = BATCH) -> float:
    """Events a second, taken in by the bare loop."""
    backlog.again(GROUP)
    with stores.bare() as keep:
        loop = BareLoop(redis, keep, backlog.kinds, batch=batch)
        return rate(backlog.count, lambda: loop.drain(backlog.count))
