"""The books of a strategy: how much came in and how much stands where, by running counts and really counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Select, Table, case, func, select, text

from schemas.vocabulary import Action
from store.awaited import Awaited, slots_of
from store.portions import portions
from store.tables import alerts, awaited, decisions, examples, instruments, outcomes, theses
from store.tallies import Tallies

FACTS: Mapping[str, Table] = {
    "alerts": alerts,
    "decisions": decisions,
    "theses": theses,
    "outcomes": outcomes,
}
"""The facts that are counted when they are taken in."""

SUBJECTS: Mapping[str, Table] = {"alert": alerts, "decision": decisions, "thesis": theses}

LATE = "late"
"""Counted beside the marks: examples that had been given up before their facts came."""

PENDING = text("examples.state = 'pending'")
"""Written out, because a bound value does not lead to the indexes of what is pending."""


class Slot(NamedTuple):
    """Which examples: of alerts, decisions or theses, at a horizon, by prices or as reported."""

    subject: str
    horizon: str
    origin: str


class Place(NamedTuple):
    """Where examples stand: in a slot, in a state."""

    subject: str
    horizon: str
    origin: str
    state: str


class Books(NamedTuple):
    """How many there are; what there is none of is not named.

    Attributes:
        accepted: the facts by their sort, and ``barriers``, the decisions with a stop, a target or a longest hold.
        standing: the examples.
        marked: those that bear a mark, and ``late``.
        reported: the outcomes that are ``joined`` by what they name, ``inferred`` by the rule, or ``waiting``.
    """

    accepted: Mapping[str, int]
    standing: Mapping[Place, int]
    marked: Mapping[str, int]
    reported: Mapping[str, int]


class Overdue(NamedTuple):
    """A pending example, when it was due, and the longest hold of what it is about, in sessions, where it has one."""

    horizon: str
    origin: str
    due: int
    max_hold: int | None


def tallied(connection: Connection, strategy: str) -> Books:
    """The books by their running counts."""
    tallies = Tallies(connection)
    standing = tallies.prefixed(f"standing/{strategy}/")
    late = {LATE: tallies.value(f"late/{strategy}")}
    return Books(
        accepted=_some(tallies.prefixed(f"accepted/{strategy}/")),
        standing={Place(*name.split("/")): count for name, count in standing.items() if count},
        marked=_some(tallies.prefixed(f"marked/{strategy}/") | late),
        reported=_some(tallies.prefixed(f"reported/{strategy}/")),
    )


def horizons(connection: Connection, strategy: str) -> set[tuple[str, str]]:
    """Every (horizon, origin) that the strategy has, or ever had, examples of."""
    standing = Tallies(connection).prefixed(f"standing/{strategy}/")
    return {(place.horizon, place.origin) for place in (Place(*name.split("/")) for name in standing)}


def expected(connection: Connection, strategy: str) -> dict[Slot, int]:
    """How many examples the facts that came in must have, by what the registry said when each came."""
    found = Tallies(connection).prefixed(f"expected/{strategy}/")
    return {Slot(*name.split("/")): count for name, count in found.items()}


def counted(connection: Connection, strategy: str) -> Books:
    """The books by counting every row of the strategy, which takes seconds for a million."""
    standing: Counter[Place] = Counter()
    marked: Counter[str] = Counter()
    rows = connection.execute(_examples(strategy)).all()
    silent = connection.execute(_silent(strategy)).all()
    in_silence = [
        (subject, *slot, "pending", marks, 0, count)
        for subject, slots, marks, count in silent
        for slot in slots_of(slots)
    ]
    for subject, horizon, origin, state, marks, late, count in (*rows, *in_silence):
        standing[Place(subject, horizon, origin, state)] += count
        for mark in (*(mark for mark in marks.split(",") if mark), *([LATE] if late else [])):
            marked[mark] += count
    return Books(
        accepted=_some({sort: _rows(connection, table, strategy) for sort, table in FACTS.items()})
        | _some({"barriers": _barriers(connection, strategy)}),
        standing=standing,
        marked=marked,
        reported=_some(_reported(connection, strategy)),
    )


def ownerless(connection: Connection, strategy: str) -> int:
    """How many examples are about a fact that is not there: none, ever. Looks at every example."""
    silent = _ownerless(connection, awaited, strategy, awaited.c.slots)
    return sum(_ownerless(connection, examples, strategy, examples.c.horizon).values()) + sum(
        count * len(slots_of(slots)) for slots, count in silent.items()
    )


def came_between(connection: Connection, table: Table, strategy: str, *, after: int, until: int) -> int:
    """How many facts of ``table`` have an ingest sequence beyond ``after``, up to ``until``.

    The strategy is asked for as a value, not as a condition: that would lead to an index that reads them all.
    """
    own = func.sum(case((table.c.strategy == strategy, 1), else_=0))
    chosen = select(own).where(table.c.sequence > after, table.c.sequence <= until)
    return int(connection.execute(chosen).scalar() or 0)


def pending(connection: Connection, strategy: str) -> dict[tuple[str, str], int]:
    """How many examples really are pending, by horizon and origin."""
    place = (examples.c.horizon, examples.c.origin)
    chosen = select(*place, func.count()).where(examples.c.strategy == strategy, PENDING).group_by(*place)
    found = Counter({(horizon, origin): count for horizon, origin, count in connection.execute(chosen)})
    silent = select(awaited.c.slots, func.count()).where(awaited.c.strategy == strategy).group_by(awaited.c.slots)
    for slots, count in connection.execute(silent):
        for slot in slots_of(slots):
            found[slot] += count
    return found


def overdue(connection: Connection, strategy: str, *, before: int) -> list[Overdue]:
    """The pending examples that were due before a moment, found by instrument."""
    own = select(instruments.c.id).where(instruments.c.strategy == strategy)
    chosen = (
        select(examples.c.horizon, examples.c.origin, examples.c.due, decisions.c.max_hold)
        .outerjoin(decisions, decisions.c.sequence == examples.c.fact)
        .where(examples.c.instrument.in_(own), PENDING, examples.c.due < before)
    )
    found = [Overdue._make(row) for row in connection.execute(chosen)]
    waits = list(Awaited(connection, strategy).overdue(until=before - 1))
    held = _longest_holds(connection, [wait.fact for wait in waits])
    return found + [
        Overdue(*slot, wait.dues[slot], held.get(wait.fact)) for wait in waits for slot in wait.due_by(before - 1)
    ]


def _examples(strategy: str) -> Select[Any]:
    named = (*(examples.c[name] for name in Place._fields), examples.c.marks, examples.c.late)
    return select(*named, func.count()).where(examples.c.strategy == strategy).group_by(*named)


def _silent(strategy: str) -> Select[Any]:
    named = (awaited.c.subject, awaited.c.slots, awaited.c.marks)
    return select(*named, func.count()).where(awaited.c.strategy == strategy).group_by(*named)


def _ownerless(connection: Connection, about: Table, strategy: str, by: Column[str]) -> dict[str, int]:
    chosen = select(by, func.count()).where(about.c.strategy == strategy).group_by(by)
    for subject, table in SUBJECTS.items():
        there = select(table.c.sequence).where(table.c.sequence == about.c.fact).exists()
        chosen = chosen.where((about.c.subject != subject) | ~there)
    return {name: count for name, count in connection.execute(chosen)}  # noqa: C416 - rows are not pairs


def _longest_holds(connection: Connection, facts: Sequence[int]) -> dict[int, int | None]:
    """How many sessions decisions may hold their positions, by their ingest sequence."""
    found: dict[int, int | None] = {}
    for portion in portions(facts):
        chosen = select(decisions.c.sequence, decisions.c.max_hold).where(decisions.c.sequence.in_(portion))
        found.update((sequence, held) for sequence, held in connection.execute(chosen))
    return found


def _rows(connection: Connection, table: Table, strategy: str) -> int:
    chosen = select(func.count()).select_from(table).where(table.c.strategy == strategy)
    return int(connection.execute(chosen).scalar_one())


def _barriers(connection: Connection, strategy: str) -> int:
    table = decisions.c
    barred = table.stop.is_not(None) | table.target.is_not(None) | (table.max_hold > 0)
    chosen = select(func.count()).select_from(decisions)
    chosen = chosen.where(table.strategy == strategy, table.action == Action.BUY.value, barred)
    return int(connection.execute(chosen).scalar_one())


def _reported(connection: Connection, strategy: str) -> dict[str, int]:
    place = (outcomes.c.joined, outcomes.c.instrument.is_not(None))
    chosen = select(*place, func.count()).where(outcomes.c.strategy == strategy).group_by(*place)
    found: Counter[str] = Counter()
    for joined, is_nameless, count in connection.execute(chosen):
        found[("inferred" if is_nameless else "joined") if joined else "waiting"] += count
    return found


def _some(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}
