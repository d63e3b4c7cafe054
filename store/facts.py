"""The facts that trading told, as they came: written once, read by whatever joins them."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, or_, select, update

from schemas.vocabulary import Action
from store.dialects import fetched, insert_new, rows_of
from store.instruments import Instruments
from store.portions import portions
from store.rows import columns
from store.tables import alerts, decisions, fills, instruments, outcomes, symbol_changes, theses

Row = TypeVar("Row", bound=NamedTuple)
About = TypeVar("About", "AlertRow", "DecisionRow", "ThesisRow")


class Kept(NamedTuple):
    """What became of a fact: new; or not, because its event was here before (``claimed_by`` None), if with another
    name then as ``told_as``; or refused, because another event (source, id) had claimed its name."""

    new: bool
    claimed_by: tuple[str, str] | None = None
    told_as: str | None = None


class AlertRow(NamedTuple):
    """An alert. ``time`` in microseconds UTC, ``assignments`` JSON, ``sequence`` its place in the ingest sequence."""

    sequence: int
    alert_id: str
    instrument: int
    venue: str
    symbol: str
    unit: str
    session: str
    entry_session: str
    time: int
    score: float
    direction: str
    params_version: str | None
    assignments: str | None
    regime: str | None


class DecisionRow(NamedTuple):
    """A decision. ``size`` is a fraction of equity, prices are currency, ``assignments`` JSON; ``named_unit``:
    it named its unit itself. ``direction`` is empty where it told none: then it has that of its alert."""

    sequence: int
    decision_id: str
    alert_id: str | None
    position_id: str | None
    thesis_id: str | None
    instrument: int
    venue: str
    symbol: str
    unit: str
    named_unit: int
    session: str
    entry_session: str
    time: int
    action: str
    direction: str
    size: float | None
    score: float | None
    fill_price: float | None
    stop: float | None
    target: float | None
    max_hold: int | None
    params_version: str | None
    assignments: str | None
    regime: str | None


class ThesisRow(NamedTuple):
    """A thesis, a unit of its own."""

    sequence: int
    thesis_id: str
    instrument: int
    venue: str
    symbol: str
    unit: str
    session: str
    entry_session: str
    time: int
    alert_id: str | None
    decision_id: str | None
    position_id: str | None


class OutcomeRow(NamedTuple):
    """An outcome. ``body`` is the JSON of its OutcomeObserved."""

    outcome_id: str
    decision_id: str | None
    alert_id: str | None
    position_id: str | None
    horizon: str
    time: int
    body: str


class ChangeRow(NamedTuple):
    """A change of a symbol, and the event that told it."""

    source: str
    event_id: str
    renamed_to: str | None


class FillNames(NamedTuple):
    """What a fill says that it belongs to."""

    decision_id: str | None
    position_id: str | None


class Facts:
    """The facts of one strategy, within a transaction."""

    def __init__(self, connection: Connection, strategy: str) -> None:
        self.connection = connection
        self.strategy = strategy

    def keep(self, table: Table, rows: Sequence[Mapping[str, Any]], *, key: str) -> list[Kept]:
        """Insert facts that are named by the column ``key``, and say what became of each, in their order."""
        new = insert_new(self.connection, table, rows)
        return [
            Kept(new=True) if is_new else self._known(table, row, key=key)
            for row, is_new in zip(rows, new, strict=True)
        ]

    def _known(self, table: Table, row: Mapping[str, Any], *, key: str) -> Kept:
        named = (table.c.strategy == self.strategy, table.c[key] == row[key])
        holder = self.connection.execute(select(table.c.source, table.c.event_id).where(*named)).first()
        if holder is None:
            return Kept(new=False, told_as=self.told_as(table, row, key=key))
        if tuple(holder) == (row["source"], row["event_id"]):
            return Kept(new=False)
        return Kept(new=False, claimed_by=(holder[0], holder[1]))

    def told_as(self, table: Table, row: Mapping[str, Any], *, key: str) -> str | None:
        """What the column ``key`` says in the row of the same event, where that is something else."""
        same = (table.c.source == row["source"], table.c.event_id == row["event_id"])
        said = self.connection.execute(select(table.c[key]).where(*same)).scalar()
        return None if said == row[key] else said

    def change_like(self, row: Mapping[str, Any]) -> ChangeRow | None:
        """The stored change of the same symbol and session as this row of ``symbol_changes``."""
        names = ("strategy", "venue", "symbol", "session")
        found = rows_of(self.connection, _CHANGE, **{name: row[name] for name in names})
        return ChangeRow._make(found[0]) if found else None

    def theses(
        self,
        *,
        units: Iterable[str] = (),
        ids: Iterable[str] = (),
        alerts: Iterable[str] = (),
        decisions: Iterable[str] = (),
        positions: Iterable[str] = (),
    ) -> list[ThesisRow]:
        """The theses of these units, with these ids, about these alerts, decisions and positions; each as often."""
        return self._read(
            theses, ThesisRow, unit=units, thesis_id=ids, alert_id=alerts, decision_id=decisions, position_id=positions
        )

    def entered(self, instruments: Iterable[int], *, first: str, last: str) -> set[tuple[str, str]]:
        """The units of what could be entered in these instruments in the sessions ``first`` to ``last``, each with
        the session."""
        found: set[tuple[str, str]] = set()
        for table in (alerts, decisions, theses):
            chosen = select(table.c.unit, table.c.entry_session).where(*_entered(table, first, last))
            for portion in portions(sorted(set(instruments))):
                found.update(fetched(self.connection.execute(chosen.where(table.c.instrument.in_(portion)))))
        return found

    def units_barred(self, instruments: Iterable[int], *, first: str, last: str) -> set[str]:
        """The units of the purchases with a stop, a target or a longest hold that could be entered so."""
        limited = or_(decisions.c.stop.is_not(None), decisions.c.target.is_not(None), decisions.c.max_hold > 0)
        return self._units_bought(instruments, *_entered(decisions, first, last), limited)

    def units_held_long(self, instruments: Iterable[int], *, longer: int) -> set[str]:
        """The units of the purchases that may be held for more than ``longer`` sessions."""
        return self._units_bought(instruments, decisions.c.max_hold > longer)

    def _units_bought(self, instruments: Iterable[int], *conditions: ColumnElement[bool]) -> set[str]:
        chosen = select(decisions.c.unit).where(decisions.c.action == Action.BUY.value, *conditions)
        found: set[str] = set()
        for portion in portions(sorted(set(instruments))):
            found.update(self.connection.execute(chosen.where(decisions.c.instrument.in_(portion))).scalars())
        return found

    def alerts(self, *, units: Iterable[str] = (), ids: Iterable[str] = ()) -> list[AlertRow]:
        """The alerts of these units, and those with these ids; one that is both comes twice."""
        return self._read(alerts, AlertRow, unit=units, alert_id=ids)

    def decisions(
        self,
        *,
        units: Iterable[str] = (),
        ids: Iterable[str] = (),
        alerts: Iterable[str] = (),
        positions: Iterable[str] = (),
    ) -> list[DecisionRow]:
        """The decisions of these units, with these ids, about these alerts, in these positions; each as often."""
        return self._read(decisions, DecisionRow, unit=units, decision_id=ids, alert_id=alerts, position_id=positions)

    def called(self, rows: Sequence[About]) -> list[About]:
        """The same rows with the symbols that their instruments had at their times: as trading told them.

        As they are read, rows have the symbol that their instrument had first.
        """
        names = Instruments(self.connection).names({row.instrument for row in rows})
        return [
            row._replace(symbol=_at(names[row.instrument], row.time)) if row.instrument in names else row
            for row in rows
        ]

    def outcomes(
        self, *, decisions: Iterable[str] = (), alerts: Iterable[str] = (), positions: Iterable[str] = ()
    ) -> list[OutcomeRow]:
        """The outcomes that name one of these; one that names several comes as often."""
        return self._read(outcomes, OutcomeRow, decision_id=decisions, alert_id=alerts, position_id=positions)

    def filled(self, *, decisions: Iterable[str] = (), positions: Iterable[str] = ()) -> list[tuple[str, str]]:
        """(decision, position) of every fill that names both and one of these."""
        found = self._read(fills, FillNames, decision_id=decisions, position_id=positions)
        return sorted({(fill.decision_id, fill.position_id) for fill in found if fill.decision_id and fill.position_id})

    def move(self, decision_id: str, *, unit: str, session: str) -> None:
        """A decision belongs to another unit than was thought when it came."""
        named = (decisions.c.strategy == self.strategy, decisions.c.decision_id == decision_id)
        self.connection.execute(update(decisions).where(*named).values(unit=unit, session=session))

    def _read(self, table: Table, shape: type[Row], **wanted: Iterable[str]) -> list[Row]:
        """The rows that have one of the wanted values in the column of that name."""
        found: list[Row] = []
        for column, values in wanted.items():
            for portion in portions(sorted(set(values))):
                rows = rows_of(self.connection, _reading(table, shape, column), strategy=self.strategy, names=portion)
                found.extend(map(shape._make, rows))
        return found


def first_recorded(connection: Connection, strategy: str) -> int | None:
    """When the first alert or decision of a strategy was taken in, in microseconds; None before."""
    firsts = [
        connection.execute(
            select(table.c.recorded_at).where(table.c.strategy == strategy).order_by(table.c.sequence).limit(1)
        ).scalar()
        for table in (alerts, decisions)
    ]
    return min((first for first in firsts if first is not None), default=None)


def _entered(table: Table, first: str, last: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """In the sessions ``first`` to ``last``; PostgreSQL has no BETWEEN for a text that is sorted by its bytes."""
    return table.c.entry_session >= first, table.c.entry_session <= last


def _at(names: Sequence[tuple[int, str]], time: int) -> str:
    """The symbol at a moment; the first where it lies before all."""
    return names[max(0, bisect_right(names, time, key=lambda name: name[0]) - 1)][1]


_CHANGE = select(*columns(symbol_changes, ChangeRow)).where(
    *(symbol_changes.c[name] == bindparam(name) for name in ("strategy", "venue", "symbol", "session"))
)


@cache
def _reading(table: Table, shape: type[NamedTuple], column: str) -> Select[Any]:
    """Built once: putting a statement together takes longer than running it."""
    fields = (instruments.c[name] if name in ("symbol", "venue") else table.c[name] for name in shape._fields)
    chosen = select(*fields)
    if "symbol" in shape._fields:
        chosen = chosen.join(instruments, instruments.c.id == table.c.instrument)
    return chosen.where(
        table.c.strategy == bindparam("strategy"), table.c[column].in_(bindparam("names", expanding=True))
    )
