"""A folder that one process holds."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from uuid import uuid4

from learning_client.lock import locked, unlock

MOST_SLOTS = 64


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
            unlock(lock)

    def left(self, suffixes: Collection[str]) -> Iterator[Path]:
        """Move into the folder, file by file, what processes that are gone have left in theirs; where each is now.

        Raises:
            OSError: at the end, where some cannot be moved.
        """
        failed: OSError | None = None
        for number in range(MOST_SLOTS):
            place = self._parent / f"{self._name}-{number}"
            if place == self.folder or not place.is_dir() or (lock := locked(place / "lock")) is None:
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
                unlock(lock)
        if failed is not None:
            raise failed

    def _first_free(self) -> tuple[Path, int]:
        for number in range(MOST_SLOTS):
            place = self._parent / f"{self._name}-{number}"
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if (lock := locked(place / "lock")) is not None:
                return place, lock
        raise OSError(f"{self._parent}: {MOST_SLOTS} processes named {self._name!r} hold a folder each")
