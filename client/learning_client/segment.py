"""A part of a spool."""

import os
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from learning_client.descriptors import Descriptors
from learning_client.letter import LARGEST
from learning_client.parcel import Parcel

HEAD = struct.Struct(">IIQB")
"""Of a record: bytes of the body, CRC-32 of all that follows it, its place, bytes of the kind."""

AGAIN = 128
"""Beside the bytes of the kind: the broker had the event already."""

ASIDE = ".unreadable"
"""Ends the name of a file that was put aside."""


class Segment:
    """Records in a file of their own, which are appended at its end and taken from its beginning.

    Attributes:
        first: the place of its first record.
        size: bytes of whole records.
        waiting: records that nobody has taken, by kind.
        unsettled: records that are not acknowledged, taken or not.
        torn: bytes that an earlier process left behind the whole records.
        gone: whether its file is deleted or put aside.
    """

    def __init__(self, path: Path, descriptors: Descriptors) -> None:
        self.path = path
        self.first = 0
        self.size = 0
        self.waiting: Counter[str] = Counter()
        self.unsettled = 0
        self.torn = 0
        self.gone = False
        self._descriptors = descriptors
        self._read = 0
        self._ahead: tuple[int, Parcel] | None = None

    def begin(self, place: int) -> None:
        """Make the file.

        Raises:
            OSError: it cannot be made.
        """
        self.first = place
        self._descriptors.make(self.path)

    def append(self, place: int, parcel: Parcel) -> None:
        """Write a record; one that is not written whole is as if it had never been.

        Raises:
            OSError: the disk is full or gone.
        """
        kind = parcel.kind.encode()
        rest = place.to_bytes(8, "big") + bytes([len(kind) | AGAIN * parcel.again]) + kind + parcel.body
        record = struct.pack(">II", len(parcel.body), zlib.crc32(rest)) + rest
        file = self._descriptors.of(self.path)
        file.seek(self.size)
        written = file.write(record)
        if written != len(record):
            file.truncate(self.size)
            raise OSError(f"{self.path}: {written} of {len(record)} bytes were written")
        self.size += len(record)
        self.waiting[parcel.kind] += 1
        self.unsettled += 1

    def recover(self) -> Iterator[int]:
        """The place of each record that an earlier process left, up to the first that is not whole.

        Raises:
            OSError: the file cannot be read.
        """
        while (found := self._record_at(self.size)) is not None:
            place, parcel = found
            if not self.size:
                self.first = place
            self.size += _length(parcel)
            self.waiting[parcel.kind] += 1
            self.unsettled += 1
            yield place
        self.torn = os.fstat(self._descriptors.of(self.path).fileno()).st_size - self.size

    def next_place(self) -> int:
        """The place of the first record that nobody has taken.

        Raises:
            OSError: it is damaged, or cannot be read.
        """
        if self._ahead is None:
            self._ahead = self._record_at(self._read)
        if self._ahead is None:
            raise OSError(f"{self.path}: the record at byte {self._read} is damaged")
        return self._ahead[0]

    def take(self) -> Parcel:
        """The first record that nobody has taken.

        Raises:
            OSError: it is damaged, or cannot be read.
        """
        self.next_place()
        assert self._ahead is not None
        _, parcel = self._ahead
        self._ahead = None
        self._read += _length(parcel)
        self.waiting[parcel.kind] -= 1
        return parcel

    def close(self) -> None:
        """Nothing more will be needed for now."""
        self._descriptors.close(self.path)

    def remove(self) -> None:
        """Delete the file."""
        self.gone = True
        with suppress(OSError):  # what is left is sent again by the next process
            self.close()
            self.path.unlink()

    def put_aside(self) -> Path:
        """Give the file a name under which nobody reads it, and say which; its own where the disk refuses."""
        self.gone = True
        aside = self.path.with_name(self.path.name + ASIDE)
        try:
            self.close()
            return self.path.replace(aside)
        except OSError:
            return self.path

    def _record_at(self, offset: int) -> tuple[int, Parcel] | None:
        file = self._descriptors.of(self.path)
        file.seek(offset)
        head = file.read(HEAD.size)
        if len(head) < HEAD.size:
            return None
        length, checksum, place, name = HEAD.unpack(head)
        again, name = name >= AGAIN, name % AGAIN
        if length > LARGEST:
            return None
        rest = file.read(name + length)
        if len(rest) < name + length or zlib.crc32(head[8:] + rest) != checksum:
            return None
        return place, Parcel(-1, rest[:name].decode(), rest[name:], again, self)


def _length(parcel: Parcel) -> int:
    """Bytes of its record."""
    return HEAD.size + len(parcel.kind.encode()) + len(parcel.body)
