"""What a trading process has to tell, each kind by a call of its own."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import date
from math import isfinite
from typing import TYPE_CHECKING, Any

from learning_client.errors import Misuse
from learning_client.guard import guarded
from learning_client.moments import Moment, session_text
from learning_client.snapshot import Snapshot

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

TRADE = frozenset({"symbol", "direction", "entry_time"})
"""What an outcome without ids must say."""

SESSION = re.compile(r"\d{4}-\d{2}-\d{2}")


class Teller(ABC):
    """Checks what a call says, as far as that costs nearly nothing, and hands it on as the data of an event.

    Each call returns the event's id, which is also the ``alert_id`` (``decision_id``, …) where none was given, or None
    when nothing will be sent. None of them raises.
    """

    @abstractmethod
    def trouble(self, name: str, error: Exception) -> None:
        """Count an error of a public method, and log the first of its kind."""

    @abstractmethod
    def _tell(
        self,
        kind: str,
        data: dict[str, Any],
        *,
        named: str | None = None,
        time: Moment | None = None,
        snapshot: Snapshot | None = None,
    ) -> str | None:
        """Pass ``data`` on; where ``named`` is missing in it, that is the event's id."""

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
