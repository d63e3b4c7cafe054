"""More records than memory holds, in their order."""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from struct import Struct
from typing import BinaryIO, Self, cast

import msgspec

from workers.replay.errors import NoRoom
from workers.replay.record import Record

MEMORY = 64 << 20
"""So many bytes of records are sorted at once; what Python adds makes three times as much of it."""

OVERHEAD = 200
"""Bytes of a record beside its body, roughly."""

FAN_IN = 64
"""So many runs of one level become one of the next."""

BLOCK = 128
"""So many records are read from a run at once."""

_LENGTH = Struct(">I")
_RECORDS = msgspec.msgpack.Decoder(list[Record])


class Sorter:
    """Takes records in any order and gives them in theirs (an external merge sort).

    What does not fit into ``memory`` bytes lies in files without a name in the folder for temporary files, which
    are gone with the process however it ends.

    Raises:
        NoRoom: they cannot be written.
    """

    def __init__(self, *, memory: int = MEMORY, fan_in: int = FAN_IN) -> None:
        self._memory = memory
        self._fan_in = fan_in
        self._held: list[Record] = []
        self._size = 0
        self._levels: list[list[BinaryIO]] = []
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for run in self._runs():
            run.close()

    def __len__(self) -> int:
        return self._count

    def add(self, record: Record) -> None:
        """Take one more record."""
        self._held.append(record)
        self._count += 1
        self._size += len(record.body) + OVERHEAD
        if self._size >= self._memory:
            self._held.sort()
            self._keep(_spilled(self._held), level=0)
            self._held, self._size = [], 0

    def sorted(self) -> Iterator[Record]:
        """All of them, in their order; once."""
        self._held.sort()
        runs = self._runs()
        return heapq.merge(*map(_read, runs), self._held) if runs else iter(self._held)

    def _runs(self) -> list[BinaryIO]:
        return [run for level in self._levels for run in level]

    def _keep(self, run: BinaryIO, *, level: int) -> None:
        """Put a run beside those of its level; a full level becomes one run of the next, so that few files are open."""
        if level == len(self._levels):
            self._levels.append([])
        runs = self._levels[level]
        runs.append(run)
        if len(runs) == self._fan_in:
            merged = _spilled(heapq.merge(*map(_read, runs)))
            for one in runs:
                one.close()
            runs.clear()
            self._keep(merged, level=level + 1)


def _spilled(records: Iterable[Record]) -> BinaryIO:
    """A run of records that are in their order, to be read from its beginning."""
    try:
        return _written(records)
    except OSError as error:
        raise NoRoom(
            f"{tempfile.gettempdir()} has no room for what is being sorted: {error.strerror}; let TMPDIR name another "
            "folder, with about as much room as the files take when unpacked"
        ) from error


def _written(records: Iterable[Record]) -> BinaryIO:
    run = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115  closed by the sorter
    source = iter(records)
    while block := list(islice(source, BLOCK)):
        body = msgspec.msgpack.encode(block)
        run.write(_LENGTH.pack(len(body)))
        run.write(body)
    run.seek(0)
    return run


def _read(run: BinaryIO) -> Iterator[Record]:
    while head := run.read(_LENGTH.size):
        yield from _RECORDS.decode(run.read(_LENGTH.unpack(head)[0]))
