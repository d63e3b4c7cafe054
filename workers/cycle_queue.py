"""Where workers leave cycles to be run: the RQ queue ``learning``, with the installation's prefix before it."""

import re

import structlog
from redis import Redis
from rq import Queue

from events.connection import broker_errors
from schemas.cycles import DAILY, kinds_after
from schemas.parameters import Registry

log = structlog.get_logger()

QUEUE = "learning"
JOB = "scheduler.jobs.run_cycle"
TIMEOUT = 1_800
"""Seconds that one cycle may take."""


class CycleQueue:
    """Enqueues cycles by name, so that whoever asks for one needs to know nothing of how it runs.

    The job's id is the cycle's, with the prefix before it where there is one. Asked twice it runs twice, and the second
    run changes nothing. When the broker is away the cycle is not lost: ``due()`` finds it.
    """

    def __init__(self, broker: Redis, *, prefix: str = "") -> None:
        self._broker = broker
        self._prefix = prefix
        self.name = f"{prefix}{QUEUE}"
        self._queue = Queue(self.name, connection=broker)

    def ask_after(self, registry: Registry, session: str) -> list[str]:
        """Enqueue every cycle that a settled session asks for, and return their jobs' ids.

        Raises:
            BrokerUnreachable, BrokerRefused: they were not all enqueued.
        """
        return [self.ask(registry.strategy, session, kind=kind) for kind in kinds_after(registry, session)]

    def ask(self, strategy: str, session: str, *, kind: str = DAILY) -> str:
        """Enqueue one cycle and return the job's id. ``strategy``, ``kind`` and ``session`` are plain text.

        Raises:
            BrokerUnreachable, BrokerRefused: it was not enqueued.
        """
        identity = re.sub(r"[^A-Za-z0-9_-]", "-", f"{kind}-{strategy}-{session}")
        if self._prefix:
            # RQ takes few marks, and no two prefixes may become the same.
            spelt = re.sub(r"[^A-Za-z0-9-]", lambda mark: f"_{ord(mark[0]):02x}", self._prefix)
            identity = f"{spelt}-{identity}"
        with broker_errors(self._broker):
            self._queue.enqueue(
                JOB, strategy, kind, session, job_id=identity, job_timeout=TIMEOUT, result_ttl=3_600, failure_ttl=86_400
            )
        log.info("cycle.asked", strategy=strategy, kind=kind, session=session)
        return identity
