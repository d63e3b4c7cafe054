"""What the join made of an alert or decision, at one horizon."""

from enum import Enum
from typing import ClassVar

from msgspec import Struct

from schemas.event import Event
from schemas.outcome import Horizon
from schemas.quantities import Count, Id, Name, Return, Session, Symbol, Time, Unit, VersionId


class ExampleState(Enum):
    """Where an example stands. Late and revised are attributes, not states."""

    PENDING = "pending"
    MATCHED = "matched"
    CENSORED = "censored"
    LOST = "lost"


class Subject(Enum):
    """What an example is about."""

    ALERT = "alert"
    DECISION = "decision"


class OutcomeClass(Enum):
    """How an example ended, by the strategy's win and loss thresholds."""

    WIN = "win"
    NEUTRAL = "neutral"
    LOSS = "loss"


class Contribution(Struct, frozen=True, kw_only=True, order=True):
    """What one unit adds to one statistics row, as exact integers.

    ``total`` is the winsorised reward in 1e-6, ``squares`` its square in 1e-12; ``arm`` is the canonical
    text of the arm's values; ``propensity`` the arm's share in 1/10,000 when the unit was assigned.
    """

    allocation: Id
    arm: str
    regime: Name
    reward: Name
    session: Session
    version: VersionId
    propensity: int
    n: int
    total: int
    squares: int


class OutcomeAttributed(Event, frozen=True, kw_only=True, rename={"return_": "return"}):
    """One revision of one example: what is known now, what it adds, and what it replaces.

    The statistics move by ``contributions`` minus ``replaced``; each (example, revision) once.
    ``sequence`` is the ingest sequence up to which a cycle's cut includes it.
    """

    type: ClassVar[str] = "outcome.attributed"

    example_id: Id
    revision: Count
    sequence: Count
    subject: Subject
    subject_id: Id
    symbol: Symbol
    unit: Id
    session: Session
    horizon: Horizon
    state: ExampleState
    reason: str | None = None
    entry_time: Time | None = None
    exit_time: Time | None = None
    return_: Return | None = None
    mfe: Return | None = None
    mae: Return | None = None
    volatility: Return | None = None
    outcome_class: OutcomeClass | None = None
    score: Unit | None = None
    contributions: list[Contribution] = []
    replaced: list[Contribution] = []


class ExamplesOverdue(Event, frozen=True, kw_only=True):
    """The daily cycle asks attribution to end examples that can no longer be filled, and why."""

    type: ClassVar[str] = "examples.overdue"

    session: Session
    examples: list[Id]
    state: ExampleState
    reason: str
