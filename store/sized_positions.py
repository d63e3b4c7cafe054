"""Positions as they were sized, beside what they earned."""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, case, func, or_, select

from schemas.attributed import ExampleState
from schemas.vocabulary import Action
from store.tables import decisions, examples, instruments, superseded_examples


class SizedPosition(NamedTuple):
    """A decision to buy, its size as a fraction of equity, and what the position earned, as a fraction of its entry
    value: ``return_`` before costs, ``net`` after them; None where it is not known."""

    session: str
    venue: str
    entry_session: str
    size: float
    return_: float | None
    net: float | None


def sized_positions(
    connection: Connection, strategy: str, *, horizon: str, origin: str, first: str, last: str, cut: int
) -> list[SizedPosition]:
    """The positions assigned to the sessions ``first`` to ``last`` whose example at that horizon is matched, as the
    facts up to ``cut`` have them, in the order of their decisions. One whose size was not told is not among them."""
    named = {"strategy": strategy, "horizon": horizon, "origin": origin, "first": first, "last": last, "cut": cut}
    return [SizedPosition._make(row) for row in connection.execute(_sized(), named)]


@cache
def _sized() -> Select[Any]:
    followed = and_(
        examples.c.fact == decisions.c.sequence,
        examples.c.horizon == bindparam("horizon"),
        examples.c.origin == bindparam("origin"),
        examples.c.sequence <= bindparam("cut"),
        examples.c.state == ExampleState.MATCHED.value,
    )
    before = and_(
        superseded_examples.c.fact == decisions.c.sequence,
        superseded_examples.c.horizon == bindparam("horizon"),
        superseded_examples.c.origin == bindparam("origin"),
        superseded_examples.c.sequence <= bindparam("cut"),
        superseded_examples.c.until > bindparam("cut"),
    )
    earned = [
        func.coalesce(examples.c[name], case((examples.c.fact.is_(None), superseded_examples.c[name])))
        for name in ("return", "net")
    ]
    told = (decisions.c.session, instruments.c.venue, decisions.c.entry_session, decisions.c.size)
    return (
        select(*told, *earned)
        .select_from(instruments)
        .join(decisions, decisions.c.instrument == instruments.c.id)
        .outerjoin(examples, followed)
        .outerjoin(superseded_examples, before)
        .where(
            instruments.c.strategy == bindparam("strategy"),
            decisions.c.entry_session >= bindparam("first"),
            decisions.c.session >= bindparam("first"),
            decisions.c.session <= bindparam("last"),
            decisions.c.sequence + 0 <= bindparam("cut"),
            decisions.c.action == Action.BUY.value,
            decisions.c.size > 0,
            or_(examples.c.fact.is_not(None), superseded_examples.c.fact.is_not(None)),
        )
        .order_by(decisions.c.session, decisions.c.time, decisions.c.decision_id)
    )
