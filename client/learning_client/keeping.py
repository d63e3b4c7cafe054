"""The keeping of the newest version on disk, which waits for no disk that hangs."""

from collections.abc import Callable
from functools import partial

from learning_client.disk import Disk
from learning_client.errors import RefusedVersion
from learning_client.guard import Troubles
from learning_client.last_known_good import LastKnownGood
from learning_client.version import Version

UNUSABLE = "the last known good version cannot be used"
UNKEPT = "the last known good version cannot be kept"


class Keeping:
    """Reads and replaces the file of the last known good version on the thread of the disk.

    While the disk hangs what is to be kept waits, and a newer version takes its place.
    """

    def __init__(self, file: LastKnownGood, *, troubles: Troubles) -> None:
        self._file = file
        self._troubles = troubles
        self.renew()

    def renew(self) -> None:
        """For a forked child: nothing is under way."""
        self._disk = Disk()
        self._waiting: Version | None = None

    def begin(self, use: Callable[[Version], None]) -> None:
        """Hand what is kept to ``use``, within a second or, where the disk hangs, whenever it answers."""

        def read(version: Version | None) -> None:
            if version is not None:
                use(version)

        self._try(UNUSABLE, partial(self._disk.do, self._file.read, read))

    def keep(self, version: Version) -> None:
        """Replace what is kept."""
        self._waiting = version
        self.catch_up()

    def catch_up(self) -> None:
        """See to what waits since the disk hung."""
        if self._disk.hangs:
            self._try(UNUSABLE, self._disk.catch_up)
        version = self._waiting
        if version is not None and not self._disk.hangs:
            self._waiting = None
            self._try(UNKEPT, partial(self._disk.do, partial(self._file.keep, version), _nothing))

    def _try(self, trouble: str, work: Callable[[], object]) -> None:
        self._disk.attempt(work, trouble=trouble, troubles=self._troubles, errors=(RefusedVersion, OSError))


def _nothing(_: object) -> None:
    """What the disk gives is of no use."""
