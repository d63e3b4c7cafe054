"""Whether the broker has room, keeps what it is told, and still has what it was told before."""

from collections.abc import Callable, Sequence

from redis import Redis

from events.condition import Condition, condition
from events.connection import address
from events.ends import ends
from events.entry import EntryId
from events.moments import moment_text
from schemas.reports import HealthState
from schemas.settings import Settings
from workers.checks.reading import Figure, Reading, Reason, graded

PART = "broker"
MEGABYTE = 2**20
TOLD_US = 3_600_000_000
"""That streams were lost is told for so long."""


class Broker:
    """Asks the server for its memory and its persistence, and remembers how far its ``streams`` reached."""

    def __init__(self, redis: Redis, *, streams: Sequence[str], settings: Settings, clock: Callable[[], int]) -> None:
        self._redis = redis
        self._streams = streams
        self._prefix = settings.prefix
        self._share = settings.health_memory_share
        self._clock = clock
        self._ends: dict[str, EntryId] = {}
        self._lost: dict[str, tuple[EntryId, EntryId]] = {}
        self._lost_at = 0

    def look(self) -> list[Reading]:
        """One reading.

        Raises:
            BrokerUnreachable, BrokerRefused
        """
        found = condition(self._redis)
        self._compare(ends(self._redis, self._streams, prefix=self._prefix))
        figures = (Figure("broker_memory_bytes", found.used), Figure("broker_memory_limit_bytes", found.limit))
        return [Reading(PART, (*self._reasons(found), *self._losses()), figures)]

    def _compare(self, reached: dict[str, EntryId]) -> None:
        """Note which streams reach less far than they did: a server gives no id twice as long as it forgets nothing."""
        now = self._clock()
        if now - self._lost_at > TOLD_US:
            self._lost = {}
        for stream, end in reached.items():
            before = self._ends.get(stream, end)
            if end < before:
                first = self._lost[stream][0] if stream in self._lost else before
                self._lost[stream] = (max(first, before), end)
                self._lost_at = now
        self._ends = reached

    def _losses(self) -> list[Reason]:
        if not self._lost:
            return []
        stream, (before, after) = max(self._lost.items(), key=lambda lost: lost[1][0])
        reached = f"to {moment_text(after.ms * 1_000)}" if after.ms else "nowhere"
        others = f", and {len(self._lost) - 1} other streams likewise" if len(self._lost) > 1 else ""
        text = (
            f"the broker at {address(self._redis)} came back without what it had: {self._prefix}{stream} reached to "
            f"{moment_text(before.ms * 1_000)} and then {reached}{others}"
        )
        advice = (
            "what was read is in the store, what nobody had read by then is gone: whoever told it should tell it "
            "again, with the same ids, and nothing counts twice"
        )
        return [Reason("went back", f"{text}; {advice}")]

    def _reasons(self, found: Condition) -> list[Reason]:
        where = f"the broker at {address(self._redis)}"
        reasons = []
        share = found.used / found.limit if found.limit else 0.0
        full = self._share + 0.75 * (1 - self._share)
        if (state := graded(share, limit=self._share, critical=full)) is not HealthState.HEALTHY:
            used = f"{found.used / MEGABYTE:,.0f} of {found.limit / MEGABYTE:,.0f} MB"
            text = f"{where} uses {used}, {share:.0%} (limit {self._share:.0%}, critical {full:.0%})"
            advice = "give it more memory, lower keep_days, or see which group holds its streams (parts `group.…`)"
            reasons.append(Reason("memory", f"{text}; {advice}", state))
        if found.policy != "noeviction":
            text = f"{where} throws keys away when its memory is full (maxmemory-policy {found.policy}"
            advice = "an evicted stream is a lost fact: set maxmemory-policy noeviction"
            reasons.append(Reason("policy", f"{text}, {found.evicted:,} since its start); {advice}"))
        if not found.appends:
            text = f"{where} keeps no append-only file: what it was told last is gone when it dies"
            reasons.append(Reason("appends", f"{text}; set appendonly yes"))
        if not found.written:
            text = f"{where} could not write to its disk"
            advice = "see its log and whether the disk is full; until then it may refuse every write"
            reasons.append(Reason("written", f"{text}; {advice}", HealthState.CRITICAL))
        return reasons
