"""Where examples are written: Parquet, or lines of JSON."""

import gzip
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import msgspec

from events.moments import moment_text
from schemas.errors import EngineError
from workers.export.column import Column, Kind, Values

STANDARD_OUTPUT = "-"
ENDINGS = (".parquet", ".jsonl", ".jsonl.gz")


class Unwritable(EngineError):
    """A file that cannot be written: its name, its folder, or what is needed for it."""


class Writer(Protocol):
    """Takes examples, portion by portion. What was written is whole after ``close``."""

    def write(self, rows: Sequence[Values]) -> None:
        """Add a portion."""

    def close(self) -> None:
        """Write what is left."""


@contextmanager
def writing(name: str, columns: Sequence[Column[Any]]) -> Iterator[Writer]:
    """A writer for the file ``name``, whose ending says the form; ``-`` writes lines of JSON to standard output.

    The file is written beside its place and moved there when all went well, so that it is never half a file.

    Raises:
        Unwritable: another ending, no such folder, no room, or pyarrow is not installed.
    """
    if name == STANDARD_OUTPUT:
        yield JsonLines(sys.stdout.buffer, columns)
        sys.stdout.buffer.flush()
        return
    if not name.endswith(ENDINGS):
        raise Unwritable(f"{name!r} ends in none of {', '.join(ENDINGS)}; name the file so, or {STANDARD_OUTPUT!r}")
    place = Path(name)
    beside = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        with beside.open("xb") as file:
            writer = _writer(name, file, columns)
            try:
                yield writer
            finally:
                writer.close()
        beside.replace(place)
    except OSError as error:
        raise Unwritable(f"{name} cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)


def _writer(name: str, file: IO[bytes], columns: Sequence[Column[Any]]) -> Writer:
    if name.endswith(".parquet"):
        return _parquet(file, columns)
    return JsonLines(file, columns, zipped=name.endswith(".gz"))


def _parquet(file: IO[bytes], columns: Sequence[Column[Any]]) -> Writer:
    try:
        module = importlib.import_module("workers.export.parquet")
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        raise Unwritable(
            "a .parquet file needs pyarrow, which is not installed: pip install 'learning-engine[files]', "
            "or write a .jsonl.gz file"
        ) from error
    writer: Writer = module.Parquet(file, columns)
    return writer


class JsonLines:
    """An object a line, all columns in every line, null where missing. The same examples give the same bytes."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column[Any]], *, zipped: bool = False) -> None:
        # Neither name nor time goes into the archive, or two files of the same examples would differ.
        self._zip = gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) if zipped else None
        self._file: IO[bytes] = self._zip or file  # type: ignore[assignment]
        self._names = [column.name for column in columns]
        self._times = [column.name for column in columns if column.kind is Kind.TIME]
        self._encoder = msgspec.json.Encoder()

    def write(self, rows: Sequence[Values]) -> None:
        """Add a line each."""
        self._file.write(self._encoder.encode_lines([self._object(row) for row in rows]))

    def close(self) -> None:
        """End the archive, where it is one."""
        if self._zip is not None:
            self._zip.close()

    def _object(self, row: Values) -> dict[str, Any]:
        made = dict(zip(self._names, row, strict=True))
        for name in self._times:
            if made[name] is not None:
                made[name] = moment_text(made[name])
        return made
