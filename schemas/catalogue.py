"""Every event type, by its name on the wire."""

from collections.abc import Mapping

from schemas.alert import AlertRaised
from schemas.attributed import OutcomeAttributed
from schemas.client import ClientReported
from schemas.decision import DecisionMade
from schemas.discovery import DiscoveryCompleted
from schemas.event import Event
from schemas.fill import FillReported
from schemas.outcome import OutcomeObserved
from schemas.params import ParamsApplied, ParamsProposed, ParamsUpdated
from schemas.price import PriceObserved
from schemas.reports import BooksReconciled, CycleCompleted, DeadLetter, HealthReported, InsightPublished
from schemas.review import ProposalReviewed
from schemas.session import SessionClosed
from schemas.symbol import SymbolChanged
from schemas.thesis import ThesisFormed

INCOMING: tuple[type[Event], ...] = (
    AlertRaised,
    DecisionMade,
    FillReported,
    OutcomeObserved,
    PriceObserved,
    DiscoveryCompleted,
    ThesisFormed,
    SessionClosed,
    SymbolChanged,
    ParamsApplied,
    ClientReported,
)
"""What trading tells the engine."""

OUTGOING: tuple[type[Event], ...] = (
    ParamsUpdated,
    InsightPublished,
    HealthReported,
    BooksReconciled,
    CycleCompleted,
)
"""What the engine tells trading and people."""

INTERNAL: tuple[type[Event], ...] = (OutcomeAttributed, ParamsProposed, ProposalReviewed, DeadLetter)
"""What the engine's workers tell each other."""

EVENTS: Mapping[str, type[Event]] = {shape.type: shape for shape in (*INCOMING, *OUTGOING, *INTERNAL)}
