"""The next read of a consumer group, asked for while the batch before it is worked on."""

from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.connection import Connection

from events.entry import Entry

Command = tuple[str, ...]


class Ahead:
    """Sends XREADGROUP for fresh entries and takes the answer later: the server works meanwhile, and no thread waits.

    What is asked for is handed to the consumer when the server reads the question, whether or not the answer is taken.
    Not for several threads. Raises what the driver raises.
    """

    def __init__(self, redis: Redis, *, group: str, consumer: str) -> None:
        self._pool = redis.connection_pool
        self._question = ("XREADGROUP", "GROUP", group, consumer, "COUNT")
        self._connection: Connection | None = None
        self._before = 0

    def __bool__(self) -> bool:
        """Whether an answer is on its way."""
        return self._connection is not None

    def ask(self, count: int, keys: Sequence[str], *, first: Sequence[Command] = ()) -> None:
        """Ask for up to ``count`` fresh entries of each of the ``keys``, without waiting for any.

        What the server is to do ``first`` travels in the same packet, which costs as much as one command; whether it
        was done is said with the answer.
        """
        question = (*self._question, count, "STREAMS", *keys, *(">" for _ in keys))
        connection = self._connection = self._pool.get_connection()
        self._before = len(first)
        try:
            packet = b"".join(connection.pack_commands([*first, question]))  # type: ignore[no-untyped-call]
            connection.send_packed_command([packet])  # type: ignore[no-untyped-call]
        except BaseException:
            self.drop()
            raise

    def answer(self) -> list[tuple[str, list[Entry]]]:
        """What was asked for, as ``read_group`` gives it; nothing where nothing was."""
        if self._connection is None:
            return []
        try:
            for _ in range(self._before):
                self._connection.read_response()
            reply: Any = self._connection.read_response()
        except BaseException:
            self.drop()
            raise
        self._pool.release(self._connection)
        self._connection = None
        return [(key.decode(), [(entry, _fields(said)) for entry, said in entries]) for key, entries in reply or ()]

    def drop(self) -> None:
        """Want no answer any more; what it held stays pending of this consumer."""
        if self._connection is not None:
            self._connection.disconnect()  # type: ignore[no-untyped-call]
            self._pool.release(self._connection)
            self._connection = None


def _fields(said: list[bytes]) -> dict[bytes, bytes]:
    if len(said) == 2:  # nearly always: the field ``event``
        return {said[0]: said[1]}
    return dict(zip(said[::2], said[1::2], strict=True))
