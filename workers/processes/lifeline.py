"""Children that do not outlive their parent, however that ends."""

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1
"""``prctl(2)``: the signal that the kernel sends to this process when the thread that made it ends."""


def die_with_parent() -> None:
    """To be called in a child before its command: SIGTERM comes when the parent is gone. Linux only, else nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
