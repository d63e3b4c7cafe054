"""What a ticker means from a day on."""

from typing import ClassVar

from schemas.event import Event
from schemas.quantities import Name, Session, Symbol


class SymbolChanged(Event, frozen=True, kw_only=True):
    """From ``session`` on ``symbol`` is no longer what it was.

    What it was goes on as ``renamed_to``, or ends where that is absent; whoever bears ``symbol`` afterwards is a new
    instrument, with books of its own.
    """

    type: ClassVar[str] = "symbol.changed"

    symbol: Symbol
    session: Session
    renamed_to: Symbol | None = None
    venue: Name | None = None
