"""The rows that facts become. Each keeps the whole event beside the columns that something asks for."""

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.allocation import unit_of
from schemas.event import Envelope
from store.facts import AlertRow
from workers.join.rules import Rules

Row = dict[str, Any]


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
    rules.check_reach(session=session, time=envelope.time)
    return {
        "alert_id": alert.alert_id,
        "instrument": instrument,
        "unit": unit,
        "session": session,
        "score": alert.score,
        "direction": alert.direction.value,
        "params_version": alert.params_version,
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
    rules.check_reach(session=session, time=envelope.time)
    return {
        "decision_id": decision.decision_id,
        "alert_id": decision.alert_id,
        "position_id": decision.position_id,
        "instrument": instrument,
        "unit": unit,
        "session": session,
        "action": decision.action.value,
        "direction": decision.direction.value,
        "size": decision.size,
        "params_version": decision.params_version,
    }


def fill_columns(envelope: Envelope, instrument: int) -> Row:
    """Of a fill."""
    fill = envelope.data
    return {
        "fill_id": fill.fill_id,
        "decision_id": fill.decision_id,
        "position_id": fill.position_id,
        "instrument": instrument,
        "side": fill.side.value,
        "quantity": fill.quantity,
        "price": fill.price,
        "fees": fill.fees,
    }


def outcome_columns(envelope: Envelope, _instrument: int) -> Row:
    """Of an outcome. It belongs to what it names, whatever instrument that is."""
    outcome = envelope.data
    return {
        "outcome_id": outcome.outcome_id,
        "decision_id": outcome.decision_id,
        "alert_id": outcome.alert_id,
        "position_id": outcome.position_id,
        "horizon": outcome.horizon,
        "gross": outcome.gross,
        "net": outcome.net,
    }


def price_columns(envelope: Envelope, instrument: int, *, rules: Rules) -> Row:
    """Of a bar. It belongs to the session that its last moment is in: a bar of 24 hours ends at midnight.

    Raises:
        NoSession: the calendar does not reach so far.
    """
    bar = envelope.data
    return {
        "instrument": instrument,
        "interval": bar.interval,
        "session": rules.calendar.session_of(envelope.time - 1),
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
        "factor": bar.factor,
        "final": int(bar.final),
        "entry": envelope.entry,
    }


def thesis_columns(envelope: Envelope, instrument: int) -> Row:
    """Of a thesis."""
    thesis = envelope.data
    return {
        "thesis_id": thesis.thesis_id,
        "instrument": instrument,
        "recommendation": thesis.recommendation.value,
    }


def discovery_columns(envelope: Envelope, _instrument: int) -> Row:
    """Of a discovery run, which is about no single instrument."""
    return {"run_id": envelope.data.run_id}


def closing_columns(envelope: Envelope, _instrument: int) -> Row:
    """Of the end of a session, with its place in the stream."""
    return {"session": envelope.data.session, "entry": envelope.entry}
