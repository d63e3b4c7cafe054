"""Which sessions are settled, and up to which fact their cycles read."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Select, exists, select

from store.dialects import insert_new
from store.rows import columns
from store.tables import cycles, sessions
from store.tallies import Tallies, told
from store.versions import Versions


class Settled(NamedTuple):
    """A session that is over for the engine.

    ``cut`` is the highest ingest sequence that its cycles see, ``revisions`` how many revisions of examples there
    were by then, ``pending`` the assignment sessions that still had pending examples, by ``horizon/origin``,
    ``version`` the one that was in force, where there was one.
    """

    strategy: str
    session: str
    cut: int
    revisions: int
    settled_at: int
    pending: Mapping[str, Sequence[str]]
    version: str | None


_ROWS = select(*columns(sessions, Settled))
_PENDING = msgspec.json.Decoder(dict[str, list[str]])


class Sessions:
    """The settled sessions of every strategy."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, strategy: str, session: str, *, cut: int, pending: Mapping[str, Sequence[str]], now: int) -> bool:
        """Settle a session, and say whether it was not settled yet. A settled one keeps what it was settled with.

        Belongs in the transaction that took ``cut`` from the ingest sequence, as its last number: every row that is
        there then lies at or below the cut, whatever is written afterwards lies beyond it, and how many revisions
        there are by then, and which version is in force, is known for ever.
        """
        version = Versions(self._connection).latest(strategy)
        row = {
            "strategy": strategy,
            "session": session,
            "cut": cut,
            "revisions": Tallies(self._connection).value(told(strategy)),
            "settled_at": now,
            "pending": msgspec.json.encode(pending, order="sorted").decode(),
            "version": str(version.id) if version else None,
        }
        return insert_new(self._connection, sessions, [row])[0]

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
        return [_settled(row) for row in self._connection.execute(chosen)]

    def _first(self, chosen: Select[Any]) -> Settled | None:
        row = self._connection.execute(chosen).first()
        return None if row is None else _settled(row)


def _settled(row: Row[Any]) -> Settled:
    return Settled._make(row)._replace(pending=_PENDING.decode(row.pending))
