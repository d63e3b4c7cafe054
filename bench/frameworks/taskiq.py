"""taskiq: one task an alert, from a broker on Redis streams."""

import asyncio
import time
from collections.abc import Sequence

from taskiq.receiver import Receiver
from taskiq_redis import RedisStreamBroker

from bench.frameworks.alert_table import AlertTable
from events.connection import connect

QUEUE = "taskiq.alerts"

TASKS = 100
"""So many run beside each other, as in its own worker."""


def one_by_one(url: str, bodies: Sequence[str], table: AlertTable) -> float:
    """Seconds for all of them."""
    with connect(url) as redis:
        redis.delete(QUEUE)
    return asyncio.run(_taken(url, bodies, table))


async def _taken(url: str, bodies: Sequence[str], table: AlertTable) -> float:
    done = asyncio.Event()

    async def keep(body: str) -> None:
        table.take([body])
        if table.count == len(bodies):
            done.set()

    broker = RedisStreamBroker(url, queue_name=QUEUE)
    task = broker.register_task(keep, task_name="keep")
    await broker.startup()
    for body in bodies:
        await task.kiq(body)
    started = time.perf_counter()
    enough = asyncio.Event()
    listening = asyncio.create_task(Receiver(broker, run_startup=False, max_async_tasks=TASKS).listen(enough))
    await done.wait()
    seconds = time.perf_counter() - started
    enough.set()
    await listening
    await broker.shutdown()
    return seconds
