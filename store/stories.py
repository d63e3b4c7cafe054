"""What belongs to one alert, decision, position or thesis, looked up by name, for people to read."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, Table, func, select

from schemas.params import ParamsProposed
from schemas.version import Version, VersionNumber
from store.awaited import Awaited
from store.evidence import EvidenceRow
from store.examples import Example, Revision
from store.portions import portions
from store.positions import Book, LotRow, TripRow
from store.rows import columns
from store.statistics import JournalRow, Movements
from store.tables import (
    alerts,
    decisions,
    evidence,
    examples,
    fills,
    journal,
    open_lots,
    outcomes,
    prices,
    proposals,
    round_trips,
    sessions,
    theses,
    versions,
)
from store.told import NAMES
from store.versions import VersionRow

AROUND = 50
"""So many names on either side, in their order, may be meant by one that is not there."""

NEWEST = 200
"""So many of the newest names may be meant, too."""


class Cut(NamedTuple):
    """A settled session, up to which ingest sequence its cycle read, and the assignment sessions that were pending
    then, by ``horizon/origin``."""

    session: str
    cut: int
    settled_at: int
    pending: dict[str, list[str]]


class Proposed(NamedTuple):
    """A proposal, where it stands, why, and the version that it became."""

    proposal: ParamsProposed
    state: str
    decided: str | None
    version: str | None
    recorded_at: int


class Quote(NamedTuple):
    """What one source told of a bar."""

    source: str
    event_id: str
    close: float
    factor: float | None
    revision: int
    recorded_at: int


class Stories:
    """Looks up what belongs to a few names of one strategy."""

    def __init__(self, connection: Connection, strategy: str) -> None:
        self._connection = connection
        self._strategy = strategy

    def position(self, name: str) -> bool:
        """Whether any decision, fill, outcome or thesis names the position."""
        return any(self._any(table, "position_id", name) for table in (decisions, fills, outcomes, theses))

    def sequences(self, table: Table, names: Iterable[str]) -> dict[str, int]:
        """The place in the ingest sequence of the facts with these names."""
        found: dict[str, int] = {}
        for portion in portions(sorted(set(names))):
            chosen = select(table.c[NAMES[table]], table.c.sequence).where(
                table.c.strategy == self._strategy, table.c[NAMES[table]].in_(portion)
            )
            found.update((name, sequence) for name, sequence in self._connection.execute(chosen))
        return found

    def long_names(self, table: Table, length: int) -> list[str]:
        """The names of facts with more than ``length`` characters: few, and all names are looked at."""
        named = table.c[NAMES[table]]
        chosen = select(named).where(table.c.strategy == self._strategy, func.length(named) > length)
        return list(self._connection.execute(chosen).scalars())

    def examples(self, facts: Collection[int]) -> list[Revision]:
        """Every example about these facts, by fact, horizon and origin."""
        content = [examples.c[name.rstrip("_")] for name in Example._fields]
        chosen = select(*content, examples.c.revision, examples.c.sequence, examples.c.late)
        found = []
        for portion in portions(sorted(set(facts))):
            for row in self._connection.execute(chosen.where(examples.c.fact.in_(portion))):
                *figures, revision, sequence, late = row
                found.append(Revision(Example._make(figures), revision, sequence, bool(late)))
        for wait in Awaited(self._connection, self._strategy).get(facts).values():
            found.extend(wait.revisions())
        return sorted(found, key=lambda row: row.example.key)

    def journal(self, example_ids: Iterable[str]) -> list[JournalRow]:
        """What every revision of these examples moved, in the order in which it happened."""
        found = []
        for portion in portions(sorted(set(example_ids))):
            rows = self._connection.execute(select(journal).where(journal.c.example_id.in_(portion)))
            for row in rows:
                moved = msgspec.json.decode(row.movements, type=Movements)
                named = (row.example_id, row.revision, row.strategy, row.sequence)
                found.append(JournalRow(*named, moved.added, moved.taken_back))
        return sorted(found, key=lambda row: (row.sequence, row.example_id))

    def cuts(self, *, since: int) -> Iterator[Cut]:
        """The settled sessions whose cut includes the ingest sequence ``since``, in the order of their cuts."""
        chosen = select(*columns(sessions, Cut)).where(sessions.c.strategy == self._strategy, sessions.c.cut >= since)
        for row in self._connection.execute(chosen.order_by(sessions.c.cut)):
            yield Cut._make(row)._replace(pending=msgspec.json.decode(row.pending, type=dict[str, list[str]]))

    def evidence(self, allocation: str, *, since: int) -> list[EvidenceRow]:
        """The evidence on an allocation from cuts at ``since`` or later, the oldest first."""
        table = evidence.c
        named = (table.id, table.strategy, table.session, table.cut, table.allocation, table.body, table.recorded_at)
        chosen = select(*named).where(
            table.strategy == self._strategy, table.allocation == allocation, table.cut >= since
        )
        return [
            EvidenceRow(*row)._replace(arms=msgspec.json.decode(row.body, type=dict[str, msgspec.Raw]))
            for row in self._connection.execute(chosen.order_by(table.cut))
        ]

    def proposals(self, *, since: str) -> list[Proposed]:
        """Every proposal of the session ``since`` or a later one, the oldest first."""
        table = proposals.c
        chosen = select(table.body, table.state, table.decided, table.version, table.recorded_at).where(
            table.strategy == self._strategy, table.session >= since
        )
        rows = self._connection.execute(chosen.order_by(table.session, table.recorded_at, table.id))
        return [
            Proposed(msgspec.json.decode(body, type=ParamsProposed), state, decided, version, at)
            for body, state, decided, version, at in rows
        ]

    def version(self, number: VersionNumber) -> VersionRow | None:
        """One version, with the proposal that it came from."""
        table = versions.c
        named = (table.strategy == self._strategy, table.epoch == number.epoch, table.number == number.number)
        row = self._connection.execute(select(table.body, table.proposal_id, table.recorded_at).where(*named)).first()
        return None if row is None else VersionRow(msgspec.json.decode(row.body, type=Version), *row[1:])

    def books(self, fill_ids: Iterable[str]) -> list[Book]:
        """The books that these fills are in."""
        found: set[Book] = set()
        for portion in portions(sorted(set(fill_ids))):
            chosen = select(fills.c.instrument, fills.c.account).where(
                fills.c.strategy == self._strategy, fills.c.fill_id.in_(portion)
            )
            found.update(Book._make(row) for row in self._connection.execute(chosen))
        return sorted(found)

    def trips(self, book: Book, fill_ids: Sequence[str]) -> list[TripRow]:
        """The round trips of a book that one of these fills began or ended, by their times."""
        found: set[TripRow] = set()
        for portion in portions(sorted(set(fill_ids))):
            for end in (round_trips.c.entry_fill, round_trips.c.exit_fill):
                rows = self._connection.execute(_in_book(round_trips, TripRow, book).where(end.in_(portion)))
                found.update(TripRow._make(row) for row in rows)
        return sorted(found, key=lambda trip: (trip.entry_time, trip.exit_time, trip.entry_fill, trip.exit_fill))

    def lots(self, book: Book, fill_ids: Sequence[str]) -> list[LotRow]:
        """What is still open in a book of these fills, the oldest first."""
        found = []
        for portion in portions(sorted(set(fill_ids))):
            chosen = _in_book(open_lots, LotRow, book).where(open_lots.c.fill.in_(portion))
            found += [LotRow._make(row) for row in self._connection.execute(chosen)]
        return sorted(found, key=lambda lot: lot.place)

    def quotes(self, instrument: int, *, interval: str, time: int) -> list[Quote]:
        """What each source finally told of a bar, by source."""
        chosen = select(*columns(prices, Quote)).where(
            prices.c.instrument == instrument,
            prices.c.interval == interval,
            prices.c.time == time,
            prices.c.final == 1,
        )
        return [Quote._make(row) for row in self._connection.execute(chosen.order_by(prices.c.source))]

    def found_by(self, run_id: str) -> list[str]:
        """The alerts that a discovery run found. Looks at every alert: no index leads there."""
        chosen = select(alerts.c.alert_id).where(alerts.c.strategy == self._strategy, alerts.c.run_id == run_id)
        return sorted(self._connection.execute(chosen).scalars())

    def near(self, name: str) -> set[str]:
        """Names that may be meant by ``name``: those around it, and around its beginning, in their order; and the
        newest facts'."""
        found: set[str] = set()
        for table, column in (*NAMES.items(), (decisions, "position_id"), (fills, "position_id")):
            named = table.c[column]
            chosen = select(named).where(table.c.strategy == self._strategy).distinct()
            for beginning in {name, name[: len(name) * 3 // 4], name[: len(name) // 2]}:
                found.update(self._first(chosen.where(named >= beginning).order_by(named), AROUND))
            found.update(self._first(chosen.where(named < name).order_by(named.desc()), AROUND))
        for table, column in NAMES.items():
            chosen = select(table.c[column]).where(table.c.strategy == self._strategy)
            found.update(self._first(chosen.order_by(table.c.sequence.desc()), NEWEST))
        return found

    def _first(self, chosen: Select[Any], count: int) -> list[str]:
        return list(self._connection.execute(chosen.limit(count)).scalars())

    def _any(self, table: Table, column: str, name: str) -> bool:
        chosen = select(table.c.sequence).where(table.c.strategy == self._strategy, table.c[column] == name)
        return self._connection.execute(chosen.limit(1)).first() is not None


def _in_book(table: Table, shape: type[NamedTuple], book: Book) -> Select[Any]:
    return select(*columns(table, shape)).where(table.c.instrument == book.instrument, table.c.account == book.account)
