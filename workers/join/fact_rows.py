"""The rows that facts become. Each keeps the whole event beside the columns that something asks for."""

from collections.abc import Mapping
from typing import Any

import msgspec

from events.moments import microseconds
from schemas.allocation import unit_of
from schemas.event import Envelope
from store.facts import AlertRow
from workers.join.cases import THESES
from workers.join.rules import Rules

Row = dict[str, Any]

UNTOLD = ""
"""The direction of a decision that tells none: it has that of its alert."""


def fact_row(envelope: Envelope, *, sequence: int, now: int) -> Row:
    """The columns that all facts have."""
    return {
        "sequence": sequence,
        "source": envelope.source,
        "event_id": envelope.id,
        "strategy": envelope.data.strategy,
        "time": envelope.time,
        "recorded_at": now,
        "body": msgspec.json.encode(envelope.data).decode(),
    }


def alert_columns(envelope: Envelope, instrument: int, *, rules: Rules) -> Row:
    """Of an alert. Its unit is the one it names, else its symbol on the session of its time.

    Raises:
        NoSession: the calendar does not reach so far.
    """
    alert = envelope.data
    unit = alert.unit or unit_of(alert.symbol, rules.calendar.session_of(envelope.time))
    session = rules.session_of_unit(unit, time=envelope.time)
    return {
        "alert_id": alert.alert_id,
        "instrument": instrument,
        "unit": unit,
        "session": session,
        "entry_session": _entry(envelope, session=session, rules=rules),
        "score": alert.score,
        "direction": alert.direction.value,
        "params_version": alert.params_version,
        "assignments": _assignments(alert.assignments),
        "regime": alert.regime,
        "run_id": alert.run_id,
    }


def decision_columns(envelope: Envelope, instrument: int, *, alerts: Mapping[str, AlertRow], rules: Rules) -> Row:
    """Of a decision. Its unit is the one it names, else that of its alert, else as if it were an alert itself.

    Raises:
        NoSession: the calendar does not reach so far.
    """
    decision = envelope.data
    alert = alerts.get(decision.alert_id or "")
    named = decision.unit or (alert.unit if alert else None)
    unit = named or unit_of(decision.symbol, rules.calendar.session_of(envelope.time))
    follows = alert is not None and not decision.unit
    session = alert.session if alert and follows else rules.session_of_unit(unit, time=envelope.time)
    return {
        "decision_id": decision.decision_id,
        "alert_id": decision.alert_id,
        "position_id": decision.position_id,
        "thesis_id": decision.thesis_id,
        "instrument": instrument,
        "unit": unit,
        "named_unit": int(decision.unit is not None),
        "session": session,
        "entry_session": _entry(envelope, session=session, rules=rules, max_hold=decision.max_hold),
        "action": decision.action.value,
        "direction": decision.direction.value if decision.direction else UNTOLD,
        "size": decision.size,
        "score": decision.score,
        "fill_price": decision.fill_price,
        "stop": decision.stop,
        "target": decision.target,
        "max_hold": decision.max_hold,
        "params_version": decision.params_version,
        "assignments": _assignments(decision.assignments),
        "regime": decision.regime,
    }


def fill_columns(envelope: Envelope, instrument: int) -> Row:
    """Of a fill."""
    fill = envelope.data
    return {
        "fill_id": fill.fill_id,
        "decision_id": fill.decision_id,
        "position_id": fill.position_id,
        "instrument": instrument,
        "account": fill.account or "",
        "side": fill.side.value,
        "quantity": fill.quantity,
        "price": fill.price,
        "fees": fill.fees,
        "multiplier": 1.0 if fill.multiplier is None else fill.multiplier,
        "rank": fill.sequence,
    }


def outcome_columns(envelope: Envelope, instrument: int) -> Row:
    """Of an outcome. It belongs to what it names, whatever instrument that is; a symbol alone is kept for the rule."""
    outcome = envelope.data
    nameless = not (outcome.decision_id or outcome.alert_id or outcome.position_id)
    entered = microseconds(outcome.entry_time) if outcome.entry_time else None
    return {
        "outcome_id": outcome.outcome_id,
        "decision_id": outcome.decision_id,
        "alert_id": outcome.alert_id,
        "position_id": outcome.position_id,
        "instrument": instrument if nameless else None,
        "direction": outcome.direction.value if nameless and outcome.direction else None,
        "entry_time": entered if nameless else None,
        "horizon": outcome.horizon,
        "gross": outcome.gross,
        "net": outcome.net,
        "joined": 0,
    }


def price_row(envelope: Envelope, *, rules: Rules, now: int) -> Row:
    """A bar, but for its instrument. It belongs to the session that its last moment is in: a bar of 24 hours ends at
    midnight. A daily bar ends with its session, whenever it was told.

    Raises:
        NoSession: the calendar does not reach so far.
    """
    bar = envelope.data
    calendar = rules.calendar_of(bar.venue or "")
    session = calendar.session_of(envelope.time - 1)
    return {
        "interval": bar.interval,
        "time": calendar.close_of(session) if bar.interval == "1d" else envelope.time,
        "source": envelope.source,
        "event_id": envelope.id,
        "recorded_at": now,
        "session": session,
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
        "factor": bar.factor,
        "final": int(bar.final),
        "revision": bar.revision,
        "entry": envelope.entry,
    }


def thesis_columns(envelope: Envelope, instrument: int, *, rules: Rules) -> Row:
    """Of a thesis, a unit of its own.

    Raises:
        NoSession: the calendar does not reach so far.
    """
    thesis = envelope.data
    session = rules.calendar.session_of(envelope.time)
    return {
        "thesis_id": thesis.thesis_id,
        "instrument": instrument,
        "unit": f"{THESES}{thesis.thesis_id}",
        "session": session,
        "entry_session": _entry(envelope, session=session, rules=rules),
        "recommendation": thesis.recommendation.value,
        "confidence": thesis.confidence,
        "alert_id": thesis.alert_id,
        "decision_id": thesis.decision_id,
        "position_id": thesis.position_id,
    }


def discovery_columns(envelope: Envelope, _instrument: int) -> Row:
    """Of a discovery run, which is about no single instrument."""
    return {"run_id": envelope.data.run_id}


def closing_columns(envelope: Envelope, _instrument: int) -> Row:
    """Of the end of a session, with its place in the stream."""
    return {"session": envelope.data.session, "entry": envelope.entry}


def symbol_columns(envelope: Envelope, _instrument: int) -> Row:
    """Of a symbol that means something else from a session on."""
    change = envelope.data
    return {
        "venue": change.venue or "",
        "symbol": change.symbol,
        "session": change.session,
        "renamed_to": change.renamed_to,
    }


def _entry(envelope: Envelope, *, session: str, rules: Rules, max_hold: int | None = None) -> str:
    """The first session that opens at the event's time or later, if all that follows lies within the calendar."""
    venue = envelope.data.venue or ""
    entry = rules.calendar_of(venue).first_open_at_or_after(envelope.time)
    rules.check_reach(session=session, entry=entry, venue=venue, max_hold=max_hold)
    return entry


def _assignments(told: Mapping[str, Mapping[str, float]] | None) -> str | None:
    return msgspec.json.encode(told).decode() if told else None
