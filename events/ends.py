"""How far the streams of a broker reach."""

from collections.abc import Sequence

from redis import Redis
from redis.exceptions import ResponseError

from events.connection import broker_errors
from events.entry import EntryId


def ends(redis: Redis, streams: Sequence[str], *, prefix: str = "") -> dict[str, EntryId]:
    """The newest id that each stream has given, whether its entry is still there or not; 0-0 where no stream is.

    Raises:
        BrokerUnreachable, BrokerRefused
    """
    with broker_errors(redis):
        with redis.pipeline(transaction=False) as pipe:
            for stream in streams:
                pipe.xinfo_stream(prefix + stream)
            answers = pipe.execute(raise_on_error=False)
        found = {}
        for stream, answer in zip(streams, answers, strict=True):
            if isinstance(answer, ResponseError) and "no such key" in str(answer):
                found[stream] = EntryId(0, 0)
            elif isinstance(answer, Exception):
                raise answer
            else:
                found[stream] = EntryId.parse(answer["last-generated-id"])
        return found
