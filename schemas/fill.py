"""What the broker did."""

from typing import ClassVar

from schemas.event import Event
from schemas.quantities import Count, Id, Money, Name, Positive, Price, Quantity, Symbol
from schemas.vocabulary import OrderType, Side


class FillReported(Event, frozen=True, kw_only=True):
    """One execution. ``quantity`` has no sign, ``price`` is before ``fees`` (currency, paid is positive).

    ``multiplier`` is the currency that one unit of price is worth a piece (100 for an option on 100 shares).
    ``sequence`` is the broker's order among fills of the same time; those without it stand last, by their ids.
    """

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
    sequence: Count | None = None
    order_id: Id | None = None
    order_type: OrderType | None = None
    notional: Money | None = None
    bracket_stop: Price | None = None
    bracket_target: Price | None = None
