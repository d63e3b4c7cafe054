"""The examples: what became of each alert and decision, at each horizon, as the facts of now have it."""

from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, Update, bindparam, or_, select, update

from store.dialects import insert_new
from store.portions import portions
from store.tables import examples

PRICES = "prices"
"""The origin of what the engine computed from bars."""

REPORTED = "reported"
"""The origin of what trading told. The two are never mixed."""

LONGEST_ID = 180
"""Ids with more characters are replaced by their hash, so that with a revision they still fit the wire."""


class Example(NamedTuple):
    """An example without its history: a function of the stored facts, and of nothing else.

    Attributes:
        subject: ``alert`` or ``decision``; ``subject_id`` its id.
        session: the assignment session of its unit. ``due``: the session whose settling ends the horizon.
        return_, net, mfe, mae: fractions, signed as the position earned them. None is unknown.
        contributions: JSON of what stands in the statistics, a list of ``Contribution``.
    """

    id: str
    strategy: str
    subject: str
    subject_id: str
    instrument: int
    unit: str
    session: str
    horizon: str
    origin: str
    due: str
    state: str
    reason: str | None
    entry_session: str
    entry_price: float | None
    exit_price: float | None
    return_: float | None
    net: float | None
    mfe: float | None
    mae: float | None
    volatility: float | None
    outcome_class: str | None
    exit_reason: str | None
    score: float | None
    regime: str
    params_version: str | None
    contributions: str


class Revision(NamedTuple):
    """An example as it is stored: its ``revision`` (0 was never told) and the ingest sequence of its making, its
    last change and its leaving of ``pending``. ``late``: it was given up before its facts came."""

    example: Example
    revision: int
    created_sequence: int
    sequence: int
    settled_sequence: int | None
    late: bool


class OpenExample(NamedTuple):
    """An example that was still pending at some cut."""

    id: str
    session: str
    horizon: str
    origin: str
    due: str


_HISTORY = Revision._fields[1:]
_COLUMNS = (*(name.rstrip("_") for name in Example._fields), *_HISTORY)
_CONTENT = len(Example._fields)
_FIXED = (
    "id",
    "strategy",
    "subject",
    "subject_id",
    "instrument",
    "horizon",
    "origin",
    "entry_session",
    "created_sequence",
)
_PLACE = ("unit", "session", "due")
_BY_ID = select(*(examples.c[name] for name in _COLUMNS)).where(examples.c.id.in_(bindparam("ids", expanding=True)))


class Examples:
    """The examples of one strategy, within a transaction."""

    def __init__(self, connection: Connection, strategy: str) -> None:
        self._connection = connection
        self._strategy = strategy

    def get(self, ids: Iterable[str]) -> dict[str, Revision]:
        """Those of ``ids`` that exist and belong to the strategy."""
        found = {}
        for portion in portions(sorted(set(ids))):
            for row in self._connection.execute(_BY_ID, {"ids": portion}).all():
                revision, created, sequence, settled, late = row[_CONTENT:]
                example = Example(*row[:_CONTENT])
                if example.strategy == self._strategy:
                    found[example.id] = Revision(example, revision, created, sequence, settled, bool(late))
        return found

    def add(self, rows: Sequence[Revision]) -> None:
        """Write examples that do not exist yet."""
        insert_new(self._connection, examples, [_values(row) for row in rows])

    def replace(self, rows: Sequence[tuple[Revision, Revision]]) -> None:
        """Write the next revision of examples that exist, (before, after). Where they belong rarely changes."""
        for fixed in (_FIXED + _PLACE, _FIXED):
            changed = [after for before, after in rows if (_place(before) == _place(after)) == (fixed != _FIXED)]
            if changed:
                self._connection.execute(_replacing(fixed), [_named(after) for after in changed])

    def around(self, session: str, instruments: Iterable[int], *, newest: bool) -> set[tuple[str, str]]:
        """(unit, horizon) of every example that bars of ``session`` may complete or revise.

        ``newest``: no bar of these instruments is newer, so that an entry alone completes nothing. An instrument
        belongs to one strategy, so the strategy is not asked for: it would only lead to an index that reads them all.
        """
        completes = or_(examples.c.due == session, examples.c.state != "pending")
        if not newest:
            completes = or_(completes, examples.c.entry_session == session)
        found: set[tuple[str, str]] = set()
        chosen = select(examples.c.unit, examples.c.horizon).where(
            examples.c.origin == PRICES,
            examples.c.due >= session,
            examples.c.entry_session <= session,
            completes,
        )
        for portion in portions(sorted(instruments)):
            rows = self._connection.execute(chosen.where(examples.c.instrument.in_(portion))).all()
            found.update((unit, horizon) for unit, horizon in rows)
        return found

    def units_closing(self, *, after: str, until: str) -> list[str]:
        """The units with an example ``close`` whose assignment session lies after ``after``, up to ``until``."""
        chosen = select(examples.c.unit).where(
            examples.c.strategy == self._strategy,
            examples.c.horizon == "close",
            examples.c.state.in_(("pending", "matched", "censored", "lost")),
            examples.c.session > after,
            examples.c.session <= until,
        )
        return sorted(set(self._connection.execute(chosen).scalars().all()))


def example_id(strategy: str, subject: str, subject_id: str, *, horizon: str, origin: str) -> str:
    """The name of an example for ever: the same facts give the same, and nothing else does."""
    name = f"{strategy}/{subject}/{subject_id}/{horizon}/{origin}"
    return name if len(name) <= LONGEST_ID else sha256(name.encode()).hexdigest()


def open_examples(connection: Connection, *, strategy: str, cut: int) -> list[OpenExample]:
    """The examples that were pending at ``cut``, by their ids."""
    settled = examples.c.settled_sequence
    chosen = select(*(examples.c[name] for name in OpenExample._fields)).where(
        examples.c.strategy == strategy, examples.c.created_sequence <= cut
    )
    found = [row for when in (settled.is_(None), settled > cut) for row in connection.execute(chosen.where(when))]
    return sorted(OpenExample(*row) for row in found)


def _values(row: Revision) -> dict[str, object]:
    content: tuple[object, ...] = (*row.example, *row[1:-1], int(row.late))
    return dict(zip(_COLUMNS, content, strict=True))


def _place(row: Revision) -> tuple[str, str, str]:
    return row.example.unit, row.example.session, row.example.due


def _named(row: Revision) -> dict[str, object]:
    return {f"new_{name}": value for name, value in _values(row).items()}


@cache
def _replacing(fixed: tuple[str, ...]) -> Update:
    """Sets all columns but the fixed ones: what is set is written into its indexes anew, changed or not."""
    values: dict[str, BindParameter[object]] = {
        name: bindparam(f"new_{name}") for name in _COLUMNS if name not in fixed
    }
    return update(examples).where(examples.c.id == bindparam("new_id")).values(values)
