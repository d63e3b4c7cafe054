"""What followed."""

from typing import Annotated, ClassVar

from msgspec import Meta

from schemas.event import Event
from schemas.quantities import Days, Id, Money, Name, Price, Quantity, Return, Seconds, Symbol, Time, Unit, Word
from schemas.vocabulary import Direction, ExitReason

Horizon = Annotated[str, Meta(pattern=r"^(close|[1-9][0-9]{0,3}[dhm])$(?!\n)", examples=["5d", "close"])]
"""``close`` for the end of a position, or a span: ``1h``, ``4h``, ``1d``, ``30d`` (days are sessions)."""


class OutcomeObserved(Event, frozen=True, kw_only=True, rename={"return_": "return"}):
    """What followed an alert, a decision or a position, at one horizon or at the close.

    It names its decision, alert or position by id; a symbol alone would credit alerts that came later. Where a
    tracker has no ids, ``symbol``, ``direction`` and ``entry_time`` together are joined by the rule that the
    registry declares (``infer_within_minutes``), if it declares one.
    ``gross``, ``net`` and ``return_`` (``return`` on the wire) are fractions of the entry value, signed as the
    position earned them; ``fees`` too. ``gross_amount``, ``net_amount`` and ``fees_amount`` are currency.
    ``mfe`` and ``mae`` are fractions of the entry price, ``mae`` at most 0; ``benchmark_return`` is over the
    same window, ``returns`` are further horizons of the same subject. ``outcome_class`` is what trading calls
    it (``explosive``, ``failed``): kept for people, never learned from. None is unknown, never 0.
    """

    type: ClassVar[str] = "outcome.observed"

    outcome_id: Id
    decision_id: Id | None = None
    alert_id: Id | None = None
    position_id: Id | None = None
    horizon: Horizon = "close"
    entry_price: Price | None = None
    exit_price: Price | None = None
    return_: Return | None = None
    gross: Return | None = None
    fees: Return | None = None
    net: Return | None = None
    exit_reason: ExitReason | None = None
    mfe: Return | None = None
    mae: Return | None = None

    symbol: Symbol | None = None
    direction: Direction | None = None
    venue: Name | None = None
    currency: Name | None = None
    account: Name | None = None
    trade_id: Id | None = None
    entry_time: Time | None = None
    exit_time: Time | None = None
    quantity: Quantity | None = None
    gross_amount: Money | None = None
    fees_amount: Money | None = None
    net_amount: Money | None = None
    holding_seconds: Seconds | None = None
    benchmark_return: Return | None = None
    returns: dict[Horizon, Return] | None = None
    days_to_peak: Days | None = None
    catalyst_materialised: bool | None = None
    volume_prediction_accuracy: Unit | None = None
    outcome_class: Word | None = None

    def __post_init__(self) -> None:
        if not (self.decision_id or self.alert_id or self.position_id or self.symbol):
            raise ValueError("an outcome names its decision_id, alert_id or position_id; this one names nothing")
