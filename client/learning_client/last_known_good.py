"""The newest good version, in a file that outlives the process."""

import os
import tempfile
from pathlib import Path

import msgspec

from learning_client.errors import RefusedVersion
from learning_client.version import LARGEST, Version, decode_version


class LastKnownGood:
    """A version of ``strategy`` at ``path``, replaced in one step; its checksum says whether it is whole."""

    def __init__(self, path: "str | os.PathLike[str]", *, strategy: str) -> None:
        self._path = Path(path).absolute()
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
        """Replace what is kept; whoever reads meanwhile finds the old one or the new one.

        Raises:
            OSError: it cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._path.parent, prefix=f".{self._path.name}.", delete=False) as new:
            try:
                new.write(msgspec.json.encode(version))
                new.flush()
                os.fsync(new.fileno())
                new.close()
                Path(new.name).replace(self._path)
            except OSError:
                Path(new.name).unlink()
                raise
