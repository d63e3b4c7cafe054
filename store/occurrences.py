"""Each time that a pattern came and what followed, revision by revision, and the sums of those that stand."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Delete, Select, Update, bindparam, delete, exists, select, update

from store.dialects import add_up, insert_new, rows_of, run
from store.portions import portions
from store.rows import columns
from store.tables import alerts, occurrences, patterns
from store.tallies import Tallies, occurred

SCALE = 10**6
"""Returns, falls and confidences count in 1e-6."""

LARGEST = SCALE
"""Returns are winsorised to -100 % ... 100 % in their sums; nine million extreme ones fit 64 bits."""

Key = tuple[int, str, str]
"""What an occurrence is of: the ingest sequence of the alert or decision, the horizon and the origin."""

PatternKey = tuple[str, str, str, str, str, str]
"""Strategy, signature, subject, horizon, origin and regime."""


class OccurrenceRow(NamedTuple):
    """One revision of one occurrence, as ``store.tables.occurrences`` describes its columns."""

    fact: int
    horizon: str
    origin: str
    revision: int
    strategy: str
    sequence: int
    subject: str
    alert_id: str
    symbol: str
    session: str
    signature: str | None
    regime: str
    entry_time: int | None
    exit_time: int | None
    net: int | None
    won: int | None
    mae: int | None
    holding: int | None
    confidence: int | None

    @property
    def key(self) -> Key:
        """What it is of, whatever the revision."""
        return self.fact, self.horizon, self.origin

    @property
    def pattern(self) -> PatternKey | None:
        """The row of the patterns that it counts in; None where it counts in none."""
        if self.signature is None or self.net is None:
            return None
        return self.strategy, self.signature, self.subject, self.horizon, self.origin, self.regime


class PatternSums(NamedTuple):
    """What stands of one pattern, as ``store.tables.patterns`` describes its columns."""

    strategy: str
    signature: str
    subject: str
    horizon: str
    origin: str
    regime: str
    n: int
    wins: int
    total: int
    squares: int
    held: int
    holding: int
    told: int
    forecast: int
    hits: int
    misses: int


class ToldAlert(NamedTuple):
    """An alert: its place in the ingest sequence, its regime as told, and the JSON of its AlertRaised."""

    alert_id: str
    sequence: int
    regime: str | None
    body: str


_SUMS = PatternSums._fields[6:]
_OF = [f"of_{name}" for name in PatternSums._fields[:6]]


class Occurrences:
    """Takes each revision of an occurrence in once; the highest one stands, and the sums are of those that stand.

    So neither order nor batches or repeats can change what is kept, and after a revision the sums are what they
    would be if the earlier one had never come, to the last bit.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, rows: Iterable[OccurrenceRow]) -> int:
        """Take rows in; how many were new.

        Raises:
            StoreRefused: a sum leaves 64 bits.
        """
        fresh = list({(row.key, row.revision): row for row in rows}.values())
        if not fresh:
            return 0
        # Whoever counts first goes first: nobody else takes revisions of the same occurrences in until this is over.
        Tallies(self._connection).move({occurred(row): count for row, count in _by_strategy(fresh).items()})
        before = self._standing(fresh)
        after = _newest(fresh, before)
        made = insert_new(self._connection, occurrences, [_values(row, after) for row in fresh])
        repeated = _by_strategy([row for row, is_new in zip(fresh, made, strict=True) if not is_new])
        Tallies(self._connection).move({occurred(strategy): -count for strategy, count in repeated.items()})
        replaced = [before[key] for key in after if key in before]
        run(self._connection, _replacing(), [_named(row) for row in replaced])
        self._move(added=after.values(), taken_back=replaced)
        return sum(made)

    def _standing(self, rows: Iterable[OccurrenceRow]) -> dict[Key, OccurrenceRow]:
        """What stands of the same occurrences."""
        slots: dict[tuple[str, str], set[int]] = {}
        for row in rows:
            slots.setdefault((row.horizon, row.origin), set()).add(row.fact)
        found: dict[Key, OccurrenceRow] = {}
        for (horizon, origin), facts in slots.items():
            for portion in portions(sorted(facts)):
                for values in rows_of(self._connection, _by_fact(), facts=portion, horizon=horizon, origin=origin):
                    row = OccurrenceRow._make(values)
                    found[row.key] = row
        return found

    def _move(self, *, added: Iterable[OccurrenceRow], taken_back: Iterable[OccurrenceRow]) -> None:
        moved: dict[PatternKey, tuple[int, ...]] = {}
        for sign, rows in ((1, added), (-1, taken_back)):
            for row in rows:
                if (key := row.pattern) is not None:
                    sums = moved.get(key, (0,) * len(_SUMS))
                    moved[key] = tuple(one + sign * more for one, more in zip(sums, _counted(row), strict=True))
        changed = [(key, sums) for key, sums in sorted(moved.items()) if any(sums)]
        values = [dict(zip(PatternSums._fields, key + sums, strict=True)) for key, sums in changed]
        add_up(self._connection, patterns, values, sums=_SUMS)
        less = [key for key, sums in changed if sums[0] < 0]
        run(self._connection, _emptied(), [dict(zip(_OF, key, strict=True)) for key in less])


