"""What the sources said of the end of sessions."""

from collections.abc import Iterable

from sqlalchemy import Connection, exists, select

from store.tables import closings, sessions


class Closings:
    """Sessions that were told to be over and are not settled yet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, strategies: Iterable[str]) -> dict[tuple[str, str], dict[str, list[str]]]:
        """By (strategy, session): each source that closed it, with its entries in the stream."""
        settled = exists().where(sessions.c.strategy == closings.c.strategy, sessions.c.session == closings.c.session)
        columns = (closings.c.strategy, closings.c.session, closings.c.source, closings.c.entry)
        chosen = select(*columns).where(closings.c.strategy.in_(sorted(strategies)), ~settled)
        found: dict[tuple[str, str], dict[str, list[str]]] = {}
        for strategy, session, source, entry in self._connection.execute(chosen):
            found.setdefault((strategy, session), {}).setdefault(source, []).append(entry)
        return found
