"""The facts that trading told, as they came: written once, read by whatever joins them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Select, Table, bindparam, select, update

from store.dialects import insert_new
from store.portions import portions
from store.tables import alerts, decisions, fills, instruments, outcomes

Row = TypeVar("Row", bound=NamedTuple)


class Kept(NamedTuple):
    """What became of a fact: new; or not, because its event was here before (``claimed_by`` None); or
    refused, because another event (source, id) had claimed its name."""

    new: bool
    claimed_by: tuple[str, str] | None = None


class AlertRow(NamedTuple):
    """An alert. ``time`` in microseconds UTC, ``body`` the JSON of its AlertRaised."""

    alert_id: str
    instrument: int
    symbol: str
    unit: str
    session: str
    time: int
    score: float
    direction: str
    params_version: str | None
    regime: str | None
    body: str


class DecisionRow(NamedTuple):
    """A decision. ``size`` is a fraction of equity, ``body`` the JSON of its DecisionMade."""

    decision_id: str
    alert_id: str | None
    position_id: str | None
    instrument: int
    symbol: str
    unit: str
    session: str
    time: int
    action: str
    direction: str
    size: float | None
    params_version: str | None
    body: str


class OutcomeRow(NamedTuple):
    """An outcome. ``body`` is the JSON of its OutcomeObserved."""

    outcome_id: str
    decision_id: str | None
    alert_id: str | None
    position_id: str | None
    horizon: str
    time: int
    body: str


class FillNames(NamedTuple):
    """What a fill says that it belongs to."""

    decision_id: str | None
    position_id: str | None


class Facts:
    """The facts of one strategy, within a transaction."""

    def __init__(self, connection: Connection, strategy: str) -> None:
        self._connection = connection
        self._strategy = strategy

    def keep(self, table: Table, rows: Sequence[Mapping[str, Any]], *, key: str) -> list[Kept]:
        """Insert facts that are named by the column ``key``, and say what became of each, in their order."""
        new = insert_new(self._connection, table, rows)
        return [
            Kept(new=True) if is_new else self._known(table, row, key=key)
            for row, is_new in zip(rows, new, strict=True)
        ]

    def _known(self, table: Table, row: Mapping[str, Any], *, key: str) -> Kept:
        named = (table.c.strategy == self._strategy, table.c[key] == row[key])
        holder = self._connection.execute(select(table.c.source, table.c.event_id).where(*named)).first()
        if holder is None or tuple(holder) == (row["source"], row["event_id"]):
            return Kept(new=False)
        return Kept(new=False, claimed_by=(holder[0], holder[1]))

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
        named = (decisions.c.strategy == self._strategy, decisions.c.decision_id == decision_id)
        self._connection.execute(update(decisions).where(*named).values(unit=unit, session=session))

    def _read(self, table: Table, shape: type[Row], **wanted: Iterable[str]) -> list[Row]:
        """The rows that have one of the wanted values in the column of that name."""
        found: list[Row] = []
        for column, values in wanted.items():
            for portion in portions(sorted(set(values))):
                named = {"strategy": self._strategy, "names": portion}
                rows = self._connection.execute(_reading(table, shape, column), named).all()
                found.extend(map(shape._make, rows))
        return found


@cache
def _reading(table: Table, shape: type[NamedTuple], column: str) -> Select[Any]:
    """Built once: putting a statement together takes longer than running it."""
    fields = (instruments.c.symbol if name == "symbol" else table.c[name] for name in shape._fields)
    chosen = select(*fields)
    if "symbol" in shape._fields:
        chosen = chosen.join(instruments, instruments.c.id == table.c.instrument)
    return chosen.where(
        table.c.strategy == bindparam("strategy"), table.c[column].in_(bindparam("names", expanding=True))
    )
