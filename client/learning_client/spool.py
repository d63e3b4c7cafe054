"""What waits on disk while the broker is away."""

import os
import struct
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from msgspec import Struct

from learning_client.errors import Misuse
from learning_client.guard import Troubles
from learning_client.letter import LARGEST
from learning_client.parcel import PRICE, Parcel
from learning_client.slot import LOCKS, Slot
from learning_client.tally import Tally

HEAD = struct.Struct(">IIQB")
"""Of a record: bytes of the body, CRC-32 of all that follows it, its place, bytes of the kind."""

LEAST_BYTES = 8 << 20

SEGMENTS = 64
"""A spool is given up in parts of this size: its bound / 64."""

LANES = {True: "prices", False: "facts"}


class SpoolFolder(Struct, frozen=True, kw_only=True):
    """Where events wait on disk, and how many bytes of them.

    The folder is made where it is not there. Processes may share it: each holds a part of it, and the first to come
    sends what one that is gone has left.

    Raises:
        Misuse: less than 8 MiB, which is eight of the largest events; or this system has no locks of files.
    """

    path: str
    most_bytes: int = 64 << 20

    def __post_init__(self) -> None:
        if not LOCKS:
            raise Misuse("a spool needs the file locks of a POSIX system; leave spool out")
        if self.most_bytes < LEAST_BYTES:
            raise Misuse(f"most_bytes {self.most_bytes!r} of a spool: at least {LEAST_BYTES} are needed")

    def opened(self, source: str, *, dropped: Tally, troubles: Troubles) -> "Spool":
        """The spool of a process called ``source``.

        Raises:
            OSError: the folder cannot be made or written.
        """
        slot = Slot(Path(self.path), source)
        return Spool(slot, most_bytes=self.most_bytes, dropped=dropped, troubles=troubles)


