"""Where a spool lies, as the program says it."""

from pathlib import Path

from msgspec import Struct

from learning_client.arguments import checked_number, checked_path
from learning_client.errors import Misuse
from learning_client.guard import Troubles
from learning_client.lock import LOCKS
from learning_client.moments import Clock, now
from learning_client.slot import Slot
from learning_client.spool import Spool
from learning_client.tally import Tally

LEAST_BYTES = 8 << 20


class SpoolFolder(Struct, frozen=True, kw_only=True):
    """Where events wait on disk, and how many bytes of them.

    The folder is made where it is not there. Processes may share it: each holds a part of it, and the first to come
    sends what one that is gone has left.

    Raises:
        Misuse: no path; less than 8 MiB, which is eight of the largest events; or this system has no locks of files.
    """

    path: str
    most_bytes: int = 64 << 20

    def __post_init__(self) -> None:
        if not LOCKS:
            raise Misuse("a spool needs the file locks of a POSIX system; leave spool out")
        checked_path("path", self.path)
        checked_number("most_bytes", self.most_bytes, least=LEAST_BYTES)

    def opened(
        self, source: str, *, dropped: Tally, unreadable: Tally, troubles: Troubles, clock: Clock = now
    ) -> Spool:
        """The spool of a process called ``source``.

        Raises:
            OSError: the folder cannot be made or written.
        """
        slot = Slot(Path(self.path), source)
        try:
            return Spool(
                slot,
                most_bytes=self.most_bytes,
                dropped=dropped,
                unreadable=unreadable,
                troubles=troubles,
                clock=clock,
            )
        except BaseException:
            slot.release()
            raise
