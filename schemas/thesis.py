"""Why a position is held."""

from typing import ClassVar

from schemas.event import Event
from schemas.market import MarketContext
from schemas.quantities import Id, Name, Symbol, Text, Unit, Word
from schemas.vocabulary import Recommendation, RiskLevel


class ThesisFormed(Event, frozen=True, kw_only=True):
    """A written view of a symbol or position, with what it recommends. ``confidence`` is 0 to 1."""

    type: ClassVar[str] = "thesis.formed"

    thesis_id: Id
    symbol: Symbol
    recommendation: Recommendation
    text: Text | None = None
    confidence: Unit | None = None
    reasoning: Text | None = None
    risk_level: RiskLevel | None = None
    pattern_type: Word | None = None
    market: MarketContext | None = None
    ai_generated: bool | None = None
    alert_id: Id | None = None
    decision_id: Id | None = None
    position_id: Id | None = None
    venue: Name | None = None
