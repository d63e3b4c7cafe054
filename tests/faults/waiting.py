"""Waiting for what will happen."""

import threading
import time

PATIENCE = 120.0
"""Seconds for what has no promise."""


def until(happened, what, *, within=PATIENCE):
    """Wait until ``happened()`` is true, and return that."""
    deadline = time.monotonic() + within
    while not (found := happened()):
        assert time.monotonic() < deadline, f"waited {within:.0f} s for {what}"
        threading.Event().wait(0.02)
    return found
