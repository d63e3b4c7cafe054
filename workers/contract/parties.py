"""Who sends and who receives each type of event."""

from collections.abc import Mapping

from schemas.attributed import OutcomeAttributed
from schemas.catalogue import INCOMING, OUTGOING
from schemas.event import Event
from schemas.groups import GROUPS
from schemas.params import ParamsProposed, ParamsUpdated
from schemas.reports import BooksReconciled, CycleCompleted, DeadLetter, HealthReported, InsightPublished
from schemas.review import ProposalReviewed
from workers.attribution import Attribution
from workers.bayesian import Bayesian
from workers.deployment import Deployment
from workers.health import Health
from workers.patterns import Patterns
from workers.thompson import Thompson

TRADING = "trading"
"""Every process that uses the client or writes the contract itself."""

PEOPLE = "people"
"""Whoever types a command, or listens to a stream for people's sake."""

CYCLES = "cycles"
"""The jobs of the queue ``learning``."""

READERS = (Attribution, Thompson, Patterns, Bayesian, Deployment, Health)
"""The workers, which say themselves what they read."""

_SENDERS: Mapping[type[Event], tuple[str, ...]] = {
    **dict.fromkeys(INCOMING, (TRADING,)),
    ParamsUpdated: (Deployment.name,),
    InsightPublished: (Patterns.name,),
    HealthReported: (Health.name,),
    BooksReconciled: (Attribution.name,),
    CycleCompleted: (CYCLES,),
    OutcomeAttributed: (Attribution.name,),
    ParamsProposed: (CYCLES, Bayesian.name, PEOPLE),
    ProposalReviewed: (PEOPLE,),
    DeadLetter: GROUPS,
}


def senders(kind: type[Event]) -> tuple[str, ...]:
    """Who publishes events of this type."""
    return _SENDERS[kind]


def receivers(kind: type[Event]) -> tuple[str, ...]:
    """Who takes events of this type in: workers, trading, people."""
    workers = tuple(worker.name for worker in READERS if kind.type in worker.reads)
    trading = (TRADING,) if kind is ParamsUpdated else ()
    return (*workers, *trading, *((PEOPLE,) if kind in OUTGOING or kind is DeadLetter else ()))
