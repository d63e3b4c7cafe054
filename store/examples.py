"""The examples: what became of each alert, decision and thesis, at each horizon, as the facts of now have it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, or_, select, text

from store.dialects import fetched, insert_new, insert_rows, replace_rows, rows_of
from store.portions import portions
from store.rows import columns
from store.tables import alerts, decisions, examples, instruments, superseded_examples, theses

LONGEST_ID = 180
"""Ids with more characters are replaced by their hash, so that with a revision they still fit the wire."""

PENDING, MATCHED = "pending", "matched"
"""The state of an example that can still be filled, and of one that is."""

Key = tuple[int, str, str]
"""An example: the ingest sequence of what it is about, its horizon and its origin."""


class Example(NamedTuple):
    """An example without its history: a function of the stored facts, and of nothing else.

    Attributes:
        fact: the ingest sequence of the alert, decision or thesis that it is about.
        session: the assignment session of its unit. ``due``: from which moment on it may be filled.
        marks: words of ``schemas.attributed.Mark``, sorted, with commas between.
        return_, net, mfe, mae, volatility: fractions of the entry price, signed as the position earned them;
            ``benchmark`` is without sign. None is unknown. ``peak_after``: microseconds from the entry.
        contributions: JSON of what stands in the statistics, a list of ``Contribution``.
    """

    fact: int
    horizon: str
    origin: str
    strategy: str
    subject: str
    subject_id: str
    instrument: int
    unit: str
    session: str
    due: int
    state: str
    reason: str | None
    marks: str
    entry_time: int | None
    exit_time: int | None
    entry_price: float | None
    exit_price: float | None
    return_: float | None
    net: float | None
    benchmark: float | None
    mfe: float | None
    mae: float | None
    volatility: float | None
    peak_after: int | None
    outcome_class: str | None
    exit_reason: str | None
    contributions: str

    @property
    def key(self) -> Key:
        """What names it within the store."""
        return (self.fact, self.horizon, self.origin)

    @property
    def name(self) -> str:
        """What names it on the wire, for ever."""
        return example_id(self.strategy, self.subject, self.subject_id, horizon=self.horizon, origin=self.origin)


class Revision(NamedTuple):
    """An example as it is stored: its ``revision`` (0 was never told) and the ingest sequence of its last change.
    ``late``: it was given up before its facts came."""

    example: Example
    revision: int
    sequence: int
    late: bool


class OpenExample(NamedTuple):
    """An example that something may have happened to."""

    unit: str
    horizon: str
    origin: str


_PENDING = text("examples.state = 'pending'")
"""Written out, because a bound value does not lead to the indexes of pending examples."""

_OPEN = text("""
    WITH RECURSIVE horizons (horizon) AS (
        SELECT min(horizon) FROM examples WHERE strategy = :strategy AND state = 'pending'
        UNION ALL
        SELECT (
            SELECT min(horizon) FROM examples
            WHERE strategy = :strategy AND state = 'pending' AND horizon > horizons.horizon
        )
        FROM horizons WHERE horizon IS NOT NULL
    ), slots (horizon, origin) AS (
        SELECT horizon, (
            SELECT min(origin) FROM examples
            WHERE strategy = :strategy AND state = 'pending' AND horizon = horizons.horizon
        )
        FROM horizons WHERE horizon IS NOT NULL
        UNION ALL
        SELECT horizon, (
            SELECT min(origin) FROM examples
            WHERE strategy = :strategy AND state = 'pending' AND horizon = slots.horizon AND origin > slots.origin
        )
        FROM slots WHERE origin IS NOT NULL
    ), cohorts (horizon, origin, session) AS (
        SELECT horizon, origin, (
            SELECT min(session) FROM examples
            WHERE strategy = :strategy AND state = 'pending' AND horizon = slots.horizon AND origin = slots.origin
        )
        FROM slots WHERE origin IS NOT NULL
        UNION ALL
        SELECT horizon, origin, (
            SELECT min(session) FROM examples
            WHERE strategy = :strategy AND state = 'pending' AND horizon = cohorts.horizon
                AND origin = cohorts.origin AND session > cohorts.session
        )
        FROM cohorts WHERE session IS NOT NULL
    )
    SELECT horizon, origin, session FROM cohorts WHERE session IS NOT NULL
