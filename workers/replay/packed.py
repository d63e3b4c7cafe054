"""Files as they lie on the disk: packed or not, told by their first bytes and never by their names."""

import gzip
import hashlib
import importlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, cast

from workers.replay.errors import UnreadableFile

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
BUFFER = 1 << 20


class PackedFile:
    """One file, open for reading; ``stream`` gives its bytes unpacked.

    Damage shows while reading, as UnreadableFile where it is read under ``intact``.

    Raises:
        UnreadableFile: it is not there, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _check(path)
        with intact(path):
            self.size = path.stat().st_size
            self._raw = path.open("rb")
        magic = self._raw.read(4)
        self._raw.seek(0)
        self.packing = "gzip" if magic[:2] == GZIP else "zstd" if magic == ZSTD else ""
        self.stream = self._unpacked()

    @property
    def position(self) -> int:
        """How many bytes of the file itself were read."""
        return self._raw.tell()

    def peek(self, count: int) -> bytes:
        """The first bytes, unpacked; only before anything is read."""
        with intact(self.path):
            return self.stream.peek(count)[:count]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._raw.close()

    def _unpacked(self) -> io.BufferedReader:
        if self.packing == "gzip":
            return io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=self._raw)), BUFFER)
        if self.packing == "zstd":
            arrow = pyarrow(f"{self.path} is packed with zstd")
            stream = arrow.CompressedInputStream(arrow.PythonFile(self._raw), "zstd")
            return io.BufferedReader(stream, BUFFER)
        return self._raw


@contextmanager
def intact(path: Path) -> Iterator[None]:
    """Turns what the system and the unpackers raise into one sentence about ``path``."""
    try:
        yield
    except FileNotFoundError as error:
        raise UnreadableFile(f"{path} is not there") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableFile(f"{path} is damaged: {error}; nothing of it was taken in") from error
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror or error}; nothing of it was taken in") from error


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits.

    Raises:
        UnreadableFile: it cannot be read.
    """
    _check(path)
    with intact(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(path: Path) -> None:
    """That it is something which ends: a device or a pipe may never do so, and cannot be read twice."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UnreadableFile(f"{path} is a device or a pipe; replay reads files: write what it gives into one first")


def pyarrow(what: str) -> Any:
    """The package that reads Parquet and zstd.

    Raises:
        UnreadableFile: it is not installed; begins with ``what``.
    """
    try:
        return importlib.import_module("pyarrow")  # an extra, and slow to import
    except ImportError as error:
        raise UnreadableFile(
            f"{what}, and pyarrow, which reads that, is not installed: pip install 'learning-engine[files]'"
        ) from error
