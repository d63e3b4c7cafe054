"""Which events decode and still cannot be taken in."""

from typing import Any

from schemas.alert import AlertRaised
from schemas.attributed import ExamplesOverdue, ExampleState
from schemas.decision import DecisionMade
from schemas.event import Event
from schemas.fill import FillReported
from schemas.outcome import OutcomeObserved
from schemas.price import PriceObserved
from schemas.session import SessionClosed
from workers.join.rules import Rules

PRICE_FIELDS: dict[type[Event], tuple[str, ...]] = {
    AlertRaised: ("price",),
    DecisionMade: ("price", "stop", "target"),
    FillReported: ("price",),
    OutcomeObserved: ("entry_price", "exit_price"),
    PriceObserved: ("open", "high", "low", "close"),
}


def objection(data: Any, rules: Rules) -> str | None:
    """Why an event of a known strategy is refused, with the right form; None where it is not."""
    if not rules.market.nonpositive_prices and (name := _nonpositive(data)):
        return (
            f"data.{name} is {getattr(data, name)}; it must be above 0, unless the registry of {data.strategy!r} "
            "says nonpositive_prices = true"
        )
    if isinstance(data, OutcomeObserved) and not (data.decision_id or data.alert_id or data.position_id):
        return "it names nothing that it is the outcome of; send decision_id, alert_id or position_id"
    if isinstance(data, PriceObserved) and data.high < data.low:
        return f"data.high is {data.high}, below data.low, {data.low}; a bar's high is its highest price"
    if isinstance(data, SessionClosed) and not rules.calendar.is_session(data.session):
        return f"session {data.session} is not a session of {rules.calendar.name}; send the exchange's date of one"
    if isinstance(data, ExamplesOverdue) and data.state not in (ExampleState.CENSORED, ExampleState.LOST):
        return f"state is {data.state.value!r}; an overdue example ends as 'censored' or 'lost'"
    return None


def _nonpositive(data: Any) -> str | None:
    for name in PRICE_FIELDS.get(type(data), ()):
        price = getattr(data, name)
        if price is not None and price <= 0:
            return name
    return None
