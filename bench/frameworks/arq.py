"""arq: one job an alert."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func

from bench.frameworks.alert_table import AlertTable


def one_by_one(url: str, bodies: Sequence[str], table: AlertTable) -> float:
    """Seconds for all of them; no result is kept."""
    return asyncio.run(_taken(url, bodies, table))


async def _taken(url: str, bodies: Sequence[str], table: AlertTable) -> float:
    async def keep(_: Any, body: str) -> None:
        table.take([body])

    pool = await create_pool(RedisSettings.from_dsn(url))
    for body in bodies:
        await pool.enqueue_job("keep", body)
    worker = Worker([func(keep, name="keep", keep_result=0)], redis_pool=pool, burst=True, handle_signals=False)
    started = time.perf_counter()
    await worker.async_run()
    seconds = time.perf_counter() - started
    await worker.close()
    return seconds
