"""Reads versions from the broker: the snapshot key, then the stream of updates."""

from collections import deque
from collections.abc import Callable

from redis.exceptions import OutOfMemoryError

from learning_client.connection import Connection, connection_to
from learning_client.errors import RefusedVersion
from learning_client.update import Update
from learning_client.version import LARGEST, Version, VersionNumber, decode_version

BLOCK_MS = 1000


class Follower:
    """Hands every newer version of ``strategy`` to ``take``, and every refusal to ``refuse``.

    An update that follows the version in memory and whose checksum comes out is taken from the stream; after
    anything else (a gap, a damaged update, a lost connection) the whole snapshot is read. ``turn()`` raises
    what the connection raises; the next turn connects anew and begins with the snapshot.
    """

    def __init__(
        self,
        url: str,
        strategy: str,
        *,
        prefix: str,
        current: Callable[[], Version | None],
        take: Callable[[Version], None],
        refuse: Callable[[RefusedVersion], None],
    ) -> None:
        self._url = url
        self._strategy = strategy
        self._key = f"{prefix}params:{strategy}:snapshot"
        self._stream = f"{prefix}params.updated"
        self._current = current
        self._take = take
        self._refuse = refuse
        self._taken: deque[str] = deque(maxlen=64)
        self.hang_up()

    def hang_up(self) -> None:
        """Forget the connection."""
        self._connection: Connection | None = None
        self._last: str | bytes = "0-0"

    def turn(self) -> None:
        """Connect and read the snapshot, or, once connected, wait up to a second for updates."""
        try:
            if self._connection is None:
                connection = connection_to(self._url)
                self._read_whole(connection)
                self._connection = connection
            else:
                self._follow(self._connection)
        except Exception:
            self.hang_up()
            raise

    def _follow(self, connection: Connection) -> None:
        answer = connection.ask("XREAD", "COUNT", 100, "BLOCK", BLOCK_MS, "STREAMS", self._stream, self._last)
        for _, entries in answer or ():
            for entry, fields in entries:
                self._last = entry
                update = self._update(fields.get(b"event", b""))
                if update is None or not self._dealt_with(update):
                    self._read_whole(connection, update)
                    return  # the entries after this one are in the snapshot too

    def _update(self, body: bytes) -> Update | None:
        try:
            return Update(body)
        except RefusedVersion as refusal:
            self._refuse(refusal)
            return None

    def _dealt_with(self, update: Update) -> bool:
        """Whether nothing more need be read: not ours, a repeat, refused, or taken over."""
        if update.strategy != self._strategy or update.checksum in self._taken:
            return True
        try:
            update.check_schema()
            self._check_newer(update.id)
            if version := update.after(self._current()):
                self._found(version)
        except RefusedVersion as refusal:
            self._refuse(refusal)
            return True
        return version is not None

    def _read_whole(self, connection: Connection, update: Update | None = None) -> None:
        """Read the snapshot and go on behind it; ``update`` is why, and is refused where the snapshot lacks it.

        The end of the stream is read in the same transaction: what the engine publishes together stays together. A
        broker without memory takes no transaction: then the stream is read first, and what comes in between twice.
        """
        commands = [("XREVRANGE", self._stream, "+", "-", "COUNT", 1), ("GETRANGE", self._key, 0, LARGEST)]
        try:
            newest, body = connection.ask_together(commands)
        except OutOfMemoryError:
            newest, body = [connection.ask(*command) for command in commands]
        self._last = newest[0][0] if newest else "0-0"
        try:
            reached = self._found_whole(decode_version(body)) if body else None
        except RefusedVersion as refusal:
            number = refusal.number or (update.id if update else None)
            self._refuse(RefusedVersion(number, refusal.reason))
            return
        if update is not None and (reached is None or reached < update.id):
            reason = f"{update.id} does not follow what is in memory, and {self._key} does not hold it"
            self._refuse(RefusedVersion(update.id, reason))

    def _found_whole(self, version: Version) -> VersionNumber:
        current = self._current()
        if version.strategy != self._strategy:
            raise RefusedVersion(None, f"{self._key} holds strategy {version.strategy!r}, not {self._strategy!r}")
        if current is None or version.checksum != current.checksum:
            self._check_newer(version.id)
            self._found(version)
        return version.id

    def _check_newer(self, number: VersionNumber) -> None:
        current = self._current()
        if current is not None and number <= current.id:
            raise RefusedVersion(number, f"{number} is not newer than {current.id}, which is in force")

    def _found(self, version: Version) -> None:
        self._take(version)
        self._taken.append(version.checksum)
