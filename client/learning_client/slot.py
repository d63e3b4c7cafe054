"""A folder that one process holds."""

import os
from pathlib import Path
from uuid import uuid4

try:
    import fcntl
except ImportError:  # pragma: no cover - not there on Windows
    fcntl = None  # type: ignore[assignment]

LOCKS = fcntl is not None
"""Whether this system can say that a process holds a folder."""

MOST_SLOTS = 64


class Slot:
    """One of the folders ``SOURCE-0``, ``SOURCE-1``, ... that no other process holds.

    The lock is the operating system's and ends with the process, however that ends.

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
            os.close(lock)

    def left(self) -> list[Path]:
        """Move into the folder what processes that are gone have left in theirs; where it is now."""
        moved = []
        for number in range(MOST_SLOTS):
            place = self._parent / f"{self._name}-{number}"
            if place == self.folder or not place.is_dir() or (lock := _locked(place)) is None:
                continue
            try:
                for file in sorted(place.glob("*.*")):
                    to = self.folder / f"{file.stem.partition('-')[0]}-{uuid4().hex}{file.suffix}"
                    file.replace(to)
                    moved.append(to)
            finally:
                os.close(lock)
        return moved

    def _first_free(self) -> tuple[Path, int]:
        for number in range(MOST_SLOTS):
            place = self._parent / f"{self._name}-{number}"
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if (lock := _locked(place)) is not None:
                return place, lock
        raise OSError(f"{self._parent}: {MOST_SLOTS} processes named {self._name!r} hold a folder each")


def _locked(place: Path) -> int | None:
    lock = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock
