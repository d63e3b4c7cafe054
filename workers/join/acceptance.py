"""Which events decode and still cannot be taken in."""

from typing import Any

from events.moments import moment_text
from schemas.alert import AlertRaised
from schemas.decision import DecisionMade
from schemas.event import Envelope, Event
from schemas.fill import FillReported
from schemas.outcome import OutcomeObserved
from schemas.price import PriceObserved
from schemas.session import SessionClosed
from schemas.symbol import SymbolChanged
from workers.join.cases import THESES
from workers.join.rules import Rules

PRICE_FIELDS: dict[type[Event], tuple[str, ...]] = {
    AlertRaised: ("price",),
    DecisionMade: ("price", "fill_price", "stop", "target"),
    FillReported: ("price",),
    OutcomeObserved: ("entry_price", "exit_price"),
    PriceObserved: ("open", "high", "low", "close"),
}


def objection(envelope: Envelope, rules: Rules) -> str | None:
    """Why an event of a known strategy is refused, with the right form; None where it is not."""
    data = envelope.data
    if not rules.market.nonpositive_prices and (name := _nonpositive(data)):
        return (
            f"data.{name} is {getattr(data, name)}; it must be above 0, unless the registry of {data.strategy!r} "
            "says nonpositive_prices = true"
        )
    if reason := _misnamed(data, rules):
        return reason
    if isinstance(data, PriceObserved) and data.high < data.low:
        return f"data.high is {data.high}, below data.low, {data.low}; a bar's high is its highest price"
    if isinstance(data, SessionClosed | SymbolChanged):
        return _of_a_session(data, envelope.time, rules)
    return None


def _of_a_session(data: SessionClosed | SymbolChanged, time: int, rules: Rules) -> str | None:
    if not rules.calendar.is_session(data.session):
        return f"session {data.session} is not a session of {rules.calendar.name}; send the exchange's date of one"
    if isinstance(data, SymbolChanged):
        if data.renamed_to != data.symbol:
            return None
        return f"symbol {data.symbol!r} is renamed to itself; renamed_to is what the company is called afterwards"
    if (begins := rules.calendar.open_of(data.session)) <= time:
        return None
    later = f"session {data.session} begins at {moment_text(begins)}, after this event, of {moment_text(time)}"
    return f"{later}; tell that a session is closed when it is over"


def _misnamed(data: Any, rules: Rules) -> str | None:
    if isinstance(data, OutcomeObserved):
        return _nameless(data, rules)
    return _of_a_thesis(data) if isinstance(data, AlertRaised | DecisionMade) else None


def _nameless(outcome: OutcomeObserved, rules: Rules) -> str | None:
    """What is missing where an outcome bears no id."""
    if outcome.decision_id or outcome.alert_id or outcome.position_id:
        return None
    if rules.market.infer_within_minutes is None:
        return (
            "it names nothing that it is the outcome of; send decision_id, alert_id or position_id, or let the "
            "registry say infer_within_minutes"
        )
    if outcome.direction is None or outcome.entry_time is None:
        return "without an id it needs symbol, direction and entry_time, by which it can be joined"
    return None


def _of_a_thesis(told: AlertRaised | DecisionMade) -> str | None:
    """Why a unit cannot be that of an alert or decision: its name is one that only theses have."""
    unit = told.unit or f"{told.symbol}/"
    if not unit.startswith(THESES):
        return None
    named = f"data.unit is {unit!r}" if told.unit else f"data.symbol is {told.symbol!r}, which makes the unit {unit}…"
    return f"{named}; what begins with {THESES!r} is kept for theses: name a unit such as 'ACME/2024-01-31'"


def _nonpositive(data: Any) -> str | None:
    for name in PRICE_FIELDS.get(type(data), ()):
        price = getattr(data, name)
        if price is not None and price <= 0:
            return name
    return None
