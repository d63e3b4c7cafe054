"""What alerts, decisions and theses wait for: their pending examples of which nobody was told anything yet."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, bindparam, delete, select, text

from store.dialects import fetched, insert_rows, replace_rows, rows_of, run
from store.examples import PENDING, Example, Revision
from store.portions import portions
from store.tables import awaited, instruments

AT_ONCE = 2_000
"""How many rows are fetched together where they may be many."""

Slot = tuple[str, str]
"""A horizon and an origin."""


class Place(NamedTuple):
    """Where the examples of a fact belong; ``marks`` are what is to be known of all of them."""

    instrument: int
    unit: str
    session: str
    marks: str


class Wait(NamedTuple):
    """The silent examples of one fact: pending, without a figure, and as nobody was told.

    ``dues``: from when on each may be filled, in microseconds, by slot.
    """

    fact: int
    strategy: str
    subject: str
    subject_id: str
    place: Place
    dues: dict[Slot, int]

    def due_by(self, moment: int) -> list[Slot]:
        """The slots at which an example may be filled by then."""
        return [slot for slot, due in self.dues.items() if due <= moment]

    def example(self, slot: Slot) -> Example:
        """The example at one of the slots."""
        instrument, unit, session, marks = self.place
        identity = (self.fact, *slot, self.strategy, self.subject, self.subject_id)
        return Example._make(
            (*identity, instrument, unit, session, self.dues[slot], PENDING, None, marks, *_NOTHING, "[]")
        )

    def revision(self, slot: Slot) -> Revision:
        """The same as it would be stored by itself; it last changed when its fact came."""
        return Revision(self.example(slot), 0, self.fact, late=False)

    def revisions(self) -> Iterator[Revision]:
        """All of them."""
        return map(self.revision, self.dues)


_NOTHING = (None,) * (Example._fields.index("contributions") - Example._fields.index("marks") - 1)
"""The figures of an example of which nothing is known."""

_SHAPE = ("fact", "strategy", "subject", "subject_id", *Place._fields, "slots", "dues")
_COLUMNS = (*_SHAPE, "due")
_FIXED = ("strategy", "subject", "subject_id", *Place._fields)
_DUES = msgspec.json.Decoder(list[int])

_COHORTS = text("""
    WITH RECURSIVE sessions (session) AS (
        SELECT min(session) FROM awaited WHERE strategy = :strategy
        UNION ALL
        SELECT (SELECT min(session) FROM awaited WHERE strategy = :strategy AND session > sessions.session)
        FROM sessions WHERE session IS NOT NULL
    ), cohorts (session, slots) AS (
        SELECT session, (SELECT min(slots) FROM awaited WHERE strategy = :strategy AND session = sessions.session)
        FROM sessions WHERE session IS NOT NULL
        UNION ALL
        SELECT session, (
            SELECT min(slots) FROM awaited
            WHERE strategy = :strategy AND session = cohorts.session AND slots > cohorts.slots
        )
        FROM cohorts WHERE slots IS NOT NULL
    )
    SELECT session, slots FROM cohorts WHERE slots IS NOT NULL
""")
"""Each session and list of slots once, from one to the next along the index: DISTINCT would read all that wait."""


class Awaited:
    """The silent examples of one strategy, within a transaction."""

    def __init__(self, connection: Connection, strategy: str) -> None:
        self._connection = connection
        self._strategy = strategy

    def get(self, facts: Iterable[int]) -> dict[int, Wait]:
        """What these facts wait for, as far as they wait for anything."""
        found: dict[int, Wait] = {}
        for portion in portions(sorted(set(facts))):
            for row in rows_of(self._connection, _by_fact(), facts=portion):
                found[row[0]] = _wait(row)
        return found

    def add(self, waits: Sequence[Wait]) -> None:
        """Write what facts wait for that waited for nothing."""
        insert_rows(self._connection, awaited, _COLUMNS, list(map(_values, waits)))

    def replace(self, waits: Iterable[Wait]) -> None:
        """Write what facts wait for now that waited for something else; nothing is left of those without a slot."""
        left, over = [], []
        for wait in waits:
            if wait.dues:
                left.append(_values(wait))
            else:
                over.append(wait.fact)
        replace_rows(self._connection, awaited, _COLUMNS, left, key=("fact",), fixed=_FIXED)
        run(self._connection, _ENDING, [{"of": fact} for fact in over])

    def maturing(self, ends: Mapping[int, int]) -> Iterator[Wait]:
        """Those that bars may complete at a slot; ``ends``: by instrument, the end of its newest bar."""
        by_end: dict[int, list[int]] = {}
        for instrument, end in ends.items():
            by_end.setdefault(end, []).append(instrument)
        for end, numbers in by_end.items():
            for portion in portions(sorted(numbers)):
                yield from map(_wait, rows_of(self._connection, _due(), instruments=portion, end=end))

    def overdue(self, *, until: int) -> Iterator[Wait]:
        """Those that could have been filled by ``until`` at a slot, found by instrument."""
        own = select(instruments.c.id).where(instruments.c.strategy == self._strategy)
        chosen = _selected().where(awaited.c.instrument.in_(own), awaited.c.due <= until)
        yield from map(_wait, fetched(self._connection.execute(chosen)))

    def between(self, *, facts: tuple[int, int] | None, first: str | None, last: str | None) -> Iterator[Wait]:
        """Those of facts with ingest sequences and assignment sessions in these ranges, ends included; None is no end.
        Read piece by piece."""
        chosen = _selected().where(awaited.c.strategy == self._strategy)
        if facts is not None:
            chosen = chosen.where(awaited.c.fact.between(*facts))
        if first is not None:
            chosen = chosen.where(awaited.c.session >= first)
        if last is not None:
            chosen = chosen.where(awaited.c.session <= last)
        yield from map(_wait, self._connection.execute(chosen.execution_options(yield_per=AT_ONCE)))

    def sessions(self) -> set[tuple[Slot, str]]:
        """The slots and assignment sessions that have silent examples."""
        rows = self._connection.execute(_COHORTS, {"strategy": self._strategy})
        return {(slot, session) for session, slots in rows for slot in slots_of(slots)}


@cache
def slots_of(told: str) -> tuple[Slot, ...]:
    """The slots of a row, as its text has them."""
    return tuple((horizon, origin) for horizon, _, origin in (slot.partition("/") for slot in told.split(",")))


def _wait(row: Sequence[Any]) -> Wait:
    fact, strategy, subject, subject_id, instrument, unit, session, marks, slots, dues = row
    place = Place(instrument, unit, session, marks)
    return Wait(fact, strategy, subject, subject_id, place, dict(zip(slots_of(slots), _DUES.decode(dues), strict=True)))


def _values(wait: Wait) -> tuple[Any, ...]:
    slots = sorted(wait.dues)
    dues = [wait.dues[slot] for slot in slots]
    told = ",".join(map("/".join, slots)), msgspec.json.encode(dues).decode(), min(dues)
    return (wait.fact, wait.strategy, wait.subject, wait.subject_id, *wait.place, *told)


@cache
def _selected() -> Select[Any]:
    return select(*(awaited.c[name] for name in _SHAPE))


@cache
def _by_fact() -> Select[Any]:
    return _selected().where(awaited.c.fact.in_(bindparam("facts", expanding=True)))


@cache
def _due() -> Select[Any]:
    return _selected().where(
        awaited.c.instrument.in_(bindparam("instruments", expanding=True)), awaited.c.due <= bindparam("end")
    )


_ENDING = delete(awaited).where(awaited.c.fact == bindparam("of"))
