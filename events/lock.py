"""A folder that only one process, with its children, may use."""

import fcntl
import os
import time
from pathlib import Path

from events.errors import BrokerNotStarted

PATIENCE_SECONDS = 10.0
"""So long the server of a parent that was killed may take to write what it has."""


def hold(file: Path) -> int:
    """Lock ``file`` and return the descriptor that holds it.

    Children that inherit the descriptor hold the lock too: it is free when the last of them has ended.

    Raises:
        BrokerNotStarted: somebody who is alive holds it; the message says who.
    """
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _locked(lock):
        pid, parent = (int(word) for word in (os.pread(lock, 100, 0).split() or (0, 0)))
        if (parent and _lives(parent)) or time.monotonic() > deadline:
            os.close(lock)
            raise BrokerNotStarted(
                f"the embedded broker in {file.parent} already runs as process {pid}, started by process {parent}: "
                "use that one, or stop it first"
            )
        time.sleep(0.02)
    sign(lock, pid=os.getpid())
    return lock


def sign(lock: int, *, pid: int) -> None:
    """Note in the locked file that process ``pid`` uses it, started by this one."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{pid} {os.getpid()}".encode(), 0)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
