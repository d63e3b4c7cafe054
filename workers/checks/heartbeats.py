"""Whether every declared process lives, and what it says of itself."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec
from redis import Redis

from events.heartbeat import Word, heartbeats
from schemas.beat import Beat
from schemas.reports import HealthState
from schemas.settings import Settings
from workers.checks.reading import Figure, Reading, Reason, graded, part_name, span

BEATS = 3
"""A process is silent after at least so many heartbeats."""

UNSURE_US = 100_000
"""Of two words that were said within so short a time it is not known which was the last: the one heard last counts."""


class Heard(NamedTuple):
    """The last word of one consumer of a part, how many seconds ago it was said, and how many seconds its clock was
    ahead; by the broker's clock."""

    beat: Beat
    age: float
    ahead: float


class Heartbeats:
    """Remembers when each declared process was heard last, so that one that fell silent is seen as such.

    A process that says goodbye has ``health_start_seconds`` to be back. So has one that has never been heard since
    this was made: that is told, but critical only after that time. After a while in which nobody could look, because
    the broker was away, everyone has the time of a silence to be heard again.
    """

    def __init__(
        self, redis: Redis, *, expected: Mapping[str, str], settings: Settings, clock: Callable[[], int]
    ) -> None:
        self._redis = redis
        self._expected = expected
        self._settings = settings
        self._clock = clock
        self._silent = max(settings.health_silent_seconds, BEATS * settings.heartbeat_seconds)
        self._began = clock()
        self._last: dict[str, tuple[int, Beat]] = {}
        self._looked = self._hearing_since = self._began

    def look(self) -> list[Reading]:
        """One reading for each declared process.

        Raises:
            BrokerUnreachable, BrokerRefused
        """
        found = heartbeats(self._redis, prefix=self._settings.prefix)
        now = self._clock()
        if now - self._looked > self._silent * 1_000_000:
            self._hearing_since = now
        self._looked = now
        return [self._reading(name, part, _heard(found, part)) for name, part in self._expected.items()]

    def _reading(self, name: str, part: str, heard: list[Heard]) -> Reading:
        now = self._clock()
        living = [one for one in heard if one.age <= self._silent and not one.beat.stopped]
        for one in living or heard:
            at = now - round(one.age * 1_000_000)
            if part not in self._last or at >= self._last[part][0] - UNSURE_US:
                self._last[part] = (at, one.beat)
        figures = [Figure("worker_alive", len(living), (name,))]
        if part in self._last:
            figures.append(Figure("worker_heartbeat_age_seconds", (now - self._last[part][0]) / 1e6, (name,)))
        reasons = self._troubles(name, living) if living else [self._silence(name, part, now)]
        return Reading(part_name(name), tuple(reason for reason in reasons if reason), tuple(figures))

    def _silence(self, name: str, part: str, now: int) -> Reason | None:
        if part not in self._last:
            return self._never(name, (now - self._began) / 1e6)
        at, beat = self._last[part]
        age = (now - at) / 1e6
        if (now - self._hearing_since) / 1e6 <= self._silent:
            return None
        patience = self._settings.health_start_seconds
        if beat.stopped and age <= patience:
            return None
        if beat.stopped:
            text = f"{name} was stopped {span(age)} ago and is not back (limit {span(patience)}): start it, or take it"
            return Reason("stopped", f"{text} out of the Procfile and restart health")
        text = f"{name} is silent: last heard {span(age)} ago (limit {span(self._silent)})"
        advice = "it died, hangs or cannot reach the broker; `learning up` restarts what died, else look at its log"
        return Reason("silent", f"{text}; {advice}", HealthState.CRITICAL)

    def _never(self, name: str, waited: float) -> Reason:
        patience = self._settings.health_start_seconds
        if waited <= patience:
            text = f"{name} was not heard yet, {span(waited)} after health began to look (a start may take"
            return Reason("starting", f"{text} {span(patience)})")
        text = f"{name} was never heard in the {span(waited)} since health began to look (limit {span(patience)})"
        advice = "the Procfile declares it: start it, or look at its log for why it does not start"
        return Reason("silent", f"{text}; {advice}", HealthState.CRITICAL)

    def _troubles(self, name: str, living: list[Heard]) -> Iterator[Reason]:
        limit = self._settings.health_turn_seconds
        for one in living:
            if one.beat.state is not HealthState.HEALTHY:
                for reason in one.beat.reasons or ["it does not say why"]:
                    yield Reason("says", f"{name} says: {reason}", one.beat.state)
            if abs(one.ahead) >= self._settings.health_clock_seconds:
                text = f"the clock of {name} is {span(abs(one.ahead))} {'ahead of' if one.ahead > 0 else 'behind'}"
                limit_of_clock = span(self._settings.health_clock_seconds)
                yield Reason("clock", f"{text} the broker's (limit {limit_of_clock}); set both by NTP")
            since = one.beat.turn_since
            seconds = 0.0 if since is None else (one.beat.at - since) / 1e6
            if (state := graded(seconds, limit=limit, critical=10 * limit)) is not HealthState.HEALTHY:
                text = f"{name} has been in one turn for {span(seconds)} (limit {span(limit)})"
                yield Reason("turn", f"{text}; if its log shows no progress, restart it: the turn is repeated", state)


def _heard(found: Mapping[str, Word], part: str) -> list[Heard]:
    heard = []
    for name, word in found.items():
        if name.partition(":")[0] == part:
            try:
                beat = msgspec.json.decode(word.body, type=Beat)
            except msgspec.DecodeError:
                reasons = ["its heartbeat cannot be read"]
                beat = Beat(at=word.said_at, lasts=0.0, state=HealthState.DEGRADED, reasons=reasons)
            age = max(0.0, beat.lasts - word.left_ms / 1000)
            heard.append(Heard(beat, age, (beat.at - word.said_at) / 1e6))
    return heard
