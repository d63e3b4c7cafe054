"""Tells the engine what trading saw, did and got."""

import hashlib
import os
from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any

from msgspec import structs
from redis.connection import parse_url

from learning_client.arguments import (
    checked_call,
    checked_clock,
    checked_kind,
    checked_number,
    checked_path,
    checked_url,
)
from learning_client.background import patience
from learning_client.callbacks import Callbacks
from learning_client.guard import Troubles, guarded
from learning_client.lasting import lasts
from learning_client.letter import Writer
from learning_client.moments import Clock, now
from learning_client.names import checked_name, checked_prefix
from learning_client.publisher_stats import PublisherStats
from learning_client.sender import Sender
from learning_client.spool_folder import SpoolFolder
from learning_client.switches import Switches, checked_switches, switches_from
from learning_client.teller import Teller
from learning_client.told import Told
from learning_client.units import AS_ON_THE_WIRE, Units

MOST_NAMED = 100
"""A report names so many unreadable files at most, the last that were found."""


class EventPublisher(Teller):
    """Hands events to a background thread, which brings them to the engine's broker.

    Each method takes a few microseconds, does no I/O and never raises. It returns the event's id, which is also
    the ``alert_id`` (``decision_id``, …) where none was given, or None when nothing will be sent: collecting is
    switched off, the publisher is closed, or the call was wrong. A wrong call (a missing argument, a score of NaN or
    83, a naive time) is counted, the first of its kind logged, and its event dropped. So is an event with a field of
    another type than the engine takes, but later, where it is written.

    While the broker is away events wait in memory, up to ``capacity`` of them, and with a ``spool`` on disk, where
    they outlive this process; beyond its bounds the oldest prices go first. Events are sent in the
    order of the calls. ``time`` says when it happened: an aware datetime or microseconds since
    1970 UTC, by default now. ``snapshot`` is what was pinned for the unit: it puts ``params_version``, ``unit`` and
    ``assignments`` into the event. Units of all fields: ``learning_client.fields``. ::

        publisher = EventPublisher("redis://localhost:6379/0", source="scanner")
        alert = publisher.alert(symbol="AAPL", score=0.83, features={"squeeze": 0.4}, price=190.2)
        publisher.decision(symbol="AAPL", action="BUY", alert_id=alert, size=0.02)
        publisher.close(timeout=2.0)

    At the end of the program ``close`` is called with a deadline of a second; a forked child that leaves by
    ``os._exit`` calls it itself.

    Args:
        source: names this process to the engine; with the event's id it names an event for ever.
        spool: where events wait on disk; without one they wait in memory alone.
        prefix: separates environments, such as ``paper:``.
        switches: by default those of ``os.environ``.
        clock: microseconds since 1970 UTC.
        units: what the caller's scores, returns and sizes are in, where it is not what the wire has.

    Raises:
        Misuse: only here, for a source, strategy or prefix that the engine would refuse, and for arguments that can
            never be right, such as ``url=None`` or a capacity of 0.
    """

    def __init__(  # noqa: PLR0913 - what a caller may want to say, all by name
        self,
        url: str,
        *,
        source: str,
        strategy: str = "main",
        prefix: str = "",
        switches: Switches | None = None,
        clock: Clock = now,
        capacity: int = 20_000,
        spool: SpoolFolder | None = None,
        units: Units = AS_ON_THE_WIRE,
    ) -> None:
        url = checked_url(url)
        self.source = checked_name("source", source)
        if spool is not None:
            checked_kind("spool", spool, SpoolFolder, "write SpoolFolder(path='var/spool')")
            spool = structs.replace(spool, path=str(checked_path("path", spool.path)))
        self.switches = checked_switches(switches) or switches_from(os.environ)
        self.units = checked_kind("units", units, Units, "write Units(scores='0-100'), or what else differs")
        self.highest_score = units.highest_score
        checked_clock(clock)
        self.nanoseconds = time_ns if clock is now else lambda: clock() * 1_000  # a call less for most
        self._troubles = Troubles()
        self._callbacks = Callbacks(self._troubles)
        self._reports: list[Callable[[], Mapping[str, object]]] = []
        self.sender = Sender(
            url,
            writer=Writer(
                source=source, strategy=checked_name("strategy", strategy), units=units, troubles=self._troubles
            ),
            prefix=checked_prefix(prefix),
            capacity=checked_number("capacity", capacity, least=1),
            report=self._report,
            allowed=lambda: self.switches.integration,
            troubles=self._troubles,
            spool=None
            if spool is None
            else lambda dropped, unreadable: spool.opened(
                _outbox(source, url=url, prefix=prefix),
                dropped=dropped,
                unreadable=unreadable,
                troubles=self._troubles,
            ),
            clock=self.nanoseconds,
        )
        if self.switches.integration:
            self.sender.start()
        lasts(self)

    @guarded("flush", otherwise=False)
    def flush(self, timeout: float | None) -> bool:
        """Wait until the broker has everything told so far, at most ``timeout`` seconds; whether it has.

        None waits without limit.
        """
        return self.sender.flush(patience(timeout))

    @guarded("close", otherwise=False)
    def close(self, timeout: float | None = 2.0) -> bool:
        """Send what waits and a last report, at most ``timeout`` seconds; whether nothing was left behind.

        None waits without limit.
        """
        return self.sender.close(patience(timeout))

    def stats(self) -> PublisherStats:
        """What was sent, dropped and is waiting."""
        return PublisherStats(
            connected=self.sender.connected,
            breaker=self.sender.breaker.state,
            queued=self.sender.queued,
            spooled=self.sender.spooled,
            sent=self.sender.sent.counts(),
            dropped=self.sender.dropped.counts(),
            unreadable=self.sender.unreadable.counts(),
            troubles=self._troubles.counts(),
        )

    def on_breaker(self, call: Callable[[str], object]) -> None:
        """Call with every new state of the breaker, on a thread of its own."""
        self.sender.breaker.listen(lambda state: self._callbacks.call(call, state))

    @guarded("report_also", otherwise=None)
    def report_also(self, say: Callable[[], Mapping[str, object]]) -> None:
        """Put what ``say()`` returns into every ``client.reported``; what cannot be called, or raises, is counted and
        left out."""
        self._reports.append(checked_call("say", say, "write a function that returns {field: value}"))

    def renew(self) -> None:
        """For a forked child: begin empty, with a thread, connection and ids of its own."""
        self._troubles.renew()
        self._callbacks.renew()
        self.sender.renew()

    def trouble(self, name: str, error: Exception) -> None:
        """Count an error of a public method, and log the first of its kind."""
        self._troubles.note(f"EventPublisher, {name}", error)
        if "." in name:
            self.sender.dropped.add(name)

    def _report(self) -> Told:
        data: dict[str, Any] = {
            "client": self.source,
            "sent": self.sender.sent.counts(),
            "dropped": self.sender.dropped.counts(),
            "unreadable": dict([*self.sender.unreadable.counts().items()][-MOST_NAMED:]),
            "queued": self.sender.queued,
            "spooled": self.sender.spooled,
            "breaker": self.sender.breaker.state,
            "clock_offset_seconds": self.sender.clock_offset,
        }
        for say in self._reports:
            try:
                data.update(say())
            except Exception as error:  # noqa: BLE001 - it is the caller's, and the rest is told
                self._troubles.note("what a report also says failed", error)
        now, ids = self.nanoseconds(), self.sender.ids
        return Told(self.sender.next_order(), "client.reported", ids.begin(now) + ids.draw(), now, data, None)


def _outbox(source: str, *, url: str, prefix: str) -> str:
    """What is spooled for one broker and environment never goes to another."""
    try:
        to: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:  # nothing is ever sent there, and who connects says so
        to = {"host": url}
    broker = to.get("path") or f"{to.get('host', 'localhost')}:{to.get('port', 6379)}"
    place = hashlib.sha256(f"{broker}/{to.get('db', 0)} {prefix}".encode()).hexdigest()
    return f"{source}-{place[:12]}"
