"""How the rows of facts get into the store, and what is refused on the way."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Table

from schemas.calendar import NoSession
from schemas.event import Envelope
from store.facts import Facts
from store.instruments import Listing
from store.tables import symbol_changes
from store.tallies import Tallies, accepted, expected
from store.work import Work
from workers.join.fact_rows import Row, fact_row, price_row
from workers.join.listings import Listings
from workers.join.rules import Rules, Slot
from workers.worker import Refusal

Columns = Callable[[Envelope, int], Row]
"""What a fact has beside the columns of all facts; it is handed the number of its instrument, or 0."""


class Numbered(NamedTuple):
    """An event and its place in the ingest sequence."""

    envelope: Envelope
    sequence: int


class Writing:
    """Makes rows of the events of one strategy, writes those that are new, and keeps what is refused, and why."""

    def __init__(self, work: Work, rules: Rules, listings: Listings) -> None:
        self.refusals: list[Refusal] = []
        self._work = work
        self._rules = rules
        self._strategy = rules.registry.strategy
        self._facts = Facts(work.connection, self._strategy)
        self._listings = listings
        self._numbers: dict[int, int] = {}

    def keep(self, table: Table, batch: Sequence[Numbered], *, key: str, columns: Columns) -> list[Row]:
        """Write facts, and return the new ones; refuse those whose name belongs to another event."""
        rows = self.rows(batch, columns)
        kept = self._facts.keep(table, [row for _, row in rows], key=key)
        for (one, row), fate in zip(rows, kept, strict=True):
            if fate.claimed_by is not None:
                source, event = fate.claimed_by
                self.refuse(
                    one, f"{key} {row[key]!r} already belongs to event {event!r} of {source!r}; give each its own"
                )
            self._refuse_other(one, row, key, said=fate.told_as)
        return [row for (_, row), fate in zip(rows, kept, strict=True) if fate.new]

    def insert(self, table: Table, rows: Sequence[tuple[Numbered, Row]], *, key: str) -> list[Row]:
        """Write rows that no name of a fact stands for, and return the new ones; ``key`` is what they say."""
        new = self._work.insert(table, [row for _, row in rows])
        for (one, row), is_new in zip(rows, new, strict=True):
            if not is_new:
                self._refuse_other(one, row, key, said=self._facts.told_as(table, row, key=key))
        return [row for (_, row), is_new in zip(rows, new, strict=True) if is_new]

    def changes(self, rows: Sequence[tuple[Numbered, Row]]) -> list[Row]:
        """Write changes of symbols, and return the new ones; refuse a second one of a symbol and session that says
        something else."""
        new = self.insert(symbol_changes, rows, key="symbol")
        written = {row["sequence"] for row in new}
        for one, row in rows:
            first = None if row["sequence"] in written else self._facts.change_like(row)
            if first is not None and first.renamed_to != row["renamed_to"]:
                said = f"is renamed to {first.renamed_to!r}" if first.renamed_to else "ends"
                teller = f"as event {first.event_id!r} of {first.source!r} says"
                place = f"{row['symbol']!r} {said} on {row['session']}, {teller}"
                self.refuse(one, f"{place}; a symbol changes once a session")
        return new

    def rows(self, batch: Sequence[Numbered], columns: Columns) -> list[tuple[Numbered, Row]]:
        """The rows of a batch; what the calendar does not reach is refused."""
        rows = []
        for one in batch:
            envelope = one.envelope
            try:
                special = columns(envelope, self._numbers.get(one.sequence, 0))
            except NoSession as error:
                self.refuse(one, str(error))
            else:
                rows.append((one, fact_row(envelope, sequence=one.sequence, now=self._work.now) | special))
        return rows

    def known(self, batch: Sequence[Numbered]) -> list[Numbered]:
        """Those whose instrument is known now; the others are refused."""
        about = [one for one in batch if one.envelope.data.symbol]
        told = [(_listing(one.envelope.data), one.envelope.time, _currency(one.envelope.data)) for one in about]
        refused = set()
        for one, number in zip(about, self._listings.numbers(told), strict=True):
            if isinstance(number, str):
                self.refuse(one, number)
                refused.add(one.sequence)
            else:
                self._numbers[one.sequence] = number
        return [one for one in batch if one.sequence not in refused]

    def count(self, sort: str, subject: str, count: int, *, slots: Sequence[Slot]) -> None:
        """Count facts that were taken in, and the examples that they must have."""
        due = {expected(self._strategy, subject, *slot): count for slot in slots}
        Tallies(self._work.connection).move({accepted(self._strategy, sort): count} | due)

    def _refuse_other(self, one: Numbered, row: Row, key: str, *, said: str | None) -> None:
        """Refuse an event that brought no id and is named after an entry, where another entry had that name before: a
        broker that lost its data gives ids of entries again. What brings an id of its own is a repeat."""
        if said is not None and one.envelope.id == one.envelope.entry:
            place = f"entry {row['event_id']} of {row['source']!r} was here before with {key} {said!r}"
            self.refuse(
                one, f"{place}, now with {row[key]!r}: the broker gave its id twice; send it with an id of its own"
            )

    def refuse(self, one: Numbered, reason: str) -> None:
        """Refuse an event, with the reason."""
        self.refusals.append(Refusal(one.envelope, reason))

    def bars(self, batch: Sequence[Numbered]) -> list[Row]:
        """The rows of bars; a bar belongs to the instrument that its symbol meant before the bar's end."""
        rows = []
        for one in batch:
            try:
                rows.append((one, price_row(one.envelope, rules=self._rules, now=self._work.now)))
            except NoSession as error:
                self.refuse(one, str(error))
        told = [(_listing(one.envelope.data), row["time"] - 1, _currency(one.envelope.data)) for one, row in rows]
        found = []
        for (one, row), number in zip(rows, self._listings.numbers(told), strict=True):
            if isinstance(number, str):
                self.refuse(one, number)
            else:
                found.append(row | {"instrument": number})
        return found


def _listing(data: Any) -> Listing:
    return Listing(data.venue or "", data.symbol)


def _currency(data: Any) -> str | None:
    """In upper case: ``usd`` and ``USD`` are one."""
    currency: str | None = getattr(data, "currency", None)
    return currency.upper() if currency else None
