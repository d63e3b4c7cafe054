"""What the join made of an alert or decision, at one horizon."""

from enum import Enum
from typing import ClassVar

from msgspec import Struct

from schemas.event import Event
from schemas.outcome import Horizon
from schemas.quantities import Count, Id, Name, Return, Seconds, Session, Symbol, Time, Unit, VersionId


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
    THESIS = "thesis"


class Origin(Enum):
    """Who says what followed: the bars of the market, or trading itself. The two are never mixed."""

    PRICES = "prices"
    REPORTED = "reported"


class Mark(Enum):
    """What is to be known of an example beside its state.

    ``jump``: its bars hold a move beyond the guard that neither a factor nor a second source explains.
    ``inferred``: its outcome came without ids and was joined by the declared rule. ``mismatch``: trading says that
    other values were in force than the version gives the unit. Only ``jump`` is counted in the statistics.
    """

    JUMP = "jump"
    INFERRED = "inferred"
    MISMATCH = "mismatch"


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
    ``sequence`` is the ingest sequence up to which a cycle's cut includes it. ``return_`` (``return`` on the wire),
    ``net``, ``mfe``, ``mae`` are fractions of the entry price, signed as the position earned them;
    ``benchmark_return`` is what the benchmark did in the same window, without sign, ``relative_return`` the return
    less that. ``peak_seconds`` is from the entry to the end of the bar of the most favourable price. ``late``: it
    had been given up before its facts came.
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
    origin: Origin
    state: ExampleState
    reason: str | None = None
    marks: list[Mark] = []
    late: bool = False
    entry_time: Time | None = None
    exit_time: Time | None = None
    return_: Return | None = None
    net: Return | None = None
    benchmark_return: Return | None = None
    relative_return: Return | None = None
    mfe: Return | None = None
    mae: Return | None = None
    volatility: Return | None = None
    peak_seconds: Seconds | None = None
    outcome_class: OutcomeClass | None = None
    score: Unit | None = None
    contributions: list[Contribution] = []
    replaced: list[Contribution] = []
