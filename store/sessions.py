"""Which sessions are settled, and up to which fact their cycles read."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, exists, select

from store.dialects import insert_new
from store.errors import StoreRefused
from store.rows import columns
from store.tables import cycles, examples, sessions
from store.tallies import Tallies, told


class Settled(NamedTuple):
    """A session that every declared source has closed. ``cut``: the highest ingest sequence its cycles see."""

    strategy: str
    session: str
    cut: int
    revisions: int
    settled_at: int


_ROWS = select(*columns(sessions, Settled))


class Sessions:
    """The settled sessions of every strategy."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, strategy: str, session: str, *, cut: int, now: int) -> bool:
        """Settle a session, and say whether it was not settled yet. A settled one keeps its first cut.

        Belongs in the transaction that took ``cut`` from the ingest sequence, after the examples' rows: whatever is
        written afterwards then lies beyond the cut, and how many revisions there are by then is known for ever.

        Raises:
            StoreRefused: an example was already written beyond ``cut``.
        """
        if self._connection.execute(select(exists().where(examples.c.sequence > cut))).scalar():
            raise StoreRefused(
                f"session {session} of {strategy!r}: examples lie beyond the cut {cut}; take a newer number"
            )
        row = Settled(strategy, session, cut, Tallies(self._connection).value(told(strategy)), now)
        return insert_new(self._connection, sessions, [row._asdict()])[0]

    def get(self, strategy: str, session: str) -> Settled | None:
        """The session, where it is settled."""
        return self._first(_ROWS.where(sessions.c.strategy == strategy, sessions.c.session == session))

    def latest(self, strategy: str) -> Settled | None:
        """The newest settled session."""
        return self._first(_ROWS.where(sessions.c.strategy == strategy).order_by(sessions.c.session.desc()).limit(1))

    def unfinished(self, kind: str) -> list[Settled]:
        """The settled sessions without a finished cycle of that kind, the oldest first."""
        finished = exists().where(
            cycles.c.strategy == sessions.c.strategy, cycles.c.session == sessions.c.session, cycles.c.kind == kind
        )
        chosen = _ROWS.where(~finished).order_by(sessions.c.session, sessions.c.strategy)
        return [Settled(*row) for row in self._connection.execute(chosen)]

    def _first(self, chosen: Select[Any]) -> Settled | None:
        row = self._connection.execute(chosen).first()
        return None if row is None else Settled(*row)
