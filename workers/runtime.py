"""The process around a worker: starts, repeats turns, waits out troubles, tells how it is, and stops."""

import os
import random
import socket
from collections.abc import Callable

import structlog
from msgspec import structs

from events.connection import connect
from events.errors import BrokerRefused, BrokerUnreachable
from events.group import ConsumerGroup
from events.heartbeat import Heartbeat
from events.pulse import Pulse, lasting
from schemas.beat import Beat
from schemas.settings import Settings
from store.errors import StoreError
from store.store import Store
from workers.garbage import collect, collected_between_turns
from workers.stop_signal import StopSignal
from workers.tally import Tally
from workers.turn import Limits, Turns
from workers.worker import Worker

log = structlog.get_logger()

SHORTEST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds between attempts while broker or store are away; each is twice the last, with jitter."""


class Runtime:
    """Runs one worker until it is told to stop; a signal lets the turn in hand finish first.

    ``clock`` is the time of day, ``steady`` one that nobody sets, both in microseconds.
    """

    def __init__(
        self,
        worker: Worker,
        *,
        store: Store,
        settings: Settings,
        clock: Callable[[], int],
        steady: Callable[[], int],
    ) -> None:
        self._worker = worker
        self._store = store
        self._settings = settings
        self._clock = clock
        self._steady = steady
        self._consumer = f"{socket.gethostname()}-{os.getpid()}"
        self._broker = connect(settings.redis_url)
        heartbeat = Heartbeat(self._broker, part=worker.name, consumer=self._consumer, prefix=settings.prefix)
        self._pulse = Pulse(heartbeat, every=settings.heartbeat_seconds, say=self._word)
        self._tally = Tally(worker.name, clock=steady)
        self._group = ConsumerGroup(
            self._broker,
            group=worker.name,
            consumer=self._consumer,
            streams=worker.reads,
            prefix=settings.prefix,
            claim_after_ms=round(settings.claim_after_seconds * 1000),
            newer_ms=round(settings.newer_days * 86_400_000),
        )
        self._turns = Turns(
            worker,
            store=store,
            broker=self._broker,
            group=self._group,
            prefix=settings.prefix,
            limits=Limits(settings.max_event_bytes, round(settings.future_tolerance_seconds * 1_000_000)),
            clock=clock,
            tally=self._tally,
        )
        self._turn_began: int | None = None

    def run(self) -> None:
        """Repeat turns until SIGTERM or SIGINT."""
        stop = StopSignal()
        log.info("worker.started", worker=self._worker.name, consumer=self._consumer, reads=self._worker.reads)
        self._pulse.start()
        pause = SHORTEST_PAUSE
        with collected_between_turns():
            while not stop.asked:
                try:
                    self._group.ensure()
                    while not stop.asked:
                        self._turn()
                        pause = SHORTEST_PAUSE
                except (BrokerUnreachable, BrokerRefused, StoreError) as error:
                    self._tally.unreachable(str(error))
                    seconds = pause * random.uniform(0.5, 1.0)  # noqa: S311  jitter, not a secret
                    log.warning("worker.waiting", worker=self._worker.name, error=str(error), seconds=round(seconds, 3))
                    stop.wait(seconds)
                    pause = min(2 * pause, LONGEST_PAUSE)
                    self._group.again()
        self._leave()
        self._pulse.stop(structs.replace(self._word(), stopped=True))
        log.info("worker.stopped", worker=self._worker.name, **self._tally.counts)

    def _leave(self) -> None:
        try:
            self._turns.leave()
        except (BrokerUnreachable, BrokerRefused) as error:
            log.warning("worker.left_entries", worker=self._worker.name, error=str(error))

    def _turn(self) -> None:
        self._turn_began = self._steady()
        try:
            self._turns.turn(count=self._settings.batch, block_ms=self._settings.block_ms)
        finally:
            self._turn_began = None
            collect()

    def _word(self) -> Beat:
        """What the worker says of itself; health reads it."""
        health = self._tally.health()
        now, began = self._clock(), self._turn_began
        return Beat(
            at=now,
            lasts=lasting(self._settings.heartbeat_seconds),
            mode=self._settings.mode.value,
            state=health.state,
            reasons=health.reasons,
            counts=health.counts,
            turn_since=None if began is None else now - (self._steady() - began),
        )