def patterns_of(connection: Connection, strategy: str) -> list[PatternSums]:
    """What stands, in the order of signatures."""
    chosen = select(*columns(patterns, PatternSums)).where(patterns.c.strategy == strategy)
    keys = [patterns.c[name] for name in PatternSums._fields[1:6]]
    return [PatternSums._make(row) for row in connection.execute(chosen.order_by(*keys))]


def standing_of(connection: Connection, sums: PatternSums) -> list[OccurrenceRow]:
    """Every occurrence that stands in one row of the patterns."""
    table = occurrences.c
    chosen = select(*columns(occurrences, OccurrenceRow)).where(
        table.strategy == sums.strategy,
        table.signature == sums.signature,
        occurrences.c.standing == 1,
        table.subject == sums.subject,
        table.horizon == sums.horizon,
        table.origin == sums.origin,
        table.regime == sums.regime,
        table.net.is_not(None),
    )
    return [OccurrenceRow._make(row) for row in connection.execute(chosen.order_by(table.fact))]


def occurrences_at(
    connection: Connection, strategy: str, *, slot: tuple[str, str, str], since: str, until: str, cut: int, most: int
) -> list[OccurrenceRow]:
    """What stood at ``cut`` of the sessions ``since`` to ``until``, with a known outcome, by session and alert: in an
    order that does not hang on which came first.

    Args:
        slot: subject, horizon and origin.
        most: of more occurrences than this whole sessions are left out, the oldest first.
    """
    table, later = occurrences.c, occurrences.alias("later").c
    subject, horizon, origin = slot
    revised = exists().where(
        later.fact == table.fact,
        later.horizon == table.horizon,
        later.origin == table.origin,
        later.revision > table.revision,
        later.sequence <= cut,
    )
    chosen = (
        select(*columns(occurrences, OccurrenceRow))
        .where(
            table.strategy == strategy,
            table.session >= since,
            table.session <= until,
            table.sequence <= cut,
            table.subject == subject,
            table.horizon == horizon,
            table.origin == origin,
            table.net.is_not(None),
            ~revised,
        )
        .order_by(table.session.desc(), table.fact.desc())
        .limit(most + 1)
    )
    rows = [OccurrenceRow._make(row) for row in connection.execute(chosen)]
    if len(rows) > most:
        rows = [row for row in rows if row.session > rows[-1].session]
    return sorted(rows, key=lambda row: (row.session, row.alert_id))


def told_alerts(connection: Connection, strategy: str, ids: Iterable[str]) -> dict[str, ToldAlert]:
    """The alerts with these ids, by id."""
    found: dict[str, ToldAlert] = {}
    for portion in portions(sorted(set(ids))):
        for row in rows_of(connection, _alerts(), strategy=strategy, names=portion):
            found[row[0]] = ToldAlert._make(row)
    return found


def _newest(rows: Sequence[OccurrenceRow], before: Mapping[Key, OccurrenceRow]) -> dict[Key, OccurrenceRow]:
    """Of each occurrence the row that stands from now on, where that is another one."""
    newest: dict[Key, OccurrenceRow] = {}
    for row in rows:
        there = newest.get(row.key) or before.get(row.key)
        if there is None or row.revision > there.revision:
            newest[row.key] = row
    return newest


def _by_strategy(rows: Iterable[OccurrenceRow]) -> dict[str, int]:
    return dict(sorted(Counter(row.strategy for row in rows).items()))


def _values(row: OccurrenceRow, after: Mapping[Key, OccurrenceRow]) -> dict[str, Any]:
    return {**row._asdict(), "standing": int(after.get(row.key) is row)}


def _named(row: OccurrenceRow) -> dict[str, Any]:
    return {f"of_{name}": getattr(row, name) for name in OccurrenceRow._fields[:4]}


def _counted(row: OccurrenceRow) -> tuple[int, ...]:
    """What one occurrence adds to each of the sums."""
    total = max(-LARGEST, min(LARGEST, row.net or 0))
    won, told = row.won or 0, int(row.confidence is not None)
    said = row.confidence or 0
    held = int(row.holding is not None)
    misses = told * (said - won * SCALE) ** 2
    return 1, won, total, total**2, held, row.holding or 0, told, said, told * won, misses


@cache
def _by_fact() -> Select[Any]:
    return select(*columns(occurrences, OccurrenceRow)).where(
        occurrences.c.fact.in_(bindparam("facts", expanding=True)),
        occurrences.c.horizon == bindparam("horizon"),
        occurrences.c.origin == bindparam("origin"),
        occurrences.c.standing == 1,
    )


@cache
def _replacing() -> Update:
    named = [occurrences.c[name] == bindparam(f"of_{name}") for name in OccurrenceRow._fields[:4]]
    return update(occurrences).where(*named).values(standing=0)


@cache
def _emptied() -> Delete:
    named = [patterns.c[name] == bindparam(f"of_{name}") for name in PatternSums._fields[:6]]
    return delete(patterns).where(*named, patterns.c.n == 0)


@cache
def _alerts() -> Select[Any]:
    return select(*columns(alerts, ToldAlert)).where(
        alerts.c.strategy == bindparam("strategy"), alerts.c.alert_id.in_(bindparam("names", expanding=True))
    )