class Segment:
    """A part of a spool in a file of its own: records that are appended at its end and taken from its beginning.

    Attributes:
        size: bytes of whole records.
        waiting: records that nobody has taken, by kind.
        unsettled: records that are not acknowledged, taken or not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.waiting: Counter[str] = Counter()
        self.unsettled = 0
        self._file = _opened(path)
        self._read = 0
        self._ahead: tuple[int, str, bytes] | None = None

    def append(self, place: int, parcel: Parcel) -> None:
        """Write a record; one that is not written whole is as if it had never been.

        Raises:
            OSError: the disk is full or gone.
        """
        kind = parcel.kind.encode()
        rest = place.to_bytes(8, "big") + bytes([len(kind)]) + kind + parcel.body
        record = struct.pack(">II", len(parcel.body), zlib.crc32(rest)) + rest
        self._file.seek(self.size)
        written = self._file.write(record)
        if written != len(record):
            self._file.truncate(self.size)
            raise OSError(f"{self.path}: {written} of {len(record)} bytes were written")
        self.size += len(record)
        self.waiting[parcel.kind] += 1
        self.unsettled += 1

    def recover(self) -> Iterator[tuple[int, str]]:
        """Place and kind of each record that an earlier process left, up to the first that is not whole."""
        while (found := self._record_at(self.size)) is not None:
            place, kind, body = found
            self.size += HEAD.size + len(kind) + len(body)
            self.waiting[kind] += 1
            self.unsettled += 1
            yield place, kind

    @property
    def torn(self) -> int:
        """Bytes behind the last whole record."""
        return os.fstat(self._file.fileno()).st_size - self.size

    def next_place(self) -> int:
        """The place of the first record that nobody has taken; -1 where it is damaged, so that this is seen at once."""
        if self._ahead is None:
            self._ahead = self._record_at(self._read)
        return -1 if self._ahead is None else self._ahead[0]

    def take(self) -> Parcel | None:
        """The first record that nobody has taken; None where it is damaged."""
        if self.next_place() < 0 or self._ahead is None:
            return None
        _, kind, body = self._ahead
        self._ahead = None
        self._read += HEAD.size + len(kind) + len(body)
        self.waiting[kind] -= 1
        return Parcel(-1, kind, body, segment=self)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def remove(self) -> None:
        """Delete the file."""
        self._file.close()
        with suppress(OSError):  # what is left is sent again by the next process
            self.path.unlink()

    def _record_at(self, offset: int) -> tuple[int, str, bytes] | None:
        self._file.seek(offset)
        head = self._file.read(HEAD.size)
        if len(head) < HEAD.size:
            return None
        length, checksum, place, name = HEAD.unpack(head)
        if length > LARGEST:
            return None
        rest = self._file.read(name + length)
        if len(rest) < name + length or zlib.crc32(head[8:] + rest) != checksum:
            return None
        return place, rest[:name].decode(), rest[name:]


class Spool:
    """Events in files of a folder that one process holds, oldest first, at most ``most_bytes`` of them.

    What is beyond the bound goes in whole segments: the oldest prices, and where none are left the oldest of the rest.
    ``dropped`` counts them by kind. A segment is deleted when all of it is acknowledged, so what was
    taken and not acknowledged is sent again by the next process: an event may come twice.
    """

    def __init__(self, slot: Slot, *, most_bytes: int, dropped: Tally, troubles: Troubles) -> None:
        self._slot = slot
        self._most = most_bytes
        self._dropped = dropped
        self._troubles = troubles
        self._lock = Lock()
        self._lanes: dict[bool, deque[Segment]] = {True: deque(), False: deque()}
        self._next = 0
        self._counts: dict[str, int] = {}
        self._recover(sorted(slot.folder.glob("*.*"))[::-1])
        self.take_over()

    def __len__(self) -> int:
        return sum(self._counts.values())

    def counts(self) -> dict[str, int]:
        """How many events wait, by kind. Waits for no disk."""
        return dict(self._counts)

    def take_over(self) -> None:
        """Add what other processes of this source have left that are gone.

        Raises:
            OSError: a folder cannot be read.
        """
        left = self._slot.left()
        with self._lock:
            self._recover(left[::-1])
            self._count()

    def append(self, parcels: Sequence[Parcel]) -> None:
        """Keep ``parcels`` behind all that are kept.

        Raises:
            OSError: the disk is full or gone; those before the failing one are kept.
        """
        with self._lock:
            for parcel in parcels:
                self._active(parcel.kind == PRICE).append(self._next, parcel)
                self._next += 1
                while sum(segment.size for segment in self._segments()) > self._most and self._give_up():
                    pass
            self._count()

    def take(self, limit: int) -> list[Parcel]:
        """Up to ``limit`` events from the oldest on."""
        taken: list[Parcel] = []
        with self._lock:
            while len(taken) < limit and (segment := self._oldest()) is not None:
                if (parcel := segment.take()) is not None:
                    taken.append(parcel)
                else:
                    self._troubles.note(f"{segment.path} is damaged", "what was left of it is dropped")
                    self._abandon(segment)
            self._count()
        return taken

    def settle(self, parcel: Parcel) -> None:
        """The broker has ``parcel``, or has refused it for good."""
        segment = parcel.segment
        with self._lock:
            if segment is None:
                return
            segment.unsettled -= 1
            if not segment.unsettled:
                for lane in self._lanes.values():
                    if segment in lane:
                        lane.remove(segment)
                segment.remove()

    def close(self) -> None:
        """Let go of the folder; what waits is for the next process. A forked child does so without a lock."""
        for segment in self._segments():
            segment.close()
        self._slot.release()

    def _recover(self, paths: Sequence[Path]) -> None:
        for path in paths:
            if path.suffix[1:] not in LANES.values():
                continue
            segment = Segment(path)
            for place, _ in segment.recover():
                self._next = max(self._next, place + 1)
            if segment.torn:
                self._troubles.note(f"{path} has a torn end", f"{segment.torn} bytes of it are dropped")
            if segment.unsettled:
                self._lanes[path.suffix == f".{LANES[True]}"].appendleft(segment)
            else:
                segment.remove()

    def _count(self) -> None:
        total: Counter[str] = Counter()
        for segment in self._segments():
            total.update(segment.waiting)
        self._counts = {kind: count for kind, count in total.items() if count}

    def _segments(self) -> Iterator[Segment]:
        for lane in self._lanes.values():
            yield from lane

    def _active(self, prices: bool) -> Segment:
        lane = self._lanes[prices]
        if not lane or lane[-1].size >= self._most // SEGMENTS:
            lane.append(Segment(self._slot.folder / f"{self._next:020d}.{LANES[prices]}"))
        return lane[-1]

    def _oldest(self) -> Segment | None:
        first = [next((one for one in lane if one.waiting.total()), None) for lane in self._lanes.values()]
        return min((one for one in first if one is not None), key=Segment.next_place, default=None)

    def _give_up(self) -> bool:
        """Delete the oldest segment, of prices first, of which nothing is on its way; whether there was one."""
        for segment in self._segments():
            if segment.unsettled == segment.waiting.total():
                self._abandon(segment)
                return True
        return False

    def _abandon(self, segment: Segment) -> None:
        for kind, count in segment.waiting.items():
            if count:
                self._dropped.add(kind, count)
        segment.waiting.clear()
        for lane in self._lanes.values():
            if segment in lane:
                lane.remove(segment)
        segment.remove()


def _opened(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
