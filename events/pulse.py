"""Beats the heart of a process while its main thread does something else."""

import threading
from collections.abc import Callable
from contextlib import suppress

import msgspec

from events.errors import BrokerRefused, BrokerUnreachable
from events.heartbeat import Heartbeat
from schemas.beat import Beat

BEATS = 4
"""A word is remembered for so many beats."""

SHORTEST_MEMORY = 1.0
"""Seconds."""


def lasting(every: float) -> float:
    """Seconds for which a word is remembered, where one comes ``every`` so many seconds."""
    return max(SHORTEST_MEMORY, BEATS * every)


class Pulse:
    """A thread that says every so many seconds how its process is, also while a long turn is in hand.

    A beat that nobody hears is lost, and the next one follows. What a process has to say is asked of ``say`` on
    this thread.

        pulse = Pulse(heartbeat, every=1.0, say=lambda: Beat(at=clock(), lasts=lasting(1.0)))
        pulse.start()
        ...
        pulse.stop(Beat(at=clock(), lasts=lasting(1.0), stopped=True))
    """

    def __init__(self, heartbeat: Heartbeat, *, every: float, say: Callable[[], Beat]) -> None:
        self._heartbeat = heartbeat
        self._every = every
        self._say = say
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self, last: Beat) -> None:
        """Beat no more, after ``last``."""
        self._stopping.set()
        self._thread.join(2 * self._every + SHORTEST_MEMORY)
        self._beat(last)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._beat(self._say())
            self._stopping.wait(self._every)

    def _beat(self, beat: Beat) -> None:
        with suppress(BrokerUnreachable, BrokerRefused):
            self._heartbeat.beat(msgspec.json.encode(beat), lasts=beat.lasts)
