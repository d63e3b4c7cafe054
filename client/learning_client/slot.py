"""A folder that one process holds."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition
from uuid import uuid4

try:
    import fcntl
except ImportError:  # pragma: no cover - not there on Windows
    fcntl = None  # type: ignore[assignment]

LOCKS = fcntl is not None
"""Whether this system can say that a process holds a folder."""

MOST_SLOTS = 64

FORK_SECONDS = 0.1
"""A fork waits so long at most for a lock that is being opened."""


class Slot:
    """One of the folders ``SOURCE-0``, ``SOURCE-1``, ... that no other process holds.

    The lock is the operating system's and ends with the process, however that ends. A forked child has none of it.

    Raises:
        OSError: the folder cannot be made, or 64 other processes hold theirs.
    """

    def __init__(self, folder: Path, source: str) -> None:
        self._parent, self._name = folder, source.replace("/", "_").replace(os.sep, "_")
        self.folder, lock = self._first_free()
        self._lock: int | None = lock

    def release(self) -> None:
        """Let another process have it."""
        lock, self._lock = self._lock, None
        if lock is not None:
            _locks.close(lock)

    def left(self, suffixes: Collection[str]) -> Iterator[Path]:
        """Move into the folder, file by file, what processes that are gone have left in theirs; where each is now.

        Raises:
            OSError: at the end, where some cannot be moved.
        """
        failed: OSError | None = None
        for number in range(MOST_SLOTS):
            place = self._parent / f"{self._name}-{number}"
            if place == self.folder or not place.is_dir() or (lock := _locked(place)) is None:
                continue
            try:
                for file in sorted(place.glob("*.*")):
                    if file.suffix in suffixes:
                        to = self.folder / f"{file.stem.partition('-')[0]}-{uuid4().hex}{file.suffix}"
                        try:
                            file.replace(to)
                        except OSError as error:
                            failed = error
                        else:
                            yield to
            finally:
                _locks.close(lock)
        if failed is not None:
            raise failed

    def _first_free(self) -> tuple[Path, int]:
        for number in range(MOST_SLOTS):
            place = self._parent / f"{self._name}-{number}"
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if (lock := _locked(place)) is not None:
                return place, lock
        raise OSError(f"{self._parent}: {MOST_SLOTS} processes named {self._name!r} hold a folder each")


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


def _locked(place: Path) -> int | None:
    lock = _locks.open(place / "lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _locks.close(lock)
        return None
    except OSError:
        _locks.close(lock)
        raise
    return lock
