"""The files of one replay, with the maps they are read by."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from schemas.calendar import Calendar
from workers.replay.csv_rows import csv_records
from workers.replay.errors import UnreadableFile
from workers.replay.formats import Format, format_of
from workers.replay.json_lines import JsonLines
from workers.replay.packed import PackedFile, digest_of
from workers.replay.parquet_rows import parquet_records
from workers.replay.record import Record
from workers.replay.rows import Rows

TELL_EVERY = 5_000
"""After so many rows it is told how far the reading is."""


class Source(NamedTuple):
    """One file, and the rows that its map makes, where it has a map."""

    path: Path
    rows: Rows | None


class Watcher(Protocol):
    """Hears how far a replay is."""

    def reading(self, part: float, rows: int) -> None:
        """The part of all files that was read, 0 to 1, and how many rows that were."""

    def taking(self, done: int, of: int, *, refused: int, settled: int) -> None:
        """So many events of all are through, of which so many were refused; sessions that settled."""


def digest(sources: Sequence[Source], options: Sequence[str]) -> str:
    """SHA-256 of the files, their maps and ``options``: what names a replay.

    Raises:
        UnreadableFile: a file is not there.
    """
    whole = hashlib.sha256()
    for source in sources:
        body = source.rows.map.body if source.rows else b""
        whole.update(f"{digest_of(source.path)} {hashlib.sha256(body).hexdigest()}\n".encode())
    whole.update("\n".join(options).encode())
    return whole.hexdigest()


class Sources:
    """Reads files from their beginning, one after the other.

    Raises (while reading):
        UnreadableFile: a file has no format that can be read, needs a map, or is damaged.
        InvalidMap: a map names a column that its file does not have.
    """

    def __init__(self, sources: Sequence[Source], *, calendars: Mapping[str, Calendar], max_bytes: int) -> None:
        self._sources = sources
        self._calendars = calendars
        self._max_bytes = max_bytes

    def records(self, watcher: Watcher) -> Iterator[Record]:
        """A record for each row of each file, in the order in which they lie there."""
        whole = max(1, sum(source.path.stat().st_size for source in self._sources if source.path.is_file()))
        before = rows = 0
        for number, source in enumerate(self._sources):
            with PackedFile(source.path) as file:
                told = _Told()
                for record in self._records(file, source, number, told):
                    yield record
                    rows += 1
                    if rows % TELL_EVERY == 0:
                        read = told.part * file.size if told.part is not None else file.position
                        watcher.reading((before + read) / whole, rows)
                before += file.size
        watcher.reading(1.0, rows)

    def _records(self, file: PackedFile, source: Source, number: int, told: "_Told") -> Iterator[Record]:
        kind = format_of(file)
        if kind is Format.JSON_LINES:
            lines = JsonLines(file, source.rows, number=number, max_bytes=self._max_bytes, calendars=self._calendars)
            return lines.records()
        if source.rows is None:
            raise UnreadableFile(
                f"{file.path} is {kind.value}: say with --map which of its columns is which field of which event"
            )
        if kind is Format.CSV:
            return csv_records(file, source.rows, number=number, max_bytes=self._max_bytes)
        return parquet_records(file, source.rows, number=number, told=told.hear)


class _Told:
    """Which part of a file was read, where its reader says so itself."""

    part: float | None = None

    def hear(self, part: float) -> None:
        self.part = part
