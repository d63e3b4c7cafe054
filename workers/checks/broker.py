"""Whether the broker has room and keeps what it is told."""

from redis import Redis

from events.condition import Condition, condition
from events.connection import address
from schemas.reports import HealthState
from schemas.settings import Settings
from workers.checks.reading import Figure, Reading, Reason, graded

PART = "broker"
MEGABYTE = 2**20


class Broker:
    """Asks the server for its memory and its persistence."""

    def __init__(self, redis: Redis, *, settings: Settings) -> None:
        self._redis = redis
        self._share = settings.health_memory_share

    def look(self) -> list[Reading]:
        """One reading.

        Raises:
            BrokerUnreachable, BrokerRefused
        """
        found = condition(self._redis)
        figures = (Figure("broker_memory_bytes", found.used), Figure("broker_memory_limit_bytes", found.limit))
        return [Reading(PART, tuple(self._reasons(found)), figures)]

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
