"""How every part stands, and since when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from events.moments import moment
from schemas.reports import HealthReported, HealthState
from workers.checks.reading import Reading

GONE = "it is not there any more"


class Told(NamedTuple):
    """What is worth telling of a part: it ``changed``, or was told long ago. Times are int64 microseconds."""

    reported: HealthReported
    since: int
    at: int
    changed: bool


@dataclass
class _Part:
    """How one part stands. ``owner``: who looks at it; ``seen``: whether that one could, the last time."""

    reading: Reading
    owner: str
    since: int
    told_at: int
    seen: bool = True


class Standing:
    """Keeps for every part its state, and the beginning of it as long as it stays the same.

    A part is told when its state or the set of its troubles changes, not when figures in them do, and again every
    ``repeat_us``. A part that its owner does not find any more is told once as healthy and forgotten; one that its
    owner cannot look at keeps what it was, and is not shown.

    Args:
        known: how parts were before a restart, and since when; a part that is found in the same state keeps that.
    """

    def __init__(self, known: Mapping[str, tuple[HealthState, int]], *, repeat_us: int) -> None:
        self._known = dict(known)
        self._repeat_us = repeat_us
        self._parts: dict[str, _Part] = {}

    def take(self, owner: str, readings: Sequence[Reading], *, whole: bool, now: int) -> list[Told]:
        """Take in what ``owner`` found, and say what is worth telling.

        Args:
            whole: whether that is everything it looks after; else its other parts become unknown.
        """
        found = {reading.part for reading in readings}
        told = [one for reading in readings if (one := self._take(owner, reading, now))]
        for name in [name for name, part in self._parts.items() if part.owner == owner and name not in found]:
            if whole:
                told.append(self._forget(name, now))
            else:
                self._parts[name].seen = False
        return told

    @property
    def shown(self) -> Mapping[str, Reading]:
        """What was found of each part that could be looked at."""
        return {name: part.reading for name, part in sorted(self._parts.items()) if part.seen}

    def owned(self, owner: str) -> set[str]:
        """The parts that ``owner`` looks after."""
        return {name for name, part in self._parts.items() if part.owner == owner}

    def since(self, name: str) -> int:
        """Since when a part is in its state."""
        return self._parts[name].since

    def reported(self) -> list[HealthReported]:
        """How each part stands that could be looked at."""
        return [_reported(reading, self.since(name)) for name, reading in self.shown.items()]

    def _take(self, owner: str, reading: Reading, now: int) -> Told | None:
        part = self._parts.get(reading.part)
        if part is None:
            state, since = self._known.pop(reading.part, (None, now))
            self._parts[reading.part] = _Part(reading, owner, since if state is reading.state else now, now)
            return self._tell(reading.part, now, changed=True)
        same = part.reading.codes == reading.codes
        if part.reading.state is not reading.state:
            part.since = now
        part.reading, part.owner, part.seen = reading, owner, True
        if same and now - part.told_at < self._repeat_us:
            return None
        return self._tell(reading.part, now, changed=not same)

    def _tell(self, name: str, now: int, *, changed: bool) -> Told:
        part = self._parts[name]
        part.told_at = now
        return Told(_reported(part.reading, part.since), part.since, now, changed)

    def _forget(self, name: str, now: int) -> Told:
        del self._parts[name]
        gone = HealthReported(part=name, state=HealthState.HEALTHY, reasons=[GONE], since=moment(now))
        return Told(gone, now, now, True)


def _reported(reading: Reading, since: int) -> HealthReported:
    return HealthReported(
        part=reading.part,
        state=reading.state,
        reasons=reading.texts,
        since=moment(since),
        counts=dict(reading.counts),
    )