""")
"""Each horizon, origin and session once, from one to the next along the index: DISTINCT would read all that wait."""

_KEY = ("fact", "horizon", "origin")
_IDENTITY = ("strategy", "subject", "subject_id")
_PLACE = ("instrument", "unit", "session", "due")
_PLACED = slice(Example._fields.index(_PLACE[0]), Example._fields.index(_PLACE[-1]) + 1)
_CONTENT = tuple(name.rstrip("_") for name in Example._fields)
_COLUMNS = (*_CONTENT, "revision", "sequence", "late")
_WIDTH = len(_CONTENT)
_ROW = tuple(column.name for column in examples.columns)
_HISTORY_AT = _ROW.index("late")


class Examples:
    """The examples of one strategy that have rows of their own, within a transaction.

    Those that wait in silence are in ``store.awaited``.
    """

    def __init__(self, connection: Connection, strategy: str) -> None:
        self._connection = connection
        self._strategy = strategy

    def get(self, keys: Iterable[Key]) -> dict[Key, Revision]:
        """Those of ``keys`` that exist."""
        slots: dict[tuple[str, str], list[int]] = {}
        for fact, horizon, origin in keys:
            slots.setdefault((horizon, origin), []).append(fact)
        found: dict[Key, Revision] = {}
        for (horizon, origin), facts in slots.items():
            for portion in portions(sorted(set(facts))):
                for row in rows_of(self._connection, _by_key(), facts=portion, horizon=horizon, origin=origin):
                    found[row[:3]] = _revision(row)
        return found

    def reported(self, facts: Iterable[int]) -> dict[int, set[str]]:
        """The horizons at which examples of what trading reported exist, by what they are about."""
        found: dict[int, set[str]] = {}
        for portion in portions(sorted(set(facts))):
            for fact, horizon in rows_of(self._connection, _reported(), facts=portion):
                found.setdefault(fact, set()).add(horizon)
        return found

    def add(self, rows: Sequence[Revision]) -> None:
        """Write examples that do not exist yet."""
        insert_rows(self._connection, examples, _ROW, list(map(_values, rows)))

    def replace(self, rows: Sequence[tuple[Revision, Revision]]) -> None:
        """Write the next revision of examples that exist, (before, after). Where they belong rarely changes.

        What was matched before is kept beside it, for whoever reads up to an earlier cut.
        """
        insert_new(self._connection, superseded_examples, list(map(_superseded, filter(_was_matched, rows))))
        there: list[tuple[Any, ...]] = []
        moved: list[tuple[Any, ...]] = []
        for before, after in rows:
            (there if before.example[_PLACED] == after.example[_PLACED] else moved).append(_values(after))
        replace_rows(self._connection, examples, _ROW, there, key=_KEY, fixed=_IDENTITY + _PLACE)
        replace_rows(self._connection, examples, _ROW, moved, key=_KEY, fixed=_IDENTITY)

    def maturing(self, ends: Mapping[int, int]) -> list[Revision]:
        """The pending examples of prices that bars may complete; ``ends``: by instrument, the end of its newest bar."""
        found: list[Revision] = []
        by_end: dict[int, list[int]] = {}
        for instrument, end in ends.items():
            by_end.setdefault(end, []).append(instrument)
        for end, numbers in by_end.items():
            for portion in portions(sorted(numbers)):
                rows = rows_of(self._connection, _maturing(), instruments=portion, end=end)
                found.extend(map(_revision, rows))
        return found

    def doubtful(self, instruments: Iterable[int], *, first: str, last: str, lost_only: bool) -> list[OpenExample]:
        """The examples of prices that were given up, or wait after a jump, of what could be entered in these
        instruments in the sessions ``first`` to ``last``; with ``lost_only`` those of which nothing is known."""
        found: list[OpenExample] = []
        waits = and_(examples.c.state == "pending", examples.c.marks != "")
        doubt = examples.c.state == "lost" if lost_only else or_(examples.c.state.in_(("lost", "censored")), waits)
        for table in (alerts, decisions, theses):
            chosen = (
                select(*columns(examples, OpenExample))
                .join_from(table, examples, examples.c.fact == table.c.sequence)
                .where(
                    table.c.entry_session >= first, table.c.entry_session <= last, examples.c.origin == "prices", doubt
                )
            )
            for portion in portions(sorted(set(instruments))):
                rows = self._connection.execute(chosen.where(table.c.instrument.in_(portion)))
                found.extend(map(OpenExample._make, fetched(rows)))
        return found

    def overdue(self, *, until: int) -> list[OpenExample]:
        """The pending examples of the strategy that could have been filled by ``until``, found by instrument."""
        own = select(instruments.c.id).where(instruments.c.strategy == self._strategy)
        chosen = select(*columns(examples, OpenExample)).where(
            examples.c.instrument.in_(own), _PENDING, examples.c.due <= until
        )
        return [OpenExample._make(row) for row in self._connection.execute(chosen)]

    def sessions(self) -> set[tuple[tuple[str, str], str]]:
        """The slots and assignment sessions that have pending examples."""
        rows = self._connection.execute(_OPEN, {"strategy": self._strategy})
        return {((horizon, origin), session) for horizon, origin, session in rows}


def example_id(strategy: str, subject: str, subject_id: str, *, horizon: str, origin: str) -> str:
    """The name of an example for ever: the same facts give the same, and nothing else does."""
    name = f"{strategy}/{subject}/{subject_id}/{horizon}/{origin}"
    return name if len(name) <= LONGEST_ID else sha256(name.encode()).hexdigest()


def _was_matched(row: tuple[Revision, Revision]) -> bool:
    return row[0].example.state == MATCHED


def _superseded(row: tuple[Revision, Revision]) -> dict[str, Any]:
    before, after = row
    example = before.example
    return {
        "fact": example.fact,
        "horizon": example.horizon,
        "origin": example.origin,
        "sequence": before.sequence,
        "until": after.sequence,
        "return": example.return_,
        "net": example.net,
    }


def _revision(row: tuple[Any, ...]) -> Revision:
    revision, sequence, late = row[_WIDTH:]
    return Revision(Example._make(row[:_WIDTH]), revision, sequence, bool(late))


def _values(row: Revision) -> tuple[Any, ...]:
    """A row as its table has it."""
    return (*row.example[:_HISTORY_AT], int(row.late), row.revision, row.sequence, *row.example[_HISTORY_AT:])


@cache
def _by_key() -> Select[Any]:
    return select(*(examples.c[name] for name in _COLUMNS)).where(
        examples.c.fact.in_(bindparam("facts", expanding=True)),
        examples.c.horizon == bindparam("horizon"),
        examples.c.origin == bindparam("origin"),
    )


@cache
def _reported() -> Select[Any]:
    return select(examples.c.fact, examples.c.horizon).where(
        examples.c.fact.in_(bindparam("facts", expanding=True)), examples.c.origin == "reported"
    )


@cache
def _maturing() -> Select[Any]:
    return select(*(examples.c[name] for name in _COLUMNS)).where(
        examples.c.instrument.in_(bindparam("instruments", expanding=True)),
        _PENDING,
        examples.c.due <= bindparam("end"),
        examples.c.origin == "prices",
    )
