"""From the outbox to the broker."""

from collections.abc import Sequence
from itertools import groupby

from msgspec import Struct
from redis import Redis

from events.connection import broker_errors

JOURNEY = 500
"""So many parcels travel in one pipeline."""

AT_ONE_MOMENT = 50
"""So many that are more than an entry in a stream become visible together: the server does nothing else meanwhile."""


class Parcel(Struct, frozen=True, kw_only=True):
    """One row of the outbox, ready to be sent.

    Attributes:
        id: its row.
        stream: where ``body`` is appended, without the prefix.
        body: an event, encoded.
        channel: where ``body`` is published too, for those who listen now.
        key, value: what is set at the same moment, for those who come later.
    """

    id: int
    stream: str
    body: bytes
    channel: str | None = None
    key: str | None = None
    value: bytes | None = None

    @property
    def plain(self) -> bool:
        """Whether appending it to its stream is all."""
        return self.channel is None and self.key is None


def relay(redis: Redis, parcels: Sequence[Parcel], *, prefix: str = "") -> None:
    """Send all of ``parcels`` in their order. Whatever belongs to one parcel becomes visible at one moment.

    Raises:
        BrokerUnreachable, BrokerRefused: some may have arrived, nobody knows which. Sending all of
            them again is harmless, because the ids in their bodies name the events.
    """
    with broker_errors(redis):
        for plain, run in groupby(parcels, key=lambda parcel: parcel.plain):
            together = list(run)
            most = JOURNEY if plain else AT_ONE_MOMENT
            for start in range(0, len(together), most):
                _send(redis, together[start : start + most], whole=not plain, prefix=prefix)


def _send(redis: Redis, parcels: list[Parcel], *, whole: bool, prefix: str) -> None:
    last = {parcel.key: parcel for parcel in parcels}  # what is set before at the same moment, nobody ever sees
    with redis.pipeline(transaction=whole) as pipe:
        for parcel in parcels:
            pipe.xadd(prefix + parcel.stream, {"event": parcel.body})
            if parcel.key is not None and parcel.value is not None and last[parcel.key] is parcel:
                pipe.set(prefix + parcel.key, parcel.value)
            if parcel.channel is not None:
                pipe.publish(prefix + parcel.channel, parcel.body)
        pipe.execute()
