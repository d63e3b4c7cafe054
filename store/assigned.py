"""The units that were assigned to arms, and when each could be entered."""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Table, and_, bindparam, func, select

from schemas.vocabulary import EXITS
from store.tables import alerts, decisions, instruments


class AssignedUnit(NamedTuple):
    """A unit, with what its first decision, else its first alert, says of it.

    ``version``: the one in force for it, by the first of them that tells one.
    """

    unit: str
    session: str
    instrument: int
    venue: str
    entry_session: str
    version: str


def assigned_units(connection: Connection, strategy: str, *, first: str, last: str, cut: int) -> list[AssignedUnit]:
    """The units that could be entered in the sessions ``first`` to ``last``, as the facts up to ``cut`` have them.

    A unit of which no version is told was assigned to nothing, and is not among them.
    """
    found: dict[str, list[Any]] = {}
    for chosen in (_decided(), _alerted()):
        for row in connection.execute(chosen, {"strategy": strategy, "first": first, "last": last, "cut": cut}).all():
            known = found.setdefault(row[0], list(row))
            if known[-1] is None:
                known[-1] = row[-1]
    return [AssignedUnit._make(row) for row in found.values() if row[-1] is not None]


@cache
def _decided() -> Select[Any]:
    about = and_(
        alerts.c.strategy == decisions.c.strategy,
        alerts.c.alert_id == decisions.c.alert_id,
        alerts.c.sequence <= bindparam("cut"),
    )
    version = func.coalesce(decisions.c.params_version, alerts.c.params_version)
    chosen = _entered(decisions, version).outerjoin(alerts, about)
    return chosen.where(decisions.c.action.not_in(EXITS)).order_by(decisions.c.time, decisions.c.decision_id)


@cache
def _alerted() -> Select[Any]:
    return _entered(alerts, alerts.c.params_version).order_by(alerts.c.time, alerts.c.alert_id)


def _entered(table: Table, version: Any) -> Select[Any]:
    # The sum keeps SQLite from reading all facts up to the cut, where an index knows those of the sessions.
    return (
        select(table.c.unit, table.c.session, table.c.instrument, instruments.c.venue, table.c.entry_session, version)
        .select_from(instruments)
        .join(table, table.c.instrument == instruments.c.id)
        .where(
            instruments.c.strategy == bindparam("strategy"),
            table.c.entry_session >= bindparam("first"),
            table.c.entry_session <= bindparam("last"),
            table.c.sequence + 0 <= bindparam("cut"),
        )
    )
