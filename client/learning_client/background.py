"""The one way in which this package does anything beside the caller's thread."""

import logging
import time
from collections.abc import Callable
from functools import partial
from threading import TIMEOUT_MAX, Condition, Event, Lock, Thread, current_thread

from redis.exceptions import RedisError

from learning_client.breaker import Breaker
from learning_client.connection import pause
from learning_client.guard import Troubles

log = logging.getLogger("learning_client")

SLICE_SECONDS = 0.05

LEAVING_SECONDS = 0.05
"""Of the time for stopping, or a quarter of it, so much is kept for the last that the thread does."""

LONGEST_WAIT = TIMEOUT_MAX / 2
"""Seconds that are waited where no limit is named: years, on most systems."""


def patience(timeout: float | None) -> float:
    """Seconds that somebody may wait: without limit for None and infinity, not at all for NaN and what is negative."""
    return LONGEST_WAIT if timeout is None else min(timeout, LONGEST_WAIT) if timeout > 0 else 0.0


class Background:
    """A daemon thread that repeats ``turn`` until it is stopped.

    A turn that raises is repeated after a pause that grows from 0.1 to 5 seconds, in which ``meanwhile`` is called
    twenty times a second; a broker that goes away is logged once, and once more when it is back. ``finished`` says,
    once stopping has begun, that nothing is left to do, and ``ended`` is the last that the thread calls. After a fork
    ``renew()`` forgets the parent's thread; ``ensure()`` starts another.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], None],
        *,
        finished: Callable[[], bool],
        troubles: Troubles,
        breaker: Breaker,
        meanwhile: Callable[[], object] | None = None,
        ended: Callable[[], None] | None = None,
    ) -> None:
        self._name = name
        self._turn = turn
        self._finished = finished
        self._troubles = troubles
        self._breaker = breaker
        self._meanwhile = meanwhile
        self._ended = ended
        self.stopping = Event()
        self.renew()

    def renew(self) -> None:
        """Begin anew, without a thread; what was stopped stays so."""
        stopped = self.stopping.is_set()
        self.stopping = Event()
        if stopped:
            self.stopping.set()
        self._breaker.renew()
        self.connected = False
        self._away = False
        self._deadline = float("inf")
        self._begun = Lock()
        self._turned = Condition()
        self._thread: Thread | None = None

    def ensure(self) -> None:
        """Start the thread where there is none."""
        if self._thread is None and not self.stopping.is_set() and self._begun.acquire(blocking=False):
            try:
                thread = Thread(target=self._run, name=self._name, daemon=True)
                thread.start()
            except RuntimeError:
                self._begun.release()
                raise
            self._thread = thread

    def stop(self, timeout: float) -> bool:
        """Ask the thread to finish, wait for that at most ``timeout`` seconds, and say whether it has."""
        self._deadline = time.monotonic() + timeout - min(LEAVING_SECONDS, timeout / 4)
        self.stopping.set()
        if self._thread is None or self._thread is current_thread():
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def wait_for(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until ``condition`` holds after some turn, at most ``timeout`` seconds, and say whether it does."""
        with self._turned:
            return self._turned.wait_for(condition, timeout)

    def reached(self) -> None:
        """To be called by a turn when the broker has answered."""
        self.connected = True
        self._breaker.answered()
        if self._away:
            self._away = False
            log.info("%s: the broker is back", self._name)

    def _run(self) -> None:
        failures = 0
        while not (self.stopping.is_set() and (self._finished() or time.monotonic() >= self._deadline)):
            try:
                self._turn()
                failures = 0
            except Exception as error:  # noqa: BLE001 - the thread outlives whatever a turn meets
                failures += 1
                self._guarded(partial(self._failed, error))
                self._pause(pause(failures))
            with self._turned:
                self._turned.notify_all()
        if self._ended is not None:
            self._guarded(self._ended)

    def _guarded(self, step: Callable[[], object]) -> None:
        """Whatever handlers the program's log has, and whatever else goes wrong: the thread goes on."""
        try:
            step()
        except Exception as error:  # noqa: BLE001
            self._troubles.note(f"{self._name} met trouble", error)

    def _failed(self, error: Exception) -> None:
        self.connected = False
        self._breaker.failed()
        if not isinstance(error, (RedisError, OSError)):
            self._troubles.note(f"{self._name} failed", error)
            return
        if not self._away:
            self._away = True
            log.warning(
                "%s: the broker is away (%s); trading goes on, trying again in the background", self._name, error
            )

    def _pause(self, seconds: float) -> None:
        if self.stopping.is_set():
            time.sleep(max(0.0, min(seconds, 0.05, self._deadline - time.monotonic())))
            return
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0 and not self.stopping.wait(min(left, SLICE_SECONDS)):
            if self._meanwhile is not None:
                self._guarded(self._meanwhile)
