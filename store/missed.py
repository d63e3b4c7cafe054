"""Revisions of examples that were told and are not in the journal, made again from what stands."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, func, select

from schemas.attributed import Contribution
from store.examples import example_id
from store.portions import portions
from store.rows import columns
from store.statistics import JournalRow, Movements
from store.tables import examples, journal, sessions

AT_ONCE = 5_000
"""So many numbers of the ingest sequence are looked through at a time."""

_CONTRIBUTIONS = msgspec.json.Decoder(list[Contribution])


class _Stands(NamedTuple):
    """An example of which anything was told."""

    fact: int
    horizon: str
    origin: str
    subject: str
    subject_id: str
    revision: int
    sequence: int
    contributions: str


class _Undated(NamedTuple):
    """A revision that was replaced since. It was told after ``since`` and before ``until``, of the ingest sequence."""

    row: JournalRow
    since: int
    until: int


def missed(connection: Connection, strategy: str, *, until: int) -> list[JournalRow]:
    """What the journal lacks of the examples that changed last at ``until`` of the ingest sequence, or before.

    Of two revisions of one example that are missing in a row, the first no longer stands anywhere: together they move
    the statistics as they did. It is dated so that every session counts as many revisions up to its cut as it did when
    it settled.
    """
    dated: list[JournalRow] = []
    undated: list[_Undated] = []
    for stands in _told(connection, strategy, until):
        for name, one, known in _incomplete(connection, strategy, stands):
            for first, last in _gaps(one.revision, known):
                for row in _filling(name, strategy, one, known=known, first=first, last=last):
                    if row.row.revision == one.revision:
                        dated.append(row.row)
                    else:
                        undated.append(row)
    return dated + _dated(connection, strategy, undated, beside=dated)


def _told(connection: Connection, strategy: str, until: int) -> Iterator[Sequence[_Stands]]:
    newest = connection.execute(select(func.max(examples.c.fact))).scalar() or 0
    for first in range(0, newest + 1, AT_ONCE):
        chosen = select(*columns(examples, _Stands)).where(
            examples.c.fact >= first,
            examples.c.fact < first + AT_ONCE,
            examples.c.strategy == strategy,
            examples.c.revision > 0,
            examples.c.sequence <= until,
        )
        yield [_Stands(*row) for row in connection.execute(chosen)]


Known = Mapping[int, tuple[int, Movements]]
"""What the journal has of one example: sequence and movements by revision."""


def _incomplete(
    connection: Connection, strategy: str, stands: Sequence[_Stands]
) -> Iterator[tuple[str, _Stands, Known]]:
    """Those of which the journal has fewer revisions than were told, by name, with what it has."""
    table = journal.c
    named = {
        example_id(strategy, one.subject, one.subject_id, horizon=one.horizon, origin=one.origin): one for one in stands
    }
    for portion in portions(named):
        counted = select(table.example_id, func.count()).where(table.example_id.in_(portion))
        counts = {name: int(count) for name, count in connection.execute(counted.group_by(table.example_id))}
        for name in portion:
            if counts.get(name, 0) < named[name].revision:
                rows = connection.execute(
                    select(table.revision, table.sequence, table.movements).where(table.example_id == name)
                )
                known = {row[0]: (row[1], msgspec.json.decode(row[2], type=Movements)) for row in rows}
                yield name, named[name], known


def _gaps(told: int, known: Known) -> list[tuple[int, int]]:
    """The first and the last of each run of revisions that are missing."""
    missing = [revision for revision in range(1, told + 1) if revision not in known]
    runs = groupby(enumerate(missing), key=lambda pair: pair[1] - pair[0])
    found = [list(map(itemgetter(1), run)) for _, run in runs]
    return [(run[0], run[-1]) for run in found]


def _filling(name: str, strategy: str, one: _Stands, *, known: Known, first: int, last: int) -> Iterator[_Undated]:
    """The rows of one gap: its first takes back what stood before, its last adds what stood afterwards."""
    since, before = known[first - 1] if first > 1 else (one.fact, Movements([], []))
    if last == one.revision:
        until, stood = one.sequence, _CONTRIBUTIONS.decode(one.contributions)
    else:
        until, stood = known[last + 1][0], known[last + 1][1].taken_back
    for revision in range(first, last + 1):
        row = JournalRow(
            example_id=name,
            revision=revision,
            strategy=strategy,
            sequence=until,
            added=stood if revision == last else [],
            taken_back=before.added if revision == first else [],
        )
        yield _Undated(row, since, until)


def _dated(
    connection: Connection, strategy: str, undated: Sequence[_Undated], *, beside: Sequence[JournalRow]
) -> list[JournalRow]:
    """The same rows with their dates: the earliest below each cut that lacks some, the others just before the next."""
    left = sorted(undated, key=lambda one: (one.since, one.row.example_id, one.row.revision))
    made: list[JournalRow] = []
    settled = select(sessions.c.cut, sessions.c.revisions).where(sessions.c.strategy == strategy)
    for cut, told in connection.execute(settled.order_by(sessions.c.cut)).all():
        open_ = [one for one in left if one.since < cut < one.until]
        if not open_:
            continue
        there = select(func.count()).where(journal.c.strategy == strategy, journal.c.sequence <= cut)
        counted = int(connection.execute(there).scalar_one())
        counted += sum(row.sequence <= cut for row in (*beside, *made)) + sum(one.until <= cut for one in left)
        below = open_[: max(0, told - counted)]
        made += [one.row._replace(sequence=cut) for one in below]
        left = [one for one in left if one not in below]
    return made + [one.row._replace(sequence=one.until - 1) for one in left]
