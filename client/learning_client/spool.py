"""What waits on disk while the broker is away."""

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from errno import EMFILE, ENFILE, ENOMEM
from operator import attrgetter
from pathlib import Path
from threading import Lock

from learning_client.descriptors import Descriptors
from learning_client.guard import Troubles
from learning_client.moments import Clock
from learning_client.parcel import PRICE, Parcel
from learning_client.segment import ASIDE, Segment
from learning_client.slot import Slot
from learning_client.tally import Tally

SEGMENTS = 64
"""A spool is given up in parts of this size: its bound / 64."""

LANES = {True: "prices", False: "facts"}

SUFFIXES = frozenset(f".{lane}" for lane in LANES.values())

OURS = frozenset({EMFILE, ENFILE, ENOMEM})
"""Errors that are no fault of the file."""


class Spool:
    """Events in files of a folder that one process holds, oldest first, at most ``most_bytes`` of them.

    Each event has a place, which is the time at which it was put here, and after that of the event before it. What was
    left by other processes is among one's own by the time of each file's first event, every file in its own order.

    What is beyond the bound goes in whole files: the oldest that was put aside, then the oldest prices, and where
    none are left the oldest of the rest. ``dropped`` counts them by kind. A segment is deleted when all of it is
    acknowledged, so what was taken and not acknowledged is sent again by the next process: an event may come twice. A
    file that is damaged or cannot be read is put aside under another name, ``unreadable`` counts the events that are
    known to wait in it by its name, and the rest goes on.
    """

    def __init__(
        self, slot: Slot, *, most_bytes: int, dropped: Tally, unreadable: Tally, troubles: Troubles, clock: Clock
    ) -> None:
        self._slot = slot
        self._most = most_bytes
        self._dropped = dropped
        self._unreadable = unreadable
        self._troubles = troubles
        self._clock = clock
        self._lock = Lock()
        self._closed = False
        self._descriptors = Descriptors()
        self._lanes: dict[bool, list[Segment]] = {True: [], False: []}
        self._active: dict[bool, Segment | None] = {True: None, False: None}
        self._aside = {path: _size(path) for path in sorted(slot.folder.glob(f"*{ASIDE}"))}
        self._last = 0
        self._counts: dict[str, int] = {}
        try:
            self._recover(path for path in sorted(slot.folder.glob("*.*")) if path.suffix in SUFFIXES)
            self.take_over()
        except BaseException:
            self._descriptors.close_all()
            raise

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
        with self._lock:
            if self._closed:
                return
            try:
                self._recover(self._slot.left(SUFFIXES))
            finally:
                self._count()

    def append(self, parcels: Sequence[Parcel]) -> int:
        """Keep ``parcels`` behind all that are kept; how many of them there was room for.

        Raises:
            OSError: the disk is full or gone, and none is kept.
        """
        with self._lock:
            if self._closed:
                raise OSError(f"{self._slot.folder} was let go of")
            kept = 0
            try:
                for parcel in parcels:
                    self._keep(parcel)
                    kept += 1
            except OSError:
                if not kept:
                    raise
            finally:
                self._count()
            return kept

    def take(self, limit: int) -> list[Parcel]:
        """Up to ``limit`` events from the oldest on.

        Raises:
            OSError: this process may open no more files.
        """
        taken: list[Parcel] = []
        with self._lock:
            try:
                while len(taken) < limit and not self._closed and (segment := self._oldest()) is not None:
                    taken.append(segment.take())
            except OSError:
                if not taken:
                    raise
            finally:
                self._count()
        return taken

    def settle(self, parcels: Iterable[Parcel]) -> None:
        """The broker has ``parcels``, or has refused them for good."""
        with self._lock:
            for parcel in parcels:
                segment = parcel.segment
                if segment is None:
                    continue
                segment.unsettled -= 1
                if not (segment.unsettled or segment.gone or self._closed):
                    self._finish(segment)

    def close(self) -> None:
        """Let go of the folder; what waits is for the next process."""
        with self._lock:
            self.let_go()

    def let_go(self) -> None:
        """As ``close()``, in a forked child, where the lock may be held by nobody."""
        self._closed = True
        self._descriptors.close_all()
        self._slot.release()

    def _keep(self, parcel: Parcel) -> None:
        place = max(self._last + 1, self._clock())
        self._segment(parcel.kind == PRICE, place).append(place, parcel)
        self._last = place
        while self._size() > self._most and self._give_up():
            pass

    def _size(self) -> int:
        """Bytes of all files, those included that were put aside."""
        return sum(segment.size for segment in self._segments()) + sum(self._aside.values())

    def _recover(self, paths: Iterable[Path]) -> None:
        for path in paths:
            segment = Segment(path, self._descriptors)
            try:
                for place in segment.recover():
                    self._last = max(self._last, place)
            except OSError as error:
                self._check_ours(error)
                self._put_aside(segment, error)
                continue
            if segment.unsettled:
                insort(self._lanes[path.suffix == f".{LANES[True]}"], segment, key=attrgetter("first"))
                segment.close()
            else:
                self._finish(segment)

    def _count(self) -> None:
        total: Counter[str] = Counter()
        for segment in self._segments():
            total.update(segment.waiting)
        self._counts = {kind: count for kind, count in total.items() if count}

    def _segments(self) -> Iterator[Segment]:
        for lane in self._lanes.values():
            yield from lane

    def _segment(self, prices: bool, place: int) -> Segment:
        """Where the next record goes: never into a file that another process has begun."""
        active = self._active[prices]
        if active is None or active.gone or active.size >= self._most // SEGMENTS:
            active = Segment(self._slot.folder / f"{place:020d}.{LANES[prices]}", self._descriptors)
            active.begin(place)
            self._lanes[prices].append(active)
            self._active[prices] = active
        return active

    def _oldest(self) -> Segment | None:
        """The segment with the oldest event that nobody has taken; those that cannot be read are put aside."""
        while True:
            first = [next((one for one in lane if one.waiting.total()), None) for lane in self._lanes.values()]
            found: list[tuple[int, Segment]] = []
            for segment in first:
                if segment is not None:
                    try:
                        found.append((segment.next_place(), segment))
                    except OSError as error:
                        self._check_ours(error)
                        self._put_aside(segment, error)
                        break
            else:
                return min(found, key=lambda one: one[0])[1] if found else None

    def _give_up(self) -> bool:
        """Delete the oldest file that was put aside, or else the oldest segment, of prices first, of which nothing is
        on its way; whether there was one."""
        if self._aside:
            self._delete_aside()
            return True
        for segment in self._segments():
            if segment.unsettled == segment.waiting.total():
                self._troubles.note("the spool is full", f"{self._most} bytes wait; the oldest events go, prices first")
                for kind, count in segment.waiting.items():
                    if count:
                        self._dropped.add(kind, count)
                self._forget(segment)
                segment.remove()
                return True
        return False

    def _finish(self, segment: Segment) -> None:
        """All events that were found in it are at the broker."""
        if segment.torn:
            self._put_aside(segment, OSError(f"the last {segment.torn} bytes of it are no whole event"))
        else:
            self._forget(segment)
            segment.remove()

    def _put_aside(self, segment: Segment, error: OSError) -> None:
        """What was taken of it is on its way; the rest waits for somebody to look at the file."""
        count = segment.waiting.total()
        self._forget(segment)
        aside = segment.put_aside()
        name = aside.name
        if aside.suffix == ASIDE:
            self._aside[aside] = _size(aside)
        self._unreadable.add(name, count)
        self._troubles.note(f"{segment.path} cannot be read", f"{error}; it is kept as {name}, with {count} events")

    def _delete_aside(self) -> None:
        path = next(iter(self._aside))
        del self._aside[path]
        self._troubles.note("a file of the spool that cannot be read is deleted", f"{path}: the spool is full")
        with suppress(OSError):  # the disk is full or gone, or it is no file
            path.unlink()

    def _forget(self, segment: Segment) -> None:
        segment.waiting.clear()
        for lane in self._lanes.values():
            if segment in lane:
                lane.remove(segment)

    @staticmethod
    def _check_ours(error: OSError) -> None:
        if error.errno in OURS:
            raise error


def _size(path: Path) -> int:
    """Bytes of a file, 0 where the disk does not say."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
