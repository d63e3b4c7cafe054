"""What a story is made of. Whoever shows it, on a terminal or as JSON, shows these; None is not known, never 0."""

from datetime import datetime
from typing import Any

from msgspec import Raw, Struct

from schemas.allocation import Value
from schemas.attributed import Contribution
from workers.story.bars import Prices


class Happening(Struct, frozen=True, kw_only=True):
    """Something that was told: what it is, under which name, when it happened and when it was kept, by whom.

    ``said`` is the event as it was told; what it does not hold was not said.
    """

    what: str
    name: str
    time: datetime
    recorded_at: datetime
    sequence: int
    source: str
    event_id: str
    said: dict[str, Any]


class Arm(Struct, frozen=True, kw_only=True):
    """The arm of one allocation that a unit was assigned to, recomputed from version and unit.

    ``propensity`` is its share in 1/10,000, ``baseline`` says that it changes nothing. ``told`` are the values that
    trading says were in force, ``agrees`` whether they are those of the arm.
    """

    allocation: str
    purpose: str
    arm: str
    propensity: int
    baseline: bool
    told: dict[str, float] | None
    agrees: bool | None


class Changed(Struct, frozen=True, kw_only=True):
    """A parameter whose value for the unit is not the version's own."""

    name: str
    baseline: Value | None
    value: Value


class InForce(Struct, frozen=True, kw_only=True):
    """What was in force for an alert or decision, and for which of them.

    ``published`` is False where the store has no such version: then nothing is known of its values. ``strange`` are
    the values that trading tells of allocations which the version does not have.
    """

    of: list[str]
    unit: str
    version: str | None
    published: bool
    session: str | None
    regime: str | None
    proposal: str | None
    changed: list[Changed]
    arms: list[Arm]
    strange: dict[str, dict[str, float]]


class Unit(Struct, frozen=True, kw_only=True):
    """A unit: all of its alerts and decisions by time, and the one that represents it and alone is counted."""

    unit: str
    session: str
    cases: list[str]
    represented_by: str | None


class Trip(Struct, frozen=True, kw_only=True):
    """A round trip, first in, first out. Prices and amounts in currency; below 0 the quantity was short."""

    entry_fill: str
    exit_fill: str
    decision: str | None
    account: str
    quantity: float
    multiplier: float
    entry_price: float
    exit_price: float
    entry_time: datetime
    exit_time: datetime
    gross: float
    fees: float | None
    net: float | None


class Lot(Struct, frozen=True, kw_only=True):
    """What is still open of a fill."""

    fill: str
    decision: str | None
    account: str
    quantity: float
    multiplier: float
    price: float
    time: datetime
    fees: float | None


class Waiting(Struct, frozen=True, kw_only=True):
    """An outcome that belongs to nothing yet, and why. ``unclaimed``: for longer than the registry allows."""

    outcome_id: str
    why: str
    unclaimed: bool


class Movement(Struct, frozen=True, kw_only=True):
    """What one revision of an example moved in the statistics."""

    revision: int
    sequence: int
    added: list[Contribution]
    taken_back: list[Contribution]


class Example(Struct, frozen=True, kw_only=True, rename={"return_": "return"}):
    """What became of a subject at one horizon. Fractions of the entry price, signed as the position earned them.

    ``prices`` only where it was measured with bars. ``note``: what else is to be said of figures that are missing.
    """

    example_id: str
    subject: str
    subject_id: str
    horizon: str
    origin: str
    state: str
    reason: str | None
    note: str | None
    marks: list[str]
    late: bool
    revision: int
    due: datetime
    entry_time: datetime | None
    exit_time: datetime | None
    entry_price: float | None
    exit_price: float | None
    return_: float | None
    net: float | None
    benchmark_return: float | None
    relative_return: float | None
    mfe: float | None
    mae: float | None
    volatility: float | None
    peak_seconds: float | None
    outcome_class: str | None
    exit_reason: str | None
    prices: Prices | None
    contributions: list[Contribution]
    movements: list[Movement]


class Settling(Struct, frozen=True, kw_only=True):
    """A settled session whose cut includes something; ``cycle`` and when it finished, where its cycle has run."""

    session: str
    cut: int
    settled_at: datetime
    cycle: str | None
    finished_at: datetime | None


class Evidence(Struct, frozen=True, kw_only=True):
    """Figures on an allocation, by arm, that were computed from the books at a cut."""

    id: str
    session: str
    cut: int
    arms: dict[str, Raw]


class Proposal(Struct, frozen=True, kw_only=True):
    """A proposal about an allocation, what became of it, and the version that it became."""

    id: str
    kind: str
    session: str
    state: str
    reason: str
    decided: str | None
    evidence: str | None
    version: str | None


class Consequence(Struct, frozen=True, kw_only=True):
    """What an example that was counted led to, for one allocation.

    ``included`` is the first settled session whose cut includes it, ``ripe`` the first of these at which nothing of
    its cohort was pending any more: from there on cycles compare with it. Evidence and proposals are all since then.
    """

    example_id: str
    allocation: str
    reward: str
    cohort: str
    included: Settling | None
    ripe: Settling | None
    evidence: list[Evidence]
    proposals: list[Proposal]


class Verdict(Struct, frozen=True, kw_only=True):
    """Whether a thesis was right by what followed up to ``horizon``; None while that is not known.

    ``judged`` is False for a recommendation that no outcome can contradict.
    """

    thesis_id: str
    recommendation: str
    judged: bool
    horizon: str
    state: str | None
    outcome_class: str | None
    right: bool | None


class Found(Struct, frozen=True, kw_only=True):
    """An alert of a discovery run, and what became of it at the primary horizon."""

    alert_id: str
    symbol: str
    score: float
    decisions: list[str]
    horizon: str
    state: str | None
    return_: float | None
    outcome_class: str | None


class Story(Struct, frozen=True, kw_only=True):
    """All that belongs to one name: what was told, what was in force, what followed and what it led to.

    ``asked`` is how the name was understood, such as ``decision``. ``found`` is filled for a discovery run alone,
    whose alerts have stories of their own.
    """

    strategy: str
    name: str
    asked: str
    instruments: list[str]
    happenings: list[Happening]
    units: list[Unit]
    in_force: list[InForce]
    trips: list[Trip]
    lots: list[Lot]
    waiting: list[Waiting]
    examples: list[Example]
    verdicts: list[Verdict]
    consequences: list[Consequence]
    found: list[Found]
