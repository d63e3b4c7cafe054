"""What a run must show for the loop to count as closed, and the line that says that it did."""

import hashlib
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from examples.demo.outcome import Outcome, number
from schemas.version import Version

FULL_SESSIONS = 500
ALERTS_A_SESSION = 2
VERSIONS = 20
ACKNOWLEDGED = 0.9


class Goal(NamedTuple):
    """One thing that a run must show, and what it showed."""

    name: str
    wanted: str
    shown: str
    met: bool


def goals(outcome: Outcome, *, sessions: int) -> list[Goal]:
    """Everything that must hold after a run of ``sessions`` sessions; alerts and versions shrink with a short one."""
    done, alerts = len(outcome.sessions), ALERTS_A_SESSION * sessions
    versions = min(VERSIONS, sessions // 2)
    told = len(outcome.versions)
    acknowledged = len(outcome.latencies) / told if told else 0.0
    return [
        Goal("sessions", f"at least {sessions}", f"{done:,}", done >= sessions),
        Goal("alerts", f"at least {alerts:,}", f"{outcome.alerts:,}", outcome.alerts >= alerts),
        Goal("versions", f"at least {versions}", f"{told:,}", told >= versions),
        Goal("acknowledged", f"at least {ACKNOWLEDGED:.0%}", f"{acknowledged:.1%}", acknowledged >= ACKNOWLEDGED),
        Goal("alerts with later versions", "some", f"{outcome.learned_alerts:,}", outcome.learned_alerts > 0),
    ]


def last_line(outcome: Outcome) -> str:
    """The line that ends a run."""
    return (
        f"loop closed: {outcome.alerts} alerts -> {outcome.joined} examples -> {len(outcome.versions)} versions -> "
        f"applied by trading, median {median_ms(outcome):.1f} ms"
    )


def median_ms(outcome: Outcome) -> float:
    """The median over versions of the time from stream to trading, in milliseconds; 0 where there is none."""
    return statistics.median(outcome.latencies.values()) if outcome.latencies else 0.0


def combined_checksum(versions: Sequence[Version]) -> str:
    """One checksum of all checksums, in the order of the versions."""
    return hashlib.sha256("".join(version.checksum for version in versions).encode()).hexdigest()


class Plant(NamedTuple):
    """How near a planted best value was come to."""

    name: str
    best: float
    default: float
    found: float
    told: str


def plants(outcome: Outcome, defaults: Mapping[str, float]) -> list[Plant]:
    """Whether each planted best value was found: reached, neared, or not."""
    found = []
    for name, best in outcome.planted.items():
        last = number(outcome.versions[-1].values[name])
        gap, start = abs(last - best), abs(defaults[name] - best)
        told = "found" if gap < 1e-9 else f"neared, {1 - gap / start:.0%} of the way" if gap < start else "not found"
        found.append(Plant(name, best, defaults[name], last, told))
    return found
