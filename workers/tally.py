"""What one worker has done since its start, and how well."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from threading import Lock

from schemas.event import Envelope
from schemas.reports import HealthReported, HealthState

SAMPLED_EVERY_US = 100_000
"""Within a tenth of a second one event at most is looked through for fields that nobody declared."""

REMEMBER_US = 60_000_000
"""How long a trouble keeps a worker degraded, in microseconds."""

NAMES = 100
"""How many undeclared fields are counted by name."""


class Tally:
    """Counts what a worker took in, refused, failed at and sent, and remembers its recent troubles.

    A worker is healthy when nothing was refused, failed or unreachable for a minute. One thread may ask while another
    counts.
    """

    def __init__(self, part: str, *, clock: Callable[[], int]) -> None:
        self._part = part
        self._lock = Lock()
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._troubles: deque[tuple[int, str]] = deque(maxlen=5)
        self._samples = 0
        self._sampled_at = -SAMPLED_EVERY_US

    def sampled(self, count: int, *, now: int) -> int | None:
        """Which of ``count`` events read at once is looked through for undeclared fields; another place each time.

        None where the last look was only just now.
        """
        if 0 <= now - self._sampled_at < SAMPLED_EVERY_US:
            return None
        self._sampled_at = now
        self._samples += 1
        return self._samples % count

    def took(self, batch: Sequence[Envelope], *, refused: int) -> None:
        """A batch was committed; ``refused`` of its events were buried."""
        with self._lock:
            self._counts["taken"] += len(batch) - refused
            for envelope in batch:
                if envelope.unknown and len(self._unknown) < NAMES:
                    self._unknown.update(envelope.unknown)

    def refused(self, reason: str, *, times: int = 1) -> None:
        """So many events were buried, the last for this reason."""
        self._trouble("refused", f"refused: {reason}", times=times)

    def failed(self, reason: str) -> None:
        """Handling raised."""
        self._trouble("failed", f"failed: {reason}")

    def unreachable(self, reason: str) -> None:
        """Broker or store did not answer."""
        self._trouble("unreachable", reason)

    def relayed(self, count: int) -> None:
        """Letters were sent."""
        with self._lock:
            self._counts["relayed"] += count

    @property
    def counts(self) -> dict[str, int]:
        """All counts since the start, undeclared fields by name."""
        with self._lock:
            undeclared = {f"undeclared {name}"[:100]: count for name, count in self._unknown.most_common(20)}
            return {**self._counts, **undeclared}

    def health(self) -> HealthReported:
        """How the worker is."""
        now = self._clock()
        with self._lock:
            while self._troubles and self._troubles[0][0] < now - REMEMBER_US:
                self._troubles.popleft()
            reasons = list(dict.fromkeys(reason[:500] for _, reason in self._troubles))
        state = HealthState.DEGRADED if reasons else HealthState.HEALTHY
        return HealthReported(part=self._part, state=state, reasons=reasons, counts=self.counts)

    def _trouble(self, kind: str, reason: str, *, times: int = 1) -> None:
        with self._lock:
            self._counts[kind] += times
            self._troubles.append((self._clock(), reason))
