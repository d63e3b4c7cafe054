"""Tells the engine what trading saw, did and got."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from datetime import date
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct, structs

from learning_client.buffer import Told
from learning_client.callbacks import Callbacks
from learning_client.errors import Misuse
from learning_client.guard import Troubles, guarded
from learning_client.lasting import lasts
from learning_client.letter import Writer
from learning_client.moments import Clock, Moment, micros, now, session_text
from learning_client.names import checked_name, checked_prefix
from learning_client.sender import Sender
from learning_client.snapshot import Snapshot
from learning_client.spool import SpoolFolder
from learning_client.switches import Switches, switches_from

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from learning_client.fields import (
        AlertFields,
        DecisionFields,
        DiscoveryFields,
        FillFields,
        OutcomeFields,
        PriceFields,
        ThesisFields,
    )

CONTAINERS = frozenset(
    {
        "component_scores",
        "risk_flags",
        "weights",
        "market",
        "returns",
        "counts_by_tag",
        "counts_by_stage",
        "assignments",
    }
)
TRADE = frozenset({"symbol", "direction", "entry_time"})
"""What an outcome without ids must say."""

SESSION = re.compile(r"\d{4}-\d{2}-\d{2}")


class PublisherStats(Struct, frozen=True, kw_only=True):
    """Counts since the start by event type, what waits in memory and on disk, and what went wrong by kind.

    ``breaker`` is ``closed`` while the broker answers, ``open`` after three failures in a row, and ``half_open``
    while it is tried again.
    """

    connected: bool
    breaker: str
    queued: int
    spooled: dict[str, int]
    sent: dict[str, int]
    dropped: dict[str, int]
    troubles: dict[str, int]


class EventPublisher:
    """Hands events to a background thread, which brings them to the engine's broker.

    Each method takes a few microseconds, does no I/O and never raises. It returns the event's id, which is also
    the ``alert_id`` (``decision_id``, …) where none was given, or None when nothing will be sent: collecting is
    switched off, the publisher is closed, or the call was wrong. A wrong call (a missing argument, a score of NaN or
    83, a naive time) is counted, the first of its kind logged, and its event dropped.

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

    Raises:
        Misuse: only here, for a source, strategy or prefix that the engine would refuse.
    """

    def __init__(
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
    ) -> None:
        self.source = checked_name("source", source)
        if spool is not None:  # wherever the program goes afterwards
            spool = structs.replace(spool, path=str(Path(spool.path).absolute()))
        self.switches = switches or switches_from(os.environ)
        self._clock = clock
        self._troubles = Troubles()
        self._callbacks = Callbacks(self._troubles)
        self._reports: list[Callable[[], Mapping[str, object]]] = []
        self._sender = Sender(
            url,
            writer=Writer(source=source, strategy=checked_name("strategy", strategy), troubles=self._troubles),
            prefix=checked_prefix(prefix),
            capacity=capacity,
            report=self._report,
            allowed=lambda: self.switches.integration,
            troubles=self._troubles,
            spool=None
            if spool is None
            else lambda dropped: spool.opened(
                _outbox(source, url=url, prefix=prefix), dropped=dropped, troubles=self._troubles
            ),
        )
        if self.switches.integration:
            self._sender.start()
        lasts(self)

    @guarded("alert.raised", otherwise=None)
    def alert(
        self,
        *,
        symbol: str,
        score: float,
        alert_id: str | None = None,
        features: Mapping[str, float] | None = None,
        snapshot: Snapshot | None = None,
        time: Moment | None = None,
        **more: Unpack[AlertFields],
    ) -> str | None:
        """A candidate that the scanner found, bought or not; ``score`` and ``confidence`` are 0 to 1."""
        if not 0.0 <= score <= 1.0:
            raise Misuse(f"a score of {score!r}: scores are 0 to 1")
        data: dict[str, Any] = {"alert_id": alert_id, "symbol": _named(symbol), "score": score, **more}
        if features is not None:
            data["features"] = dict(features)
        return self._tell("alert.raised", data, named="alert_id", time=time, snapshot=snapshot)

    @guarded("decision.made", otherwise=None)
    def decision(
        self,
        *,
        symbol: str,
        action: str,
        decision_id: str | None = None,
        snapshot: Snapshot | None = None,
        time: Moment | None = None,
        **more: Unpack[DecisionFields],
    ) -> str | None:
        """A decision: BUY, SELL, HOLD, IGNORE, TRIM or LIQUIDATE; ``size`` is a fraction of equity."""
        data = {"decision_id": decision_id, "symbol": _named(symbol), "action": _named(action), **more}
        return self._tell("decision.made", data, named="decision_id", time=time, snapshot=snapshot)

    @guarded("fill.reported", otherwise=None)
    def fill(
        self,
        *,
        symbol: str,
        side: str,
        quantity: float,
        price: float,
        fill_id: str | None = None,
        time: Moment | None = None,
        **more: Unpack[FillFields],
    ) -> str | None:
        """One execution: ``side`` buy or sell, ``quantity`` without sign, ``price`` before ``fees``."""
        _finite(quantity, price)
        data = {
            "fill_id": fill_id,
            "symbol": _named(symbol),
            "side": _named(side),
            "quantity": quantity,
            "price": price,
            **more,
        }
        return self._tell("fill.reported", data, named="fill_id", time=time)

    @guarded("outcome.observed", otherwise=None)
    def outcome(
        self,
        *,
        decision_id: str | None = None,
        alert_id: str | None = None,
        position_id: str | None = None,
        horizon: str = "close",
        outcome_id: str | None = None,
        time: Moment | None = None,
        **more: Unpack[OutcomeFields],
    ) -> str | None:
        """What followed a decision, alert or position, one of them named; ``horizon`` is ``close``, ``1d``, ``4h``.

        A tracker that has no ids says ``symbol``, ``direction`` and ``entry_time``; whether and how far back the
        engine then looks for what it followed is for its registry to say.
        """
        said = {name for name, value in more.items() if value is not None}
        if not (decision_id or alert_id or position_id or said >= TRADE):
            raise Misuse(
                "an outcome names the decision_id, alert_id or position_id that it followed, "
                "or symbol, direction and entry_time together"
            )
        data: dict[str, Any] = {"outcome_id": outcome_id, "horizon": horizon, **more}
        for name, value in (("decision_id", decision_id), ("alert_id", alert_id), ("position_id", position_id)):
            if value:
                data[name] = value
        return self._tell("outcome.observed", data, named="outcome_id", time=time)

    @guarded("price.observed", otherwise=None)
    def price(
        self,
        *,
        symbol: str,
        interval: str,
        open: float,  # noqa: A002 - the wire's word
        high: float,
        low: float,
        close: float,
        time: Moment | None = None,
        **more: Unpack[PriceFields],
    ) -> str | None:
        """One bar; ``time`` is its *end*, ``interval`` its length such as ``1m`` or ``1d``."""
        _finite(open, high, low, close)
        data = {
            "symbol": _named(symbol),
            "interval": _named(interval),
            "open": open,
            "high": high,
            "low": low,
            "close": close,
            **more,
        }
        return self._tell("price.observed", data, time=time)

    @guarded("discovery.completed", otherwise=None)
    def discovery(
        self,
        *,
        universe_size: int,
        candidate_count: int,
        run_id: str | None = None,
        snapshot: Snapshot | None = None,
        time: Moment | None = None,
        **more: Unpack[DiscoveryFields],
    ) -> str | None:
        """One run of a scanner over its universe."""
        _finite(universe_size, candidate_count)
        data = {"run_id": run_id, "universe_size": universe_size, "candidate_count": candidate_count, **more}
        return self._tell("discovery.completed", data, named="run_id", time=time, snapshot=snapshot)

    @guarded("thesis.formed", otherwise=None)
    def thesis(
        self,
        *,
        symbol: str,
        recommendation: str,
        thesis_id: str | None = None,
        time: Moment | None = None,
        **more: Unpack[ThesisFields],
    ) -> str | None:
        """Why a position is held: BUY_MORE, HOLD, TRIM, TRIM_25, TRIM_50, LIQUIDATE or RESEARCH."""
        data = {"thesis_id": thesis_id, "symbol": _named(symbol), "recommendation": _named(recommendation), **more}
        return self._tell("thesis.formed", data, named="thesis_id", time=time)

    @guarded("session.closed", otherwise=None)
    def session_closed(self, *, session: str | date, time: Moment | None = None) -> str | None:
        """Nothing more of ``session`` (the exchange's date) will come from this source."""
        return self._tell("session.closed", {"session": _session(session)}, time=time)

    @guarded("symbol.changed", otherwise=None)
    def symbol_changed(
        self,
        *,
        symbol: str,
        session: str | date,
        renamed_to: str | None = None,
        venue: str | None = None,
        time: Moment | None = None,
    ) -> str | None:
        """From ``session`` on ``symbol`` is another one; what it was goes on as ``renamed_to``, or ends."""
        data: dict[str, Any] = {"symbol": _named(symbol), "session": _session(session), "venue": venue}
        if renamed_to is not None:
            data["renamed_to"] = _named(renamed_to)
        return self._tell("symbol.changed", data, time=time)

    @guarded("params.applied", otherwise=None)
    def params_applied(
        self,
        *,
        client: str,
        epoch: int,
        version: int,
        strategy: str,
        applied_at: Moment | None = None,
        refused: str | None = None,
    ) -> str | None:
        """A version was taken over, or refused. ``ParameterClient`` tells it, also where nothing is collected."""
        data = {"client": client, "epoch": epoch, "version": version, "strategy": strategy}
        if applied_at is not None:
            data["applied_at"] = micros(applied_at)
        if refused is not None:
            data["refused"] = refused[:2000]
        return self._keep("params.applied", data) if self.switches.integration else None

    @guarded("flush", otherwise=False)
    def flush(self, timeout: float) -> bool:
        """Wait until the broker has everything told so far, at most ``timeout`` seconds; whether it has."""
        return self._sender.flush(timeout)

    @guarded("close", otherwise=False)
    def close(self, timeout: float = 2.0) -> bool:
        """Send what waits and a last report, at most ``timeout`` seconds; whether nothing was left behind."""
        return self._sender.close(timeout)

    def stats(self) -> PublisherStats:
        """What was sent, dropped and is waiting."""
        return PublisherStats(
            connected=self._sender.connected,
            breaker=self._sender.breaker.state,
            queued=self._sender.queued,
            spooled=self._sender.spooled,
            sent=self._sender.sent.counts(),
            dropped=self._sender.dropped.counts(),
            troubles=self._troubles.counts(),
        )

    def on_breaker(self, call: Callable[[str], object]) -> None:
        """Call with every new state of the breaker, on a thread of its own."""
        self._sender.breaker.listen(lambda state: self._callbacks.call(call, state))

    def report_also(self, say: Callable[[], Mapping[str, object]]) -> None:
        """Put what ``say()`` returns into every ``client.reported``."""
        self._reports.append(say)

    def renew(self) -> None:
        """For a forked child: begin empty, with a thread, connection and ids of its own."""
        self._troubles.renew()
        self._callbacks.renew()
        self._sender.renew()

    def trouble(self, name: str, error: Exception) -> None:
        """Count an error of a public method, and log the first of its kind."""
        self._troubles.note(f"EventPublisher, {name}", error)
        if "." in name:
            self._sender.dropped.add(name)

    def _tell(
        self,
        kind: str,
        data: dict[str, Any],
        *,
        named: str | None = None,
        time: Moment | None = None,
        snapshot: Snapshot | None = None,
    ) -> str | None:
        if not (self.switches.collect and self.switches.integration):
            return None
        for name in CONTAINERS.intersection(data):
            if hasattr(data[name], "copy"):
                data[name] = data[name].copy()
        return self._keep(kind, data, named=named, time=time, snapshot=snapshot)

    def _keep(
        self,
        kind: str,
        data: dict[str, Any],
        *,
        named: str | None = None,
        time: Moment | None = None,
        snapshot: Snapshot | None = None,
    ) -> str | None:
        now = self._clock()
        name = self._sender.ids.new(now)
        if named is not None and data[named] is None:
            data[named] = name
        moment = now if time is None else micros(time)
        return name if self._sender.put(kind, data, name=name, time=moment, snapshot=snapshot) else None

    def _report(self) -> Told:
        data: dict[str, Any] = {
            "client": self.source,
            "sent": self._sender.sent.counts(),
            "dropped": self._sender.dropped.counts(),
            "queued": self._sender.queued,
            "spooled": self._sender.spooled,
            "breaker": self._sender.breaker.state,
            "clock_offset_seconds": self._sender.clock_offset,
        }
        for say in self._reports:
            data.update(say())
        now = self._clock()
        return Told(self._sender.next_order(), "client.reported", self._sender.ids.new(now), now, data, None)


def _outbox(source: str, *, url: str, prefix: str) -> str:
    """What is spooled for one broker and environment never goes to another."""
    to = urlsplit(url)
    place = hashlib.sha256(f"{to.hostname}:{to.port}{to.path} {prefix}".encode()).hexdigest()
    return f"{source}-{place[:12]}"


def _named(word: str) -> str:
    if not word:
        raise Misuse(f"{word!r} names nothing: a symbol, action, side or interval is needed")
    return word


def _session(session: str | date) -> str:
    text = session_text(session)
    if not SESSION.fullmatch(text):
        raise Misuse(f"session {session!r}: write the exchange's date, such as '2024-01-31'")
    return text


def _finite(*numbers: float) -> None:
    for number in numbers:
        if not isfinite(number):
            raise Misuse(f"{number!r} is not a finite number")
