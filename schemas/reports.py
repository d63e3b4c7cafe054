"""What the engine says about its own work."""

from enum import Enum
from typing import ClassVar

from msgspec import Struct

from schemas.event import Event
from schemas.quantities import Count, Counts, Id, Name, Number, Numbers, Seconds, Session, Text, Time, Unit, Word


class InsightPublished(Event, frozen=True, kw_only=True):
    """Something learned that a person may want to know; it changes nothing by itself.

    ``n`` counts the observations that ``estimate`` is about; ``n_eff`` is as how many independent ones these count,
    ``uniqueness`` how much of its window each of them had to itself on average. ``p_adjusted`` is the p-value of there
    being no effect, adjusted for all that were ``tested`` with it; both are absent where nothing was tested.
    """

    type: ClassVar[str] = "insight.published"

    insight_id: Id
    subject: Name
    text: Text
    session: Session | None = None
    evidence: Id | None = None
    n: Count | None = None
    n_eff: Number | None = None
    uniqueness: Unit | None = None
    estimate: Number | None = None
    interval: tuple[Number, Number] | None = None
    p_adjusted: Unit | None = None
    tested: Count | None = None


class HealthState(Enum):
    """How bad it is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    CRITICAL = "critical"


class HealthReported(Event, frozen=True, kw_only=True):
    """The state of one part of the engine, with its reasons and since when."""

    type: ClassVar[str] = "health.reported"

    part: Name
    state: HealthState
    reasons: list[Text] = []
    since: Time | None = None
    counts: Counts = {}


class HealthOverview(Struct, frozen=True, kw_only=True):
    """How every part was at ``at``, int64 microseconds: health's last word, at the broker and in the store."""

    at: int
    parts: list[HealthReported]


class BooksReconciled(Event, frozen=True, kw_only=True):
    """Whether the books of a strategy are whole when a session settles.

    ``came_in`` counts the facts that are there by sort, ``expected`` the examples that they must have, ``states``
    the examples that there are by state, ``by_horizon`` these by ``horizon/origin/state``, ``marks`` those that bear
    a mark, and ``late``. ``outcomes`` counts the reported ones by ``joined``, ``inferred``, ``waiting`` and
    ``unclaimed`` (waited longer than the registry allows). ``issues`` are what does not add up; none means balanced.
    ``state`` says how bad the worst of them is.
    """

    type: ClassVar[str] = "books.reconciled"

    session: Session
    cut: Count
    came_in: Counts
    expected: Count
    states: Counts
    by_horizon: Counts
    marks: Counts
    outcomes: Counts
    issues: list[Text] = []
    state: HealthState | None = None


class StageReport(Struct, frozen=True, kw_only=True):
    """One stage of a cycle: how long it took and what it said of itself."""

    name: Name
    seconds: Seconds
    summary: Text


class CycleCompleted(Event, frozen=True, kw_only=True):
    """A cycle has run to its end. ``report`` is for people; ``cut`` is the highest ingest sequence it saw."""

    type: ClassVar[str] = "cycle.completed"

    cycle_id: Id
    kind: Name
    session: Session
    cut: Count
    proposals: list[Id]
    stages: list[StageReport]
    report: Text
    figures: Numbers = {}


class DeadLetter(Event, frozen=True, kw_only=True):
    """An entry that was refused, with its reason and its first bytes in base64."""

    type: ClassVar[str] = "dead.letter"

    worker: Name
    stream: Word
    entry: Id
    reason: Text
    body: str
    size: Count
    attempts: Count = 1
