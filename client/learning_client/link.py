"""The link to one broker, and what it may have lost of what it acknowledged."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from msgspec.structs import replace
from redis.exceptions import ResponseError

from learning_client.acknowledged import Acknowledged
from learning_client.connection import Connection, connection_to
from learning_client.parcel import Parcel
from learning_client.portions import FEW

log = logging.getLogger("learning_client")

QUIET_SECONDS = 0.02
"""After so long it is seen first whether the broker is still the same: none starts anew sooner."""

MOST, A_SECOND = 200, 2_500
"""Where an answer takes long, more events leave together: as for so many a second, but no more than these. Whoever
writes and reads many has the interpreter for milliseconds, in which trading waits.
"""


class Link:
    """A connection that is made where it is needed, and known again behind it the broker of before.

    A broker that was started anew, or whose streams end before what it acknowledged, may have lost the last seconds:
    they are handed to ``lost``, before anything else is sent. ``meanwhile`` is called while an answer is awaited.

    Attributes:
        together: how many events should be sent in one go.
        clock_offset: seconds by which this clock is ahead of the broker's; None where that is not known.
    """

    def __init__(
        self, url: str, *, prefix: str, lost: Callable[[list[Parcel]], None], meanwhile: Callable[[], None]
    ) -> None:
        self._url = url
        self._meanwhile = meanwhile
        self._prefix = prefix
        self._lost = lost
        self.together = FEW
        self.clock_offset: float | None = None
        self._acknowledged = Acknowledged()
        self._run_id: str | None = None
        self._answered = 0.0
        self._connection: Connection | None = None

    def open(self) -> None:
        """Have a connection on which the broker has answered.

        Raises:
            RedisError: it does not.
        """
        self._connection = self._connection or self._connect()

    def hang_up(self) -> None:
        """Forget the connection."""
        self._connection = None

    def send(self, chosen: Callable[[int], Sequence[Parcel]]) -> list[tuple[Parcel, Any]]:
        """Send what ``chosen`` gives, of so many at most, once it is known that the broker is the same, in one go; with
        each its entry in the stream, or the error with which it was refused.

        Raises:
            RedisError: the broker is away or hung, and what it has taken is unknown.
        """
        connection = self._connection or self._connect()
        self._connection = None  # a connection that fails is not used again
        if time.monotonic() - self._answered > QUIET_SECONDS:
            with suppress(ResponseError):
                connection.ask("TIME")
        self._remind(connection)
        parcels = chosen(self.together)
        began = time.monotonic()
        answers = connection.ask_all(
            ("XADD", self._prefix + parcel.kind, "*", "event", parcel.body) for parcel in parcels
        )
        self._answered = time.monotonic()
        self.together = max(FEW, min(MOST, int((self._answered - began) * A_SECOND)))
        self._remind(connection)
        self._connection = connection
        return list(zip(parcels, answers, strict=True))

    def acknowledge(self, parcel: Parcel, entry: bytes) -> None:
        """The broker has ``parcel`` as ``entry``."""
        self._acknowledged.add(replace(parcel, again=True, segment=None), entry)

    def _connect(self) -> Connection:
        """A new connection, on which the clocks are compared; the offset is unknown where TIME is not permitted."""
        connection = connection_to(self._url, meanwhile=self._meanwhile)
        before = time.time()
        with suppress(ResponseError):
            seconds, micros = connection.ask("TIME")
            self.clock_offset = (before + time.time()) / 2 - (int(seconds) + int(micros) / 1e6)
        self._remind(connection)
        return connection

    def _remind(self, connection: Connection) -> None:
        """Where the connection is a new one, see whether the broker still has what it acknowledged."""
        if connection.is_new() and self._has_forgotten(connection):
            lost = self._acknowledged.take()
            self._lost(lost)
            with suppress(Exception):  # whatever handlers the program's log has
                log.warning("the broker may have lost the last seconds: %d events are sent again", len(lost))

    def _has_forgotten(self, connection: Connection) -> bool:
        """Whether it is not the server of before, or one of its streams ends before what it has acknowledged."""
        before, self._run_id = self._run_id, _run_id(connection) or self._run_id
        if before is not None and before != self._run_id:
            return True
        with suppress(ResponseError):
            for kind, entry in self._acknowledged.newest.items():
                found = connection.ask("XREVRANGE", self._prefix + kind, "+", "-", "COUNT", 1)
                if not found or _place(found[0][0]) < _place(entry):
                    return True
        return False


def _run_id(connection: Connection) -> str | None:
    """Differs after every start of a server; None where INFO is not permitted."""
    try:
        found = connection.ask("INFO", "server")
    except ResponseError:
        return None
    return str(found["run_id"]) if "run_id" in found else None


def _place(entry: bytes) -> tuple[int, ...]:
    """Where an entry lies in its stream: milliseconds and number."""
    return tuple(int(part) for part in entry.split(b"-"))
