"""How far files have been replayed into the books."""

from typing import NamedTuple

from sqlalchemy import Connection, select, update

from store.dialects import insert_new
from store.rows import columns
from store.tables import replays


class Standing(NamedTuple):
    """How far a replay is: so many rows done, so many of them refused, and when the last one was (µs), if ever."""

    name: str
    taken: int
    refused: int
    finished_at: int | None


class Replays:
    """One row for each digest of files, column maps and options.

    ``advance`` belongs into the transaction that took the events in, after ``taken``: that holds the row's lock, so
    that of two processes with the same files the second sees what the first has done.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, digest: str) -> Standing | None:
        """The replay, where it was ever begun."""
        row = self._connection.execute(select(*columns(replays, Standing)).where(replays.c.digest == digest)).first()
        return None if row is None else Standing(*row)

    def begin(self, digest: str, *, name: str, now: int) -> None:
        """Note that it was begun; one that was begun before stays as it is."""
        row = {"digest": digest, "name": name, "taken": 0, "refused": 0, "recorded_at": now, "finished_at": None}
        insert_new(self._connection, replays, [row])

    def restart(self, digest: str, *, now: int) -> None:
        """Forget how far it was."""
        self._set(digest, taken=0, refused=0, recorded_at=now, finished_at=None)

    def taken(self, digest: str) -> int:
        """So many events are taken in. The row is held until the end of the transaction."""
        chosen = select(replays.c.taken).where(replays.c.digest == digest).with_for_update()
        return int(self._connection.execute(chosen).scalar_one())

    def advance(self, digest: str, *, taken: int, refused: int, now: int) -> None:
        """From now on ``taken`` events are taken in, and ``refused`` more of them were refused."""
        self._set(digest, taken=taken, refused=replays.c.refused + refused, recorded_at=now)

    def finish(self, digest: str, *, now: int) -> None:
        """There are no more events; the time of the first who said so stays."""
        self._connection.execute(
            update(replays).where(replays.c.digest == digest, replays.c.finished_at.is_(None)).values(finished_at=now)
        )

    def _set(self, digest: str, **values: object) -> None:
        self._connection.execute(update(replays).where(replays.c.digest == digest).values(values))
