"""Which sessions are settled, and up to which fact their cycles read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from sqlalchemy import Connection, Select, bindparam, exists, func, select

from store.dialects import insert_new, rows_of
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
_ONE = _ROWS.where(sessions.c.strategy == bindparam("of"), sessions.c.session == bindparam("at"))
_LATEST = _ROWS.where(sessions.c.strategy == bindparam("of")).order_by(sessions.c.session.desc()).limit(1)
_EARLIEST = select(func.min(sessions.c.session)).where(
    sessions.c.strategy == bindparam("of"), sessions.c.cut <= bindparam("cut")
)
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
        return self._first(_ONE, of=strategy, at=session)

    def latest(self, strategy: str) -> Settled | None:
        """The newest settled session."""
        return self._first(_LATEST, of=strategy)

    def earliest(self, strategy: str, *, cut: int) -> str | None:
        """The first session of those that were settled at the cut."""
        return self._connection.execute(_EARLIEST, {"of": strategy, "cut": cut}).scalar()

    def unfinished(self, kind: str) -> list[Settled]:
        """The settled sessions without a finished cycle of that kind, the oldest first."""
        finished = exists().where(
            cycles.c.strategy == sessions.c.strategy, cycles.c.session == sessions.c.session, cycles.c.kind == kind
        )
        chosen = _ROWS.where(~finished).order_by(sessions.c.session, sessions.c.strategy)
        return [_settled(row) for row in self._connection.execute(chosen)]

    def _first(self, chosen: Select[Any], **named: str) -> Settled | None:
        found = rows_of(self._connection, chosen, **named)
        return _settled(found[0]) if found else None


def _settled(row: Iterable[Any]) -> Settled:
    read = Settled._make(row)
    return read._replace(pending=_PENDING.decode(cast(str, read.pending)))
