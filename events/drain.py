"""Emptying an outbox: send, note as sent, until nothing waits."""

from collections.abc import Sequence
from typing import Protocol

from redis import Redis

from events.relay import Parcel, relay

AT_ONCE = 500
"""So many letters are taken from the mailbag at a time."""


class Letter(Protocol):
    """A row of an outbox."""

    @property
    def id(self) -> int: ...
    @property
    def stream(self) -> str: ...
    @property
    def body(self) -> bytes: ...
    @property
    def channel(self) -> str | None: ...
    @property
    def key(self) -> str | None: ...
    @property
    def value(self) -> bytes | None: ...


class Mailbag(Protocol):
    """Where letters wait after their commit, in order."""

    def waiting(self, limit: int) -> Sequence[Letter]:
        """The oldest letters that were not sent."""
        ...

    def sent(self, ids: Sequence[int]) -> None:
        """These were sent; said in a transaction of its own."""
        ...


def drain(redis: Redis, mailbag: Mailbag, *, prefix: str = "", seen: Sequence[Letter] | None = None) -> int:
    """Send everything that waits, in order, and say how many letters that were.

    ``seen`` are the oldest ``AT_ONCE`` that wait, where somebody has just looked. Killed between sending and noting, it
    sends some letters twice; the ids in their bodies make that harmless.

    Raises:
        BrokerUnreachable, BrokerRefused: what was not noted as sent will be sent again.
    """
    total = 0
    letters = mailbag.waiting(AT_ONCE) if seen is None else seen
    while letters:
        relay(redis, [_parcel(letter) for letter in letters], prefix=prefix)
        mailbag.sent([letter.id for letter in letters])
        total += len(letters)
        letters = mailbag.waiting(AT_ONCE) if len(letters) == AT_ONCE else ()
    return total


def _parcel(letter: Letter) -> Parcel:
    return Parcel(
        id=letter.id,
        stream=letter.stream,
        body=letter.body,
        channel=letter.channel,
        key=letter.key,
        value=letter.value,
    )
