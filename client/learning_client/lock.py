"""A lock that one process has, for as long as it lives."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition

try:
    import fcntl
except ImportError:  # pragma: no cover - not there on Windows
    fcntl = None  # type: ignore[assignment]

LOCKS = fcntl is not None
"""Whether this system has any."""

FORK_SECONDS = 0.1
"""A fork waits so long at most for a lock that is being opened."""


def locked(path: Path, *, waits: bool = False) -> int | None:
    """Have the lock of the file at ``path``, which is made; None where another has it, unless this ``waits`` for it.

    Raises:
        OSError: the file cannot be opened, or this disk has no locks.
    """
    lock = _locks.open(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        unlock(lock)
        return None
    except OSError:
        unlock(lock)
        raise
    return lock


def unlock(lock: int) -> None:
    """Let another have it."""
    _locks.close(lock)


class _Locks:
    """The descriptors of this process's locks. A lock lasts as long as any process has its descriptor, so a forked
    child closes all of them, and nobody forks between the opening of one and its entry here."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Forget all of them."""
        self._quiet = Condition()
        self._opening = 0
        self._held: set[int] = set()

    def open(self, path: Path) -> int:
        """Open the file of a lock.

        Raises:
            OSError: it cannot be opened.
        """
        with self._counted():
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            self._held.add(lock)
        return lock

    def close(self, lock: int) -> None:
        """Close it, where a fork has not done so."""
        if lock in self._held:
            self._held.discard(lock)
            os.close(lock)

    def before_fork(self) -> None:
        """None is being opened from now on, unless the disk hangs."""
        self._quiet.acquire()
        self._quiet.wait_for(lambda: not self._opening, FORK_SECONDS)

    def after_fork(self) -> None:
        """In the parent all goes on."""
        self._quiet.release()

    def after_fork_in_child(self) -> None:
        """The parent's locks are no business of the child."""
        held = self._held
        self.renew()
        for lock in held:
            with suppress(OSError):
                os.close(lock)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._quiet:
            self._opening += 1
        try:
            yield
        finally:
            with self._quiet:
                self._opening -= 1
                self._quiet.notify_all()


_locks = _Locks()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_locks.before_fork,
        after_in_parent=_locks.after_fork,
        after_in_child=_locks.after_fork_in_child,
    )
