"""Units as the scanner scored them, bought or not, beside what followed."""

from collections.abc import Iterator, Sequence
from functools import cache
from math import nan
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, and_, bindparam, case, func, select

from schemas.attributed import ExampleState
from store.tables import alerts, examples, instruments, superseded_examples

AT_ONCE = 2_000
"""How many rows are fetched together."""


class ScoredUnit(NamedTuple):
    """A unit by its first alert. ``features`` are those that were asked for, NaN where one was not told.

    ``return_`` over the horizon is a fraction, signed as a position would have earned it, None where it is not known.
    """

    session: str
    instrument: int
    venue: str
    entry_session: str
    direction: str
    score: float
    features: tuple[float, ...]
    return_: float | None


class _Body(msgspec.Struct):
    features: dict[str, float] = {}


def scored_units(
    connection: Connection,
    strategy: str,
    *,
    features: Sequence[str],
    horizon: str,
    first: str,
    last: str,
    cut: int,
) -> Iterator[ScoredUnit]:
    """The units assigned in the sessions ``first`` to ``last``, as the facts up to ``cut`` have them, by session.

    Within a session their order is that of their first alerts, by time and then by id.
    """
    decode = msgspec.json.Decoder(_Body).decode
    named = {"strategy": strategy, "horizon": horizon, "first": first, "last": last, "cut": cut}
    seen, of_session = set[str](), ""
    for unit, *told, body, return_ in connection.execute(_scored().execution_options(yield_per=AT_ONCE), named):
        if told[0] != of_session:
            seen, of_session = set(), told[0]
        if unit not in seen:
            seen.add(unit)
            measured = decode(body).features if features else {}
            yield ScoredUnit._make([*told, tuple(measured.get(name, nan) for name in features), return_])


@cache
def _scored() -> Select[Any]:
    followed = and_(
        examples.c.fact == alerts.c.sequence,
        examples.c.horizon == bindparam("horizon"),
        examples.c.origin == "prices",
        examples.c.sequence <= bindparam("cut"),
    )
    before = and_(
        superseded_examples.c.fact == alerts.c.sequence,
        superseded_examples.c.horizon == bindparam("horizon"),
        superseded_examples.c.origin == "prices",
        superseded_examples.c.sequence <= bindparam("cut"),
        superseded_examples.c.until > bindparam("cut"),
    )
    matched = case((examples.c.state == ExampleState.MATCHED.value, examples.c["return"]))
    known = func.coalesce(matched, superseded_examples.c["return"])
    named = ("unit", "session", "instrument")
    told = ("entry_session", "direction", "score", "body")
    # The sum keeps SQLite from reading all facts up to the cut, where an index knows those of the sessions.
    return (
        select(*(alerts.c[name] for name in named), instruments.c.venue, *(alerts.c[name] for name in told), known)
        .select_from(instruments)
        .join(alerts, alerts.c.instrument == instruments.c.id)
        .outerjoin(examples, followed)
        .outerjoin(superseded_examples, before)
        .where(
            instruments.c.strategy == bindparam("strategy"),
            alerts.c.entry_session >= bindparam("first"),
            alerts.c.session >= bindparam("first"),
            alerts.c.session <= bindparam("last"),
            alerts.c.sequence + 0 <= bindparam("cut"),
        )
        .order_by(alerts.c.session, alerts.c.time, alerts.c.alert_id)
    )
