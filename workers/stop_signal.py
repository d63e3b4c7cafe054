"""Being told to stop."""

import signal
import time
from types import FrameType

STEP = 0.05
"""Seconds between two looks while waiting."""


class StopSignal:
    """Remembers SIGTERM or SIGINT from its making on.

    A plain flag and not a ``threading.Event``: a handler that sets an event while the same thread is inside
    ``wait`` asks for a lock that this thread holds, and never returns.
    """

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._remember)

    def wait(self, seconds: float) -> None:
        """Wait so long, or until asked."""
        deadline = time.monotonic() + seconds
        while not self.asked and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(STEP, left))

    def _remember(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
