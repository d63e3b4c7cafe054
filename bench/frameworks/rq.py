"""RQ: one job an alert, run by a SimpleWorker, which does not fork."""

import time
from collections.abc import Sequence
from contextvars import ContextVar

from rq import Queue, SimpleWorker

from bench.frameworks.alert_table import AlertTable
from events.connection import connect

QUEUE = "rq.alerts"

_table: ContextVar[AlertTable] = ContextVar("table")


def keep(body: str) -> None:
    """The job."""
    _table.get().take([body])


def one_by_one(url: str, bodies: Sequence[str], table: AlertTable) -> float:
    """Seconds for all of them; no result is kept."""
    with connect(url) as redis:
        queue = Queue(QUEUE, connection=redis)
        for body in bodies:
            queue.enqueue(keep, body, result_ttl=0)
        worker = SimpleWorker([queue], connection=redis)
        token = _table.set(table)
        started = time.perf_counter()
        worker.work(burst=True, logging_level="ERROR")
        seconds = time.perf_counter() - started
        _table.reset(token)
        return seconds
