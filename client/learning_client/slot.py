"""A folder that one process holds."""

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - not there on Windows
    fcntl = None  # type: ignore[assignment]

LOCKS = fcntl is not None
"""Whether this system can say that a process holds a folder."""

MOST_SLOTS = 64


class Slot:
    """One of the folders ``SOURCE-0``, ``SOURCE-1``, ... that no other process holds.

    What processes that are gone have left in their folders is moved into it. The lock is the operating system's and
    ends with the process, however that ends.

    Raises:
        OSError: the folder cannot be made, or 64 other processes hold theirs.
    """

    def __init__(self, folder: Path, source: str) -> None:
        self._name = source.replace("/", "_").replace(os.sep, "_")
        self.folder, lock = self._first_free(folder)
        self._lock: int | None = lock
        self._move_in(folder)

    def release(self) -> None:
        """Let another process have it."""
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def _first_free(self, folder: Path) -> tuple[Path, int]:
        for number in range(MOST_SLOTS):
            place = folder / f"{self._name}-{number}"
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if (lock := _locked(place)) is not None:
                return place, lock
        raise OSError(f"{folder}: {MOST_SLOTS} processes named {self._name!r} hold a folder each")

    def _move_in(self, folder: Path) -> None:
        for place in sorted(folder.glob(f"{self._name}-*")):
            if place == self.folder or not place.is_dir() or (lock := _locked(place)) is None:
                continue
            for number, file in enumerate(sorted(place.glob("*.*"))):
                file.replace(self.folder / f"{file.stem}-{place.name.rpartition('-')[2]}-{number}{file.suffix}")
            os.close(lock)


def _locked(place: Path) -> int | None:
    lock = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock
