"""Examples whose newest revision never came to the occurrences, because the broker lost it or had it too long ago."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, and_, exists, func, or_, select

from store.tables import examples, occurrences, sessions

EARLIER = timedelta(days=21)
"""A fact of a session comes at the most so long before its date begins: an exchange closes for two weeks at the most,
and what happens then belongs to the next session."""

AT_ONCE = 500
"""Rows that are fetched at once."""


class Followed(NamedTuple):
    """What followed an alert or decision, as one revision of its example has it. Times are microseconds, returns
    fractions; None is unknown."""

    subject: str
    subject_id: str
    horizon: str
    origin: str
    revision: int
    sequence: int
    session: str
    state: str
    entry_time: int | None
    exit_time: int | None
    return_: float | None
    net: float | None
    mae: float | None
    outcome_class: str | None


def unheard(
    connection: Connection, strategy: str, *, slots: Sequence[tuple[str, str, str]], since: str, cut: int
) -> Iterator[Followed]:
    """The examples in ``slots`` (subject, horizon, origin) of the sessions from ``since`` on, of which the revision
    that stands now was told by ``cut``, and no occurrence has it or a later one; as they came."""
    begin = datetime.fromisoformat(since).replace(tzinfo=UTC) - EARLIER
    earlier = select(func.max(sessions.c.cut)).where(
        sessions.c.strategy == strategy, sessions.c.settled_at < int(begin.timestamp()) * 1_000_000
    )
    first = connection.execute(earlier).scalar() or 0
    one_of = [
        and_(examples.c.subject == subject, examples.c.horizon == horizon, examples.c.origin == origin)
        for subject, horizon, origin in slots
    ]
    heard = exists().where(
        occurrences.c.fact == examples.c.fact,
        occurrences.c.horizon == examples.c.horizon,
        occurrences.c.origin == examples.c.origin,
        occurrences.c.revision >= examples.c.revision,
    )
    chosen = select(*(examples.c[name.rstrip("_")] for name in Followed._fields)).where(
        examples.c.fact > first,
        examples.c.strategy == strategy,
        examples.c.session >= since,
        or_(*one_of),
        examples.c.revision > 0,
        examples.c.sequence <= cut,
        ~heard,
    )
    ordered = chosen.order_by(examples.c.fact).execution_options(yield_per=AT_ONCE)
    yield from map(Followed._make, connection.execute(ordered))
