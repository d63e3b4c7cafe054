"""Whether the store can be reached, has room, and commits in time."""

import shutil
from pathlib import Path

from sqlalchemy import Connection

from schemas.reports import HealthState
from schemas.settings import Settings
from store.errors import StoreUnavailable
from store.measure import file_of, size_of
from workers.checks.reading import Figure, Reading, Reason, span

PART = "store"
GIGABYTE = 10**9


class StoreCheck:
    """Looks at the file under the store and at how long the last commit took.

    A file that was moved away or replaced is noticed: whoever has it open goes on writing into the old one.
    """

    def __init__(self, *, settings: Settings) -> None:
        self._file = file_of(settings.store_url)
        self._free = settings.health_free_gigabytes
        self._commit = settings.health_commit_seconds
        self._inode = self._inode_now()

    def ensure_there(self) -> None:
        """Make sure that the file is there and is still the one that was opened.

        Raises:
            StoreUnavailable
        """
        if self._file is None:
            return
        inode = self._inode_now()
        if inode is None:
            raise StoreUnavailable(
                f"the store's file {self._file} is not there: put it back (docs/deploying.md tells of copies), or "
                "`learning db upgrade` makes an empty one"
            )
        if self._inode is None:
            self._inode = inode
        if inode != self._inode:
            raise StoreUnavailable(
                f"the store's file {self._file} was replaced while it was open: restart every process of the engine, "
                "or they go on with the old one"
            )

    def look(self, reading: Connection, *, commit_seconds: float | None) -> list[Reading]:
        """One reading; ``commit_seconds``: how long the last commit took, waiting for other writers included."""
        figures = [Figure("store_size_bytes", size_of(reading))]
        reasons = []
        if commit_seconds is not None:
            figures.append(Figure("store_commit_seconds", commit_seconds))
            if commit_seconds >= self._commit:
                text = f"a commit took {span(commit_seconds)} (limit {span(self._commit)})"
                advice = "another writer holds the store for long, or its disk is slow or nearly full"
                reasons.append(Reason("commit", f"{text}; {advice}"))
        if self._file is not None:
            free = shutil.disk_usage(self._file.parent).free
            figures.append(Figure("store_free_bytes", free))
            if free < self._free * GIGABYTE:
                state = HealthState.CRITICAL if free < self._free * GIGABYTE / 10 else HealthState.DEGRADED
                text = f"{free / GIGABYTE:.2f} GB are free under {self._file.parent} (limit {self._free:g} GB)"
                reasons.append(Reason("room", f"{text}; make room, or move the store", state))
        return [Reading(PART, tuple(reasons), tuple(figures))]

    def _inode_now(self) -> int | None:
        return inode_of(self._file) if self._file is not None else None


def inode_of(file: Path) -> int | None:
    """Which file lies at this path; None where there is none."""
    try:
        return file.stat().st_ino
    except OSError:
        return None
