"""Whether an RQ worker reads each declared queue."""

from collections.abc import Callable, Mapping
from typing import Any

from redis import Redis

from events.connection import broker_errors
from schemas.reports import HealthState
from schemas.settings import Settings
from workers.checks.reading import Figure, Reading, Reason, part_name, span


class Queues:
    """Counts the RQ workers that listen.

    RQ's own heartbeat comes every 405 s at rest, and so does not tell who died. But each worker subscribes to a channel
    of its own for commands, and that subscription ends with its connection. It has the time of a silence to connect
    again, also after nobody could look because the broker was away.
    """

    def __init__(
        self, redis: Redis, *, expected: Mapping[str, tuple[str, ...]], settings: Settings, clock: Callable[[], int]
    ) -> None:
        self._redis = redis
        self._expected = expected
        self._patience = settings.health_start_seconds
        self._silent = settings.health_silent_seconds
        self._clock = clock
        self._began = clock()
        self._last: dict[str, int] = {}
        self._looked: dict[str, int] = {}

    def look(self) -> list[Reading]:
        """One reading for each declared process that reads queues.

        Raises:
            BrokerUnreachable, BrokerRefused
        """
        return [self._reading(name, queues) for name, queues in self._expected.items()]

    def _reading(self, name: str, queues: tuple[str, ...]) -> Reading:
        with broker_errors(self._redis):
            listening = min(_listening(self._redis, queue) for queue in queues)
            figures = [Figure("worker_alive", listening, (name,))]
            for queue in queues:
                figures.append(Figure("queue_jobs", self._count("llen", f"rq:queue:{queue}"), (queue,)))
                figures.append(Figure("queue_failed_jobs", self._count("zcard", f"rq:failed:{queue}"), (queue,)))
        now = self._clock()
        blind = now - self._looked.get(name, now) > self._silent * 1_000_000
        self._looked[name] = now
        if listening or (blind and name in self._last):
            self._last[name] = now
            return Reading(part_name(name), (), tuple(figures))
        silence = self._silence(name, queues, now)
        return Reading(part_name(name), (silence,) if silence else (), tuple(figures))

    def _silence(self, name: str, queues: tuple[str, ...], now: int) -> Reason | None:
        which = " and ".join(queues)
        since = self._last.get(name)
        waited = (now - (self._began if since is None else since)) / 1e6
        if since is None and waited <= self._patience:
            text = f"no `rq worker` listens to the queue {which} yet, {span(waited)} after health began to look"
            return Reason("starting", f"{text} (a start may take {span(self._patience)})")
        if since is not None and waited <= self._silent:
            return None
        text = f"no `rq worker` listens to the queue {which}, for {span(waited)} now: cycles wait"
        return Reason(
            "silent", f"{text}; `learning up` restarts it, else run `rq worker {queues[0]}`", HealthState.CRITICAL
        )

    def _count(self, command: str, key: str) -> int:
        return int(getattr(self._redis, command)(key))


def _listening(redis: Redis, queue: str) -> int:
    keys: Any = redis.smembers(f"rq:workers:{queue}")
    names = [key.decode().removeprefix("rq:worker:") for key in keys]
    if not names:
        return 0
    counts: Any = redis.pubsub_numsub(*(f"rq:pubsub:{name}" for name in names))
    return sum(1 for _, subscribers in counts if subscribers)
