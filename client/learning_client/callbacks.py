"""Calls what the program handed over, on a thread of its own."""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import RLock, Thread
from typing import Any

from learning_client.guard import Troubles

MOST_WAITING = 1_000
IDLE_SECONDS = 5.0


class Callbacks:
    """A daemon thread that is there while there is something to call; one that blocks holds up only the next ones.

    What raises is counted, and so is what comes while 1,000 calls wait and is not made.
    """

    def __init__(self, troubles: Troubles) -> None:
        self._troubles = troubles
        self.renew()

    def renew(self) -> None:
        """For a forked child: nothing waits."""
        self._calls: SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]] = SimpleQueue()
        self._lock = RLock()
        self._running = False

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call ``function`` soon, after those that were asked for before. Never waits."""
        if self._calls.qsize() >= MOST_WAITING:
            self._troubles.note("a callback is not called", f"{MOST_WAITING} wait")
            return
        self._calls.put((function, arguments))
        with self._lock:
            if not self._running:
                self._running = True
                try:
                    Thread(target=self._run, name="learning-client-callbacks", daemon=True).start()
                except RuntimeError as error:  # the interpreter leaves
                    self._running = False
                    self._troubles.note("a callback is not called", error)

    def _run(self) -> None:
        while True:
            try:
                function, arguments = self._calls.get(timeout=IDLE_SECONDS)
            except Empty:
                with self._lock:
                    if self._calls.empty():
                        self._running = False
                        return
                continue
            try:
                function(*arguments)
            except BaseException as error:  # noqa: BLE001 - it is the program's own, and may want to exit
                self._troubles.note(f"the callback {getattr(function, '__name__', function)!r} failed", error)
