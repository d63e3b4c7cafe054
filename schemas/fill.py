"""What the broker did."""

from typing import ClassVar

from schemas.event import Event
from schemas.quantities import Id, Money, Name, Positive, Price, Quantity, Symbol
from schemas.vocabulary import OrderType, Side


class FillReported(Event, frozen=True, kw_only=True):
    """One execution. ``quantity`` has no sign, ``price`` is before ``fees`` (currency, paid is positive)."""

    type: ClassVar[str] = "fill.reported"

    fill_id: Id
    symbol: Symbol
    side: Side
    quantity: Quantity
    price: Price
    decision_id: Id | None = None
    position_id: Id | None = None
    account: Name | None = None
    fees: Money | None = None
    multiplier: Positive | None = None
    venue: Name | None = None
    currency: Name | None = None
    order_id: Id | None = None
    order_type: OrderType | None = None
    notional: Money | None = None
    bracket_stop: Price | None = None
    bracket_target: Price | None = None
