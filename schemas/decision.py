"""What was decided."""

from typing import ClassVar

from schemas.event import Event
from schemas.market import MarketContext
from schemas.quantities import Count, Id, Money, Name, Number, Numbers, Price, Quantity, Size, Symbol, Unit, VersionId
from schemas.vocabulary import Action, Direction, MadeBy, MarketPhase, Mode, OrderType


class DecisionMade(Event, frozen=True, kw_only=True):
    """A decision about an alert or a position, taken or passed over.

    ``size`` is a fraction of equity, ``conviction`` 0 to 1, prices in the instrument's currency,
    ``max_hold`` in sessions; ``fill_price`` is what was paid at the event's time, where it was carried out at
    once; ``notional`` is currency, ``quantity`` shares, without sign. ``score``, ``component_scores`` and
    ``regime_confidence`` are 0 to 1, ``weights`` those that the score was made with. ``params_version`` and
    ``unit`` say which values were in force. ``direction`` is that of its alert where it tells none, and else long.
    """

    type: ClassVar[str] = "decision.made"

    decision_id: Id
    symbol: Symbol
    action: Action
    alert_id: Id | None = None
    position_id: Id | None = None
    thesis_id: Id | None = None
    account: Name | None = None
    mode: Mode = Mode.PAPER
    made_by: MadeBy = MadeBy.RULE
    direction: Direction | None = None
    conviction: Unit | None = None
    size: Size | None = None
    price: Price | None = None
    fill_price: Price | None = None
    stop: Price | None = None
    target: Price | None = None
    max_hold: Count | None = None
    params_version: VersionId | None = None
    unit: Id | None = None
    assignments: dict[Id, Numbers] | None = None

    venue: Name | None = None
    currency: Name | None = None
    score: Unit | None = None
    weights: dict[Name, Number] | None = None
    component_scores: dict[Name, Unit] | None = None
    market: MarketContext | None = None
    market_phase: MarketPhase | None = None
    regime: Name | None = None
    regime_confidence: Unit | None = None
    order_type: OrderType | None = None
    quantity: Quantity | None = None
    notional: Money | None = None
