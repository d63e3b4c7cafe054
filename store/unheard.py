"""Examples whose newest revision never came to the occurrences, because the broker lost it or had it too long ago."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, exists, func, or_, select

from store.tables import examples, occurrences, sessions


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
) -> list[Followed]:
    """The examples in ``slots`` (subject, horizon, origin) that were told by ``cut`` and of which no occurrence has
    the revision that stands, or a later one; of facts that came after the last session before ``since`` settled."""
    earlier = select(func.max(sessions.c.cut)).where(sessions.c.strategy == strategy, sessions.c.session < since)
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
        or_(*one_of),
        examples.c.revision > 0,
        examples.c.sequence <= cut,
        ~heard,
    )
    return [Followed._make(row) for row in connection.execute(chosen.order_by(examples.c.fact))]
