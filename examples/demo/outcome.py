"""What a run of the demo left behind, gathered for judging and showing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from examples.demo.judge import Judgement
from learning.counted import Counted
from schemas.allocation import Arm, Value
from schemas.version import Version
from store.audit import Moved


class Standing(NamedTuple):
    """What is believed in the end of one arm's difference to the baseline, in fractions of equity a unit.

    ``counted`` are the arm's units and what they are worth, ``control`` those of the baseline, ``met`` the sessions in
    which both had some. ``mean`` and ``sd`` are the Normal posterior, ``low``
    and ``high`` the interval that the gate looks at (None while there is none), ``best`` the probability of being the
    best of its allocation, ``share`` the last share, 0 to 1.
    """

    arm: str
    counted: Counted
    control: Counted
    met: int
    mean: float
    sd: float
    low: float | None
    high: float | None
    best: float
    share: float


class Said(NamedTuple):
    """What a learner said last, of which session, and why it wants something changed or not."""

    by: str
    session: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Everything that a run left in the store and in the streams.

    ``events`` counts stream entries by type, ``examples`` rows by (horizon, origin, state), ``proposals`` by
    (kind, state).
    ``latencies`` are milliseconds from the entry of ``params.updated`` to its application in trading, by version.
    """

    sessions: Sequence[str]
    events: Mapping[str, int]
    examples: Mapping[tuple[str, str, str], int]
    versions: Sequence[Version]
    latencies: Mapping[str, float]
    proposals: Mapping[tuple[str, str], int]
    moves: Sequence[Moved]
    standings: Sequence[Standing]
    said: Sequence[Said]
    learned_alerts: int
    judgement: Judgement
    seconds: float
    planted: Mapping[str, float] = field(default_factory=dict)

    @property
    def alerts(self) -> int:
        """How many alerts were raised."""
        return self.events.get("alert.raised", 0)

    @property
    def joined(self) -> int:
        """How many examples have their outcome."""
        return sum(count for (_, _, state), count in self.examples.items() if state == "matched")


def label(arm: Arm, baseline: Mapping[str, Value]) -> str:
    """An arm by what it does to the baseline, such as ``take_profit +0.02``: its name stays as that moves."""
    moved = {
        name.removeprefix("weight.").removeprefix("exit."): number(value) - number(baseline[name])
        for name, value in arm.values.items()
        if value != baseline[name]
    }
    return ", ".join(f"{name} {by:+.3g}" for name, by in sorted(moved.items())) or "baseline"


def number(value: Value) -> float:
    """A value of the demo's strategy, all of which are numbers."""
    assert isinstance(value, int | float)
    return float(value)
