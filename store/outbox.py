"""What is to be sent after the commit."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, select

from store.dialects import insert_rows, rows_of, run
from store.rows import columns
from store.tables import outbox


class Letter(NamedTuple):
    """One message: ``body`` for ``stream``, the same for ``channel``, and ``value`` for ``key``, where given."""

    id: int
    stream: str
    body: bytes
    channel: str | None
    key: str | None
    value: bytes | None


class Post(NamedTuple):
    """One message to be sent: as a letter, before it has a number."""

    stream: str
    body: bytes
    channel: str | None = None
    key: str | None = None
    value: bytes | None = None


class Waiting(NamedTuple):
    """How many messages of an owner wait, and since when the oldest does, int64 microseconds."""

    owner: str
    letters: int
    since: int


class Outbox:
    """Messages wait here from the commit until the relay has sent them, in the order in which they were added.

    ``owner`` is the worker that writes and relays them. What was sent is in its stream, and no longer here.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, owner: str, stream: str, body: bytes, *, now: int) -> None:
        """Put one message in, to be sent after the commit."""
        self.add_all(owner, stream, [body], now=now)

    def add_all(self, owner: str, stream: str, bodies: Sequence[bytes], *, now: int) -> None:
        """Put several messages for one stream in, in their order."""
        rows = [(owner, stream, body, now) for body in bodies]
        insert_rows(self._connection, outbox, ("owner", "stream", "body", "recorded_at"), rows)

    def post(self, owner: str, posts: Sequence[Post], *, now: int) -> None:
        """Put several messages of any kind in, in their order."""
        insert_rows(
            self._connection,
            outbox,
            ("owner", "stream", "body", "channel", "key", "value", "recorded_at"),
            [(owner, *post, now) for post in posts],
        )

    def waiting(self, owner: str, limit: int) -> list[Letter]:
        """The oldest messages of ``owner`` that were not sent yet, at most ``limit``."""
        return list(map(Letter._make, rows_of(self._connection, _WAITING, of=owner, most=limit)))

    def owners(self) -> list[Waiting]:
        """Whose messages wait, how many, and since when."""
        first = func.min(outbox.c.id).label("first")
        grouped = select(outbox.c.owner, func.count().label("letters"), first).group_by(outbox.c.owner).subquery()
        chosen = select(grouped.c.owner, grouped.c.letters, outbox.c.recorded_at).join(
            outbox, outbox.c.id == grouped.c.first
        )
        return [Waiting(*row) for row in self._connection.execute(chosen.order_by(grouped.c.owner))]

    def published(self, ids: Sequence[int]) -> None:
        """These were sent: take them out."""
        run(self._connection, _SENT, [{"sent": id_} for id_ in ids])


_WAITING = (
    select(*columns(outbox, Letter))
    .where(outbox.c.owner == bindparam("of"))
    .order_by(outbox.c.id)
    .limit(bindparam("most"))
)

_SENT = delete(outbox).where(outbox.c.id == bindparam("sent"))
