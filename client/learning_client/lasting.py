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
    """All together get one second, and each its share of what is left of it: leaving is never held up by a broker that
    is away."""
    deadline, alive = time.monotonic() + EXIT_SECONDS, list(_alive)
    for place, thing in enumerate(alive):
        thing.close(max(0.0, deadline - time.monotonic()) / (len(alive) - place))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
atexit.register(_close_all)
