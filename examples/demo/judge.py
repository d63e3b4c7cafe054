"""Were the learned values better than the defaults? Each session judged by what was in force before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from examples.demo.bars import Bars
from examples.demo.planted import bonus
from examples.scanner import BOUNDS, SIZE, Bar, Exit, Position, score
from learning.bootstrap import MeanInterval, mean_interval

LONGEST = round(BOUNDS["exit.max_hold"][1])
"""Sessions after which every position is closed, whatever the values."""


class Candidate(NamedTuple):
    """What the scanner found in one session, with the features that it told."""

    session: str
    symbol: str
    features: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Judgement:
    """P&L of each session's decisions, as fractions of equity.

    ``learned`` is on the values in force, ``default`` on the defaults, ``traded`` what trading reported: on the
    values in force, and on those that were tried beside them.
    """

    sessions: Sequence[str]
    learned: NDArray[np.float64]
    default: NDArray[np.float64]
    traded: NDArray[np.float64]
    seed: int

    @property
    def interval(self) -> MeanInterval | None:
        """The mean difference a session that learned values made, None where there are too few sessions."""
        return mean_interval(self.learned - self.default, generator=np.random.default_rng(self.seed))

    @property
    def verdict(self) -> str:
        """One plain sentence on the learned values."""
        if self.interval is not None and not (self.learned != self.default).any():
            return (
                "Learned against default values: not distinguishable from no effect, because in "
                f"{len(self.sessions):,} sessions no value that was learned decided otherwise than the default."
            )
        return f"Learned against default values: {self._told(self.interval)}."

    @property
    def verdict_as_traded(self) -> str:
        """One plain sentence on what was traded, exploration included: a figure of this run, and no finding."""
        found = mean_interval(self.traded - self.default, generator=np.random.default_rng(self.seed))
        told = f"{self._figures(found)}; one look at one run"
        return f"As traded, with the units that tried other values, against default values: {told}."

    def _told(self, found: MeanInterval | None) -> str:
        figures = self._figures(found)
        if found is None:
            return figures
        if not found.distinguishable:
            return f"not distinguishable from no effect ({figures})"
        return f"{'better' if found.mean > 0 else 'worse'}, {figures}"

    def _figures(self, found: MeanInterval | None) -> str:
        if found is None:
            return f"{len(self.sessions):,} sessions are too few to tell"
        return (
            f"{1e4 * found.mean:+.2f} bp of equity a session over {len(self.sessions):,} sessions, "
            f"95 % interval {1e4 * found.low:+.2f} to {1e4 * found.high:+.2f}"
        )


def judge(
    candidates: Sequence[Candidate],
    bars: Bars,
    *,
    in_force: Mapping[str, Mapping[str, float]],
    defaults: Mapping[str, float],
    traded: Mapping[str, float],
    best: Mapping[str, float],
    seed: int,
) -> Judgement:
    """Decide and hold every candidate again, on the values in force before its session and on ``defaults``.

    ``in_force`` gives the values by session, ``traded`` what trading earned. Sessions so late that a position could
    still be open are left out on all sides alike. ``best`` are the planted values of a demonstration.
    """
    ripe = bars.sessions[:-LONGEST]
    later = _Later(bars)
    learned, default = dict.fromkeys(ripe, 0.0), dict.fromkeys(ripe, 0.0)
    for candidate in candidates:
        if candidate.session not in learned:
            continue
        coming = later.bars(candidate)
        learned[candidate.session] += unit_pnl(candidate, in_force[candidate.session], coming, best=best)
        default[candidate.session] += unit_pnl(candidate, defaults, coming, best=best)
    ours, theirs = np.array(list(learned.values())), np.array(list(default.values()))
    return Judgement(ripe, ours, theirs, np.array([traded.get(session, 0.0) for session in ripe]), seed)


def unit_pnl(
    candidate: Candidate, values: Mapping[str, float], coming: Sequence[Bar], *, best: Mapping[str, float]
) -> float:
    """What one candidate earns, as a fraction of equity; 0 when it is not bought or its bars end before it does."""
    if score(candidate.features, values) < values["threshold.score"] or not coming:
        return 0.0
    position = Position.opened(coming[0].open, values)
    for bar in coming:
        after = position.after(bar)
        if isinstance(after, Exit):
            return SIZE * (after.net + bonus(values, best))
        position = after
    return 0.0


class _Later:
    """The bars that follow a candidate, by symbol."""

    def __init__(self, bars: Bars) -> None:
        self._bars: dict[str, list[Bar]] = {}
        for bar in (bar for session in bars.by_session.values() for bar in session):
            self._bars.setdefault(bar.symbol, []).append(bar)
        self._place = {symbol: {bar.date: place for place, bar in enumerate(own)} for symbol, own in self._bars.items()}

    def bars(self, candidate: Candidate) -> Sequence[Bar]:
        place = self._place[candidate.symbol][candidate.session] + 1
        return self._bars[candidate.symbol][place : place + LONGEST]
