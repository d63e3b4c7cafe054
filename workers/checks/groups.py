"""How far every group is behind, and which will never come back."""

from collections.abc import Callable, Collection, Sequence
from itertools import groupby
from operator import attrgetter

from redis import Redis

from events.lag import Lag, lags
from schemas.reports import HealthState
from schemas.settings import Settings
from workers.checks.reading import Figure, Reading, Reason, graded, part_name, span

MOST_GROUPS = 50
"""So many groups are told of, ours first."""


class Groups:
    """Watches the consumer groups of ``streams``, those of our workers and any other.

    A group for which nothing waits holds nobody up, whoever reads as it. Where something does and the group has no
    consumer, nobody knows since when nobody reads: then it counts from the newest entry that it was handed, or from
    when it was seen first.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        streams: Sequence[str],
        ours: Collection[str],
        settings: Settings,
        clock: Callable[[], int],
    ) -> None:
        self._redis = redis
        self._streams = streams
        self._ours = ours
        self._settings = settings
        self._clock = clock
        self._seen: dict[tuple[str, str], int] = {}

    def look(self) -> list[Reading]:
        """One reading for each group.

        Raises:
            BrokerUnreachable, BrokerRefused
        """
        found = lags(self._redis, self._streams, prefix=self._settings.prefix)
        now = self._clock()
        self._seen = {(lag.stream, lag.group): self._seen.get((lag.stream, lag.group), now) for lag in found}
        by_group = groupby(sorted(found, key=lambda lag: (lag.group not in self._ours, lag.group)), attrgetter("group"))
        return [self._reading(group, list(of_group), now) for group, of_group in by_group][:MOST_GROUPS]

    def _reading(self, group: str, of_group: list[Lag], now: int) -> Reading:
        reasons: list[Reason] = []
        figures: list[Figure] = []
        for lag in of_group:
            place = (group, lag.stream)
            figures += (
                Figure("group_unread_entries", lag.unread, place),
                Figure("group_oldest_unread_age_seconds", lag.unread_ms / 1000, place),
                Figure("group_pending_entries", lag.pending, place),
                Figure("group_oldest_pending_age_seconds", lag.pending_ms / 1000, place),
            )
            if lag.newer:
                reasons.append(self._newer(lag))
        waiting = [lag for lag in of_group if lag.unread or lag.pending]
        unused = min((self._unused(lag, now) for lag in waiting), default=0.0)
        if unused >= self._limit:
            reasons.append(self._abandoned(group, waiting, unused))
        else:
            for lag in waiting:
                reasons += self._waiting(lag)
        return Reading(part_name("group", group), tuple(reasons), tuple(figures))

    @property
    def _limit(self) -> float:
        return self._settings.health_group_hours * 3_600

    def _unused(self, lag: Lag, now: int) -> float:
        """Seconds for which nobody has read as this group, though something waited.

        Redis 6.2 notes only reads that found something, so on a quiet stream a group seems unused that is not.
        """
        waited = max(lag.unread_ms, lag.pending_ms) / 1000
        if lag.unused_ms is not None:
            return min(waited, lag.unused_ms / 1000)
        if lag.read_ms is not None:
            return min(waited, lag.read_ms / 1000)
        return min(waited, (now - self._seen[lag.stream, lag.group]) / 1e6)

    def _abandoned(self, group: str, of_group: list[Lag], unused: float) -> Reason:
        keys = [self._settings.prefix + lag.stream for lag in of_group]
        text = f"nobody has read as the group {group} for {span(unused)} (limit {span(self._limit)})"
        until = "" if group in self._ours else f" for {self._settings.keep_days:g} days"
        held = f"it holds {', '.join(keys)} from being shortened{until}"
        advice = f"if it will not come back: redis-cli XGROUP DESTROY {keys[0]} {group}" + (
            ", and so with the others" if len(keys) > 1 else ""
        )
        return Reason("abandoned", f"{text}; {held}; {advice}")

    def _newer(self, lag: Lag) -> Reason:
        stream, days = self._settings.prefix + lag.stream, self._settings.newer_days
        text = f"{lag.newer:,} entries of {stream} are of a newer schema than this engine knows"
        meanwhile = (
            f"they wait for a newer engine, for {days:g} days at the most, and no later session settles meanwhile"
        )
        return Reason(f"newer {lag.stream}", f"{text}; {meanwhile}; upgrade the engine")

    def _waiting(self, lag: Lag) -> list[Reason]:
        limit = self._settings.health_wait_seconds
        reasons = []
        for code, count, age, what, advice in (
            (
                "unread",
                f"{lag.unread:,}{' or more' if lag.at_least else ''}",
                lag.unread_ms / 1000,
                "not read",
                "the group is too slow, or nobody reads: look at its worker; a backlog that shrinks needs nothing",
            ),
            (
                "pending",
                f"{lag.pending:,}",
                lag.pending_ms / 1000,
                "handed out and not acknowledged",
                "a worker died or hangs with them in hand, or the store is away",
            ),
        ):
            state = graded(age, limit=limit, critical=10 * limit)
            if state is not HealthState.HEALTHY:
                stream = self._settings.prefix + lag.stream
                text = f"{count} entries of {stream} are {what} by {lag.group}, the oldest for {span(age)}"
                reasons.append(Reason(f"{code} {lag.stream}", f"{text} (limit {span(limit)}); {advice}", state))
        return reasons
