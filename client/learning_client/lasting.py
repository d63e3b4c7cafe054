"""What outlives a call: renewed in a forked child, closed when the interpreter leaves."""

import atexit
import os
import time
from typing import Protocol
from weakref import WeakSet

EXIT_SECONDS = 1.0


class Lasting(Protocol):
    """Something with a background thread."""

    def renew(self) -> None:
        """Called in a forked child, where the thread is gone and locks may be held by nobody."""

    def close(self, timeout: float = ...) -> bool:
        """Stop within ``timeout`` seconds."""


_alive: "WeakSet[Lasting]" = WeakSet()


def lasts(thing: Lasting) -> None:
    """Look after ``thing`` for as long as somebody else holds it."""
    _alive.add(thing)


def _renew_all() -> None:
    for thing in list(_alive):
        thing.renew()


def _close_all() -> None:
    """All together get one second: leaving is never held up by a broker that is away."""
    deadline = time.monotonic() + EXIT_SECONDS
    for thing in list(_alive):
        thing.close(max(0.0, deadline - time.monotonic()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
atexit.register(_close_all)
