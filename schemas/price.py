"""What the market did."""

from typing import Annotated, ClassVar

from msgspec import Meta

from schemas.event import Event
from schemas.quantities import Count, Name, Positive, Price, Quantity, Symbol

Interval = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,3}[smhd]$(?!\n)", examples=["1d"])]
"""The length of a bar: ``1m``, ``5m``, ``1h``, ``1d`` (a day is a session)."""


class PriceObserved(Event, frozen=True, kw_only=True):
    """One bar. The envelope's ``time`` is the *end* of the bar, when it became known.

    ``factor`` is the adjustment that a split or dividend makes from here on: earlier prices are to be
    multiplied by it to compare with this bar. A source may tell a bar again: what is ``final`` replaces what is
    not, then a higher ``revision`` a lower one, then what stands later in the stream, else the greater event id.
    Bars of two sources stand side by side.
    """

    type: ClassVar[str] = "price.observed"

    symbol: Symbol
    interval: Interval
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity | None = None
    final: bool = True
    revision: Count = 0
    factor: Positive | None = None
    venue: Name | None = None
    currency: Name | None = None
