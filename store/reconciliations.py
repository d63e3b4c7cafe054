"""What came in against what stands in the books, each time that a session settled."""

import msgspec
from sqlalchemy import Connection, Select, select

from schemas.reports import BooksReconciled
from store.dialects import insert_new
from store.tables import reconciliations, sessions


class Reconciliations:
    """The reconciliations of every strategy, one a settled session."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, books: BooksReconciled) -> bool:
        """Write one, and say whether the session had none yet. The first stands."""
        row = {
            "strategy": books.strategy,
            "session": books.session,
            "balanced": int(not books.issues),
            "body": msgspec.json.encode(books).decode(),
        }
        return insert_new(self._connection, reconciliations, [row])[0]

    def get(self, strategy: str, session: str) -> BooksReconciled | None:
        """That of one session."""
        return self._first(_chosen(strategy).where(reconciliations.c.session == session))

    def latest(self, strategy: str) -> BooksReconciled | None:
        """The one that was made last: of the highest cut, which need not be that of the newest session."""
        made = (sessions.c.strategy == reconciliations.c.strategy) & (sessions.c.session == reconciliations.c.session)
        return self._first(_chosen(strategy).join(sessions, made).order_by(sessions.c.cut.desc()).limit(1))

    def strategies(self) -> list[str]:
        """Whose books were ever reconciled."""
        found = select(reconciliations.c.strategy).distinct().order_by(reconciliations.c.strategy)
        return list(self._connection.execute(found).scalars())

    def _first(self, chosen: Select[str]) -> BooksReconciled | None:
        body = self._connection.execute(chosen).scalar()
        return None if body is None else msgspec.json.decode(body, type=BooksReconciled)


def _chosen(strategy: str) -> Select[str]:
    return select(reconciliations.c.body).where(reconciliations.c.strategy == strategy)
