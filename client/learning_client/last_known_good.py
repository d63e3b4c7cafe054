"""The newest good version, in a file that outlives the process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import msgspec

from learning_client.arguments import checked_path
from learning_client.errors import RefusedVersion
from learning_client.lock import LOCKS, locked, unlock
from learning_client.version import LARGEST, Version, decode_version


class LastKnownGood:
    """A version of ``strategy`` at ``path``, replaced in one step; its checksum says whether it is whole."""

    def __init__(self, path: "str | os.PathLike[str]", *, strategy: str) -> None:
        self._path = checked_path("last_known_good", path)
        self._strategy = strategy

    def read(self) -> Version | None:
        """What is kept; None where nothing is.

        Raises:
            RefusedVersion: it is torn, larger than a version may be, or of another strategy.
            OSError: it cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                body = file.read(LARGEST + 1)
        except FileNotFoundError:
            return None
        version = decode_version(body)
        if version.strategy != self._strategy:
            raise RefusedVersion(version.id, f"{self._path} holds a version of strategy {version.strategy!r}")
        return version

    def keep(self, version: Version) -> None:
        """Replace what is kept, unless that is newer; whoever reads meanwhile finds the old one or the new one.

        Processes may share the file, a forked child and its parent too: each writes a file of its own, which then takes
        its place. One at a time does so, by the lock of a file beside it, where there are locks.

        Raises:
            OSError: it cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._alone():
            kept = None
            with suppress(RefusedVersion, OSError):
                kept = self.read()
            if kept is None or kept.id <= version.id:
                self._replace(version)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = None
        if LOCKS:
            with suppress(OSError):  # a disk without locks still has files
                lock = locked(self._path.with_name(f".{self._path.name}.lock"), waits=True)
        try:
            yield
        finally:
            if lock is not None:
                unlock(lock)

    def _replace(self, version: Version) -> None:
        new = self._path.with_name(f".{self._path.name}.{uuid4().hex}")
        try:
            self._write(new, msgspec.json.encode(version))
            new.replace(self._path)
        except OSError:
            new.unlink(missing_ok=True)
            raise

    def _write(self, path: Path, body: bytes) -> None:
        """Without a buffer, which a forked child would have a copy of."""
        with open(path, "xb", buffering=0, opener=_for_us_alone) as file:
            left = memoryview(body)
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
