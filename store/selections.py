"""Which examples somebody wants to have, read piece by piece."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, select

from store.awaited import Awaited, Wait
from store.examples import PENDING, Example, Revision
from store.rows import columns
from store.tables import examples

AT_ONCE = 2_000
"""How many rows are fetched together."""


class Selection(NamedTuple):
    """Examples of one strategy: all of them, where nothing else is said.

    ``since`` and ``until`` are assignment sessions, both included.
    """

    strategy: str
    horizons: Sequence[str] = ()
    origin: str | None = None
    states: Sequence[str] = ()
    since: str | None = None
    until: str | None = None


class Window(NamedTuple):
    """A chosen example and the stretch of time that it is measured over, microseconds; None where not known."""

    session: str
    fact: int
    horizon: str
    origin: str
    instrument: int
    entry_time: int | None
    exit_time: int | None


class Stretch(NamedTuple):
    """Assignment sessions that follow each other, ``first`` to ``last``, with ``size`` chosen examples.

    What these are about has ingest sequences from ``low`` to ``high``, by which they are found.
    """

    first: str
    last: str
    low: int
    high: int
    size: int


_CONTENT = [examples.c[name.rstrip("_")] for name in Example._fields]
_HISTORY = [examples.c.revision, examples.c.sequence, examples.c.late]


class Selected:
    """The chosen examples, read through one connection and never all at once."""

    def __init__(self, connection: Connection, selection: Selection) -> None:
        self._connection = connection
        self._selection = selection
        self._chosen = list(_conditions(selection))

    def windows(self) -> Iterator[Window]:
        """Every chosen example, in no order that means anything."""
        chosen = select(*columns(examples, Window)).where(*self._chosen)
        streamed = self._connection.execute(chosen.execution_options(yield_per=AT_ONCE))
        yield from map(Window._make, streamed)
        for wait in self._waits():
            for horizon, origin in filter(self._wants, wait.dues):
                yield Window(wait.place.session, wait.fact, horizon, origin, wait.place.instrument, None, None)

    def rows(self, stretch: Stretch) -> list[Revision]:
        """The chosen examples of the stretch, by session, subject's id, horizon, origin and subject.

        Sorted here and not by the database: a stretch is small, and no index has this order.
        """
        table = examples.c
        chosen = select(*_CONTENT, *_HISTORY).where(
            table.fact.between(stretch.low, stretch.high),
            table.session >= stretch.first,
            table.session <= stretch.last,
        )
        rows = [_revision(row) for row in self._connection.execute(chosen.where(*self._chosen))]
        for wait in self._waits(facts=(stretch.low, stretch.high), sessions=(stretch.first, stretch.last)):
            rows.extend(wait.revision(slot) for slot in filter(self._wants, wait.dues))
        return sorted(rows, key=_order)

    def _waits(
        self, *, facts: tuple[int, int] | None = None, sessions: tuple[str, str] | None = None
    ) -> Iterator[Wait]:
        """What waits in silence, within the selection."""
        selection = self._selection
        if selection.states and PENDING not in selection.states:
            return iter(())
        first, last = sessions or (selection.since, selection.until)
        return Awaited(self._connection, selection.strategy).between(facts=facts, first=first, last=last)

    def _wants(self, slot: tuple[str, str]) -> bool:
        horizon, origin = slot
        selection = self._selection
        return (not selection.horizons or horizon in selection.horizons) and selection.origin in (None, origin)


def _conditions(selection: Selection) -> Iterator[ColumnElement[bool]]:
    table = examples.c
    yield table.strategy == selection.strategy
    if selection.horizons:
        yield table.horizon.in_(sorted(set(selection.horizons)))
    if selection.origin is not None:
        yield table.origin == selection.origin
    if selection.states:
        yield table.state.in_(sorted(set(selection.states)))
    if selection.since is not None:
        yield table.session >= selection.since
    if selection.until is not None:
        yield table.session <= selection.until


def _revision(row: Any) -> Revision:
    revision, sequence, late = row[len(_CONTENT) :]
    return Revision(Example._make(row[: len(_CONTENT)]), revision, sequence, bool(late))


def _order(row: Revision) -> tuple[str, str, str, str, str]:
    example = row.example
    return example.session, example.subject_id, example.horizon, example.origin, example.subject
