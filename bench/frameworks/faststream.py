"""FastStream: a subscriber of a stream, in a consumer group."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from faststream.redis import RedisBroker, StreamSub

from bench.frameworks.alert_table import AlertTable
from events.connection import connect

STREAM = "faststream.alerts"
GROUP = "bench"
BATCH = 500


def in_batches(url: str, bodies: Sequence[str], table: AlertTable) -> float:
    """Seconds for all of them, with ``batch=True`` and as many records at a time as our worker takes."""
    return asyncio.run(_taken(url, bodies, table, StreamSub(STREAM, **_NAMES, batch=True, max_records=BATCH)))


def one_by_one(url: str, bodies: Sequence[str], table: AlertTable) -> float:
    """Seconds for all of them, as a subscriber is by default."""
    return asyncio.run(_taken(url, bodies, table, StreamSub(STREAM, **_NAMES)))


_NAMES: dict[str, Any] = {"group": GROUP, "consumer": "bench"}


async def _taken(url: str, bodies: Sequence[str], table: AlertTable, stream: Any) -> float:
    done = asyncio.Event()

    def keep(events: Sequence[object]) -> None:
        table.take_decoded(events)
        if table.count == len(bodies):
            done.set()

    async def keep_all(events: list[dict[str, Any]]) -> None:
        keep(events)

    async def keep_one(event: dict[str, Any]) -> None:
        keep([event])

    broker = RedisBroker(url, logger=None)
    broker.subscriber(stream=stream)(keep_all if stream.batch else keep_one)
    _publish(url, bodies)
    started = time.perf_counter()
    await broker.start()
    await done.wait()
    seconds = time.perf_counter() - started
    await broker.stop()
    return seconds


def _publish(url: str, bodies: Sequence[str]) -> None:
    """As any producer may: the body alone, in the field in which FastStream looks for it."""
    with connect(url) as redis, redis.pipeline(transaction=False) as pipe:
        pipe.delete(STREAM)
        pipe.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        for body in bodies:
            pipe.xadd(STREAM, {"__data__": body})
        pipe.execute()
