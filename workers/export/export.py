"""Writes chosen examples into a file, portion by portion, from one look at the store."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from schemas.calendar import Calendar
from schemas.parameters import Market
from store.examples import Revision
from store.instruments import Instruments
from store.selections import Selected, Selection
from workers.export.column import Values
from workers.export.columns import SUBJECT_COLUMNS
from workers.export.example_columns import EXAMPLE_COLUMNS, Row
from workers.export.files import Writer
from workers.export.plan import plan
from workers.export.subjects import Subjects
from workers.export.uniqueness import Uniqueness

Advance = Callable[[str, int, int | None], None]
"""Is told what is being done, how many examples further it is, and of how many (None while that is not known)."""


class Export:
    """The chosen examples of one strategy, seen through one reading connection: whatever is written meanwhile, all of
    them are of one moment.

    Their order is the session, the subject's id, the horizon, the origin and the subject, and so it is the same
    whatever the order was in which the facts came.
    """

    def __init__(self, reading: Connection, selection: Selection, *, market: Market) -> None:
        self._selected = Selected(reading, selection)
        self._subjects = Subjects(reading, selection.strategy)
        self._uniqueness = Uniqueness(_calendars(reading, selection.strategy, market))

    def into(self, writer: Writer, *, advance: Advance) -> int:
        """Write the examples; how many there were."""
        stretches = plan(
            self._selected.windows(), self._uniqueness, advance=lambda count: advance("looking", count, None)
        )
        total = sum(stretch.size for stretch in stretches)
        for stretch in stretches:
            rows = self._selected.rows(stretch)
            writer.write(list(self._values(rows)))
            advance("writing", len(rows), total)
        return total

    def _values(self, rows: Sequence[Revision]) -> Iterator[Values]:
        subjects = self._subjects.of(row.example for row in rows)
        told = {fact: [column.of(subject) for column in SUBJECT_COLUMNS] for fact, subject in subjects.items()}
        for example, revision, _, late in rows:
            sign, uniqueness = subjects[example.fact].case.sign, self._uniqueness.of(example.key)
            row = Row(example, revision, late, sign, uniqueness)
            own: list[Any] = [column.of(row) for column in EXAMPLE_COLUMNS]
            yield own + told[example.fact]


def _calendars(reading: Connection, strategy: str, market: Market) -> dict[int, Calendar]:
    """The calendar of each instrument's venue."""
    known = Instruments(reading)
    venues = known.venues(known.of_strategy(strategy))
    return {number: Calendar.named(market.venues.get(venue, market.calendar)) for number, venue in venues.items()}
