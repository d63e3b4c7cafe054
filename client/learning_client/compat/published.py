"""What the engine has said last of its health and its cycles."""

import os
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from redis.exceptions import NoPermissionError

from learning_client.background import Background
from learning_client.breaker import Breaker
from learning_client.connection import Connection, connection_to
from learning_client.guard import Troubles, guarded
from learning_client.lasting import lasts
from learning_client.names import checked_name, checked_prefix
from learning_client.switches import Switches, switches_from
from learning_client.version import LARGEST

EVERY_SECONDS = 5.0
NEWEST = 20
"""So many of the newest cycles are looked through for one of the strategy."""

NEVER_ASKED = "the broker was not heard yet"


class Part(Struct, frozen=True):
    """One part of the engine: ``healthy``, ``degraded`` or ``critical``, and why."""

    part: str
    state: str
    reasons: list[str] = []
    counts: dict[str, int] = {}


class Overview(Struct, frozen=True):
    """How every part was at ``at``, microseconds since 1970."""

    at: int
    parts: list[Part]


class CycleReport(Struct, frozen=True):
    """A cycle that has run to its end: the ids of what it proposed, and its report for people."""

    session: str
    kind: str
    proposals: list[str]
    report: str
    strategy: str = "main"


class Cycle(Struct, frozen=True):
    """A cycle and when it was told."""

    time: datetime
    data: CycleReport


class Published:
    """Asks the broker every few seconds, on a thread of its own, what the engine has said last; reads are from memory.

    Nothing is asked while ``switches.integration`` is off. ::

        published = Published(url, switches=publisher.switches)
        published.start()

    Attributes:
        unknown: why what is None is not known.

    Raises:
        Misuse: only by the constructor, for a strategy or prefix that the engine would refuse.
    """

    def __init__(self, url: str, *, strategy: str = "main", prefix: str = "", switches: Switches | None = None) -> None:
        self._url = url
        self._strategy = checked_name("strategy", strategy)
        self._prefix = checked_prefix(prefix)
        self._switches = switches or switches_from(os.environ)
        self._troubles = Troubles()
        self._background = Background(
            "learning-client-published",
            self._turn,
            finished=lambda: True,
            troubles=self._troubles,
            breaker=Breaker(),
        )
        self._started = False
        self._health: Overview | None = None
        self._cycle: Cycle | None = None
        self.unknown = NEVER_ASKED
        self._hang_up()
        lasts(self)

    @guarded("start", otherwise=None)
    def start(self) -> None:
        """Begin to ask."""
        self._started = True
        self._background.ensure()

    @property
    def health(self) -> Overview | None:
        """The last word of health, or None."""
        self._awake()
        return self._health

    @property
    def cycle(self) -> Cycle | None:
        """The newest cycle of the strategy, or None."""
        self._awake()
        return self._cycle

    @guarded("close", otherwise=False)
    def close(self, timeout: float = 2.0) -> bool:
        """Ask no more; what is known stays. Waits at most ``timeout`` seconds, and says whether it ended."""
        return self._background.stop(timeout)

    def renew(self) -> None:
        """For a forked child: what is known stays, and a thread of its own begins with the next read."""
        self._hang_up()
        self._troubles.renew()
        self._background.renew()

    def trouble(self, name: str, error: Exception) -> None:
        """Count an error, and log the first of its kind."""
        self._troubles.note(f"Published.{name}", error)

    def _awake(self) -> None:
        if self._started:
            self._background.ensure()

    def _hang_up(self) -> None:
        self._connection: Connection | None = None
        self._after = "-"

    def _turn(self) -> None:
        if self._switches.integration:
            try:
                self._ask()
            except Exception:
                self._hang_up()
                raise
            self._background.reached()
        self._background.stopping.wait(EVERY_SECONDS)

    def _ask(self) -> None:
        if self._connection is None:
            self._connection = connection_to(self._url)
        stream = f"{self._prefix}cycle.completed"
        health, cycles = self._connection.ask_all(
            [
                ("GETRANGE", f"{self._prefix}health:overview", 0, LARGEST),
                ("XREVRANGE", stream, "+", self._after, "COUNT", NEWEST),
            ]
        )
        self.unknown = "the engine has published nothing of it"
        if body := self._allowed(health):
            self._health = self._decoded(body, Overview) or self._health
        entries = self._allowed(cycles) or []
        if entries:
            self._after = f"({entries[0][0].decode()}"
        for _, fields in entries:
            cycle = self._decoded(fields.get(b"event", b""), Cycle)
            if cycle is not None and cycle.data.strategy == self._strategy:
                self._cycle = cycle
                return

    def _allowed(self, answer: Any) -> Any:
        """The answer; None, and the reason is kept, where this user may not read it."""
        if isinstance(answer, NoPermissionError):
            self.unknown = f"this user of the broker may not read it: {answer}"
            self._troubles.note("what the engine published may not be read", answer)
            return None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _decoded(self, body: bytes, shape: Any) -> Any:
        try:
            return msgspec.json.decode(body, type=shape)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            self._troubles.note("what the engine published has an unknown shape", error)
            return None
