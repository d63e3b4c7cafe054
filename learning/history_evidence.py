"""May values that were learned from history replace those in force? The figures, and a verdict in a sentence."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from learning.gate import Rules, Verdict, lacking


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvidence:
    """All figures that a judgement of learned values stands on; plain numbers, fit for JSON.

    ``incumbent`` and ``beside`` are the values in force that it was judged by: those that may move, and those that
    were only read, as the threshold is where weights are judged. ``chosen`` is what all of history chose, ``proposed``
    the first step of the way there that the daily budget allows. ``mean`` is by how much choosing so beat the incumbent
    a session, out of fold, in ``measure``; ``low`` and ``high`` its interval, each end of which errs with
    ``error_rate``; ``probability`` that of a mean above 0, by this one look; ``confidence`` is 1 - p at all looks of
    one window, and what the gate asks for, since every week looks again; ``error_rate`` is this window's part of the
    learner's. ``step_mean`` is the mean of going only the first step each time. ``sessions`` and ``units``
    count what was judged, ``effective_sessions`` as how many independent ones the sessions count. ``tried`` counts
    candidates other than the incumbent, ``choices`` are those of the ``folds``.

    A figure that cannot be had is None: all of them below 20 sessions, the mean without any.
    """

    learner: str
    measure: str
    incumbent: dict[str, float]
    chosen: dict[str, float]
    proposed: dict[str, float]
    choices: list[dict[str, float]]
    tried: int
    folds: int
    sessions: int
    units: int
    error_rate: float
    beside: dict[str, float] = field(default_factory=dict)
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    probability: float | None = None
    confidence: float | None = None
    effective_sessions: float | None = None
    step_mean: float | None = None

    @property
    def per_unit(self) -> tuple[float, float, float] | None:
        """Mean, low and high for one unit, where they are known."""
        if self.mean is None or self.low is None or self.high is None or not self.units:
            return None
        by = self.sessions / self.units
        return self.mean * by, self.low * by, self.high * by

    @property
    def counted(self) -> str:
        """What was judged, and how much it is worth."""
        worth = "" if self.effective_sessions is None else f" (worth {self.effective_sessions:.0f})"
        return f"{self.units:,} units in {self.sessions} sessions{worth}, {self.folds} folds, {self.tried} tried"

    @property
    def figures(self) -> str:
        """The mean a session with its interval and its probability, as far as they are known."""
        if self.mean is None:
            return "nothing was judged out of fold"
        if self.low is None or self.high is None or self.probability is None or self.confidence is None:
            return f"{self.mean:+.6f} {self.measure} a session, too few sessions for an interval"
        return (
            f"{self.mean:+.6f} [{self.low:+.6f}, {self.high:+.6f}] {self.measure} a session, "
            f"better with probability {self.probability:.3f}, at every look {self.confidence:.3f}"
        )


def judge_history(evidence: HistoryEvidence, rules: Rules, *, alpha: float) -> Verdict:
    """Whether ``evidence`` lets the proposed values in: enough was judged, and better at an error rate up to ``alpha``.

    Not enough, or not sure, means stay.
    """
    against = next(_objections(evidence, rules, alpha), None)
    if against is not None:
        return Verdict(False, against)
    return Verdict(True, f"better out of fold: {evidence.figures}; {evidence.counted}")


def _objections(evidence: HistoryEvidence, rules: Rules, alpha: float) -> Iterator[str]:
    told = f"{evidence.figures}; {evidence.counted}"
    wanted = (
        (evidence.sessions, rules.minimum_sessions, "sessions"),
        (evidence.units, rules.minimum_units, "units"),
    )
    if less := lacking(wanted):
        yield f"too little was judged out of fold: {', '.join(less)}"
    if evidence.error_rate > alpha:
        yield f"it was judged at an error rate of {evidence.error_rate:g}; the gate allows {alpha:g}"
    if evidence.chosen == evidence.incumbent:
        yield f"nothing tried was better than what is in force; {told}"
    sure = evidence.confidence is not None and evidence.confidence >= 1 - evidence.error_rate
    if not sure or evidence.low is None or evidence.low <= 0:
        yield f"not distinguishable from no effect: {told}"
    if evidence.proposed == evidence.incumbent:
        yield f"the way there is shorter than a step of the values; {told}"
    if evidence.step_mean is None or evidence.step_mean <= 0:
        yield f"better at the end of the way, but its first step lost out of fold: {told}"
