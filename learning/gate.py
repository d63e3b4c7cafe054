"""May a candidate replace the baseline? The figures, the rules, and a verdict in a sentence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from learning.confidence import anytime_p_value, boundary, information_to_find, tightest_at
from learning.counted import Counted, compared
from learning.effects import arm_effects
from learning.rewards import RewardSum

POWER = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All figures that a judgement of one arm against the baseline stands on; plain numbers, fit for JSON.

    ``estimate`` is the pooled within-session difference (reward a unit), ``low`` and ``high`` its
    interval, valid at every look with error rate ``alpha``; ``confidence`` is 1 - p of the same sequence.
    ``information`` is the sum over sessions of n_a n_b / (n_a + n_b), ``sigma`` the standard deviation of
    one unit as the comparison weighs the arms, ``effect`` the estimate in such standard deviations.
    Units count only in sessions where both arms had some. ``n_effective`` and ``baseline_effective`` say as how many
    independent ones of equal weight an arm's units count: Kish's number, times their average ``uniqueness`` (López de
    Prado 2018, chapter 4), where that is known. ``rho`` is the mixture's parameter in units of information.

    A figure that cannot be had yet is None: ``estimate`` while the arms never met, the others while rewards have
    shown no variance within an arm and session.
    """

    arm: str
    baseline: str
    units: int
    baseline_units: int
    sessions: int
    n_effective: float
    information: float
    alpha: float
    rho: float
    estimate: float | None = None
    sigma: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    uniqueness: float | None = None
    baseline_effective: float | None = None
    baseline_uniqueness: float | None = None

    @property
    def counted(self) -> str:
        """The units of both arms, how much they are worth, and in how many sessions they met."""
        candidate = Counted(self.units, self.n_effective, self.uniqueness)
        baseline = Counted(self.baseline_units, self.baseline_effective, self.baseline_uniqueness)
        return compared(candidate, baseline, sessions=self.sessions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The least evidence that the gate asks for: units in each arm, and sessions in which both had some."""

    minimum_units: int = 100
    minimum_sessions: int = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the baseline is replaced, and why, with the figures."""

    accepted: bool
    reason: str


def evidence_for(
    sessions: Sequence[Mapping[str, RewardSum]],
    *,
    arm: str,
    baseline: str,
    alpha: float,
    smallest_effect: float = 0.25,
    uniqueness: Mapping[str, float] | None = None,
) -> Evidence:
    """The figures for ``arm`` against ``baseline`` from all assignment sessions so far, the other arms left out.

    Hand in whole sessions, in the order of assignment, without age weights: the error rate is that of all looks
    together. Where several arms are judged side by side, divide alpha among them. The interval is
    made tightest where a difference of ``smallest_effect`` standard deviations is found in nine of ten cases; fix that
    before looking. ``uniqueness`` is the average one of each arm's units, as far as it is known: units are
    randomised one by one, so the difference is judged without it, and only the effective numbers tell it.
    """
    unique = uniqueness or {}
    effects = arm_effects(sessions, baseline=baseline, arms=[arm])
    information = float(effects.information[0, 0])
    rho = tightest_at(information_to_find(smallest_effect, alpha=alpha, power=POWER), alpha=alpha)
    estimate = effects.estimates.get(arm)
    sigma = None if effects.noise is None or not information else float((effects.noise[0, 0] / information) ** 0.5)
    figures: dict[str, float] = {}
    if estimate is not None and sigma:
        radius = sigma * boundary(information, alpha=alpha, rho=rho) / information
        p_value = anytime_p_value(estimate / sigma * information, information, rho=rho)
        figures = {"low": estimate - radius, "high": estimate + radius, "confidence": 1 - p_value}
        figures |= {"sigma": sigma, "effect": estimate / sigma}
    return Evidence(
        arm=arm,
        baseline=baseline,
        units=effects.n[arm],
        baseline_units=effects.n[baseline],
        sessions=effects.sessions[arm],
        n_effective=effects.effective[arm] * unique.get(arm, 1.0),
        information=information,
        alpha=alpha,
        rho=rho,
        estimate=estimate,
        uniqueness=unique.get(arm),
        baseline_effective=effects.effective[baseline] * unique.get(baseline, 1.0),
        baseline_uniqueness=unique.get(baseline),
        **figures,
    )


def judge(evidence: Evidence, rules: Rules) -> Verdict:
    """Accept an arm that has the least evidence and whose interval lies above 0. Anything missing means stay."""
    if less := lacking(_wanted(evidence, rules)):
        return Verdict(False, f"not enough evidence: {', '.join(less)}; on {evidence.counted}")
    if evidence.estimate is None or evidence.low is None or evidence.high is None:
        return Verdict(False, f"no interval: rewards have not varied within an arm and session; on {evidence.counted}")
    figures = (
        f"on {evidence.counted} the within-session difference is {evidence.estimate:+.6f} a unit, "
        f"{1 - evidence.alpha:.4g} interval {evidence.low:+.6f} to {evidence.high:+.6f}"
    )
    if evidence.low > 0:
        return Verdict(True, f"better: {figures}, all above 0")
    if evidence.high < 0:
        return Verdict(False, f"worse: {figures}, all below 0")
    return Verdict(False, f"not distinguishable from no effect: {figures}, which includes 0")


def lacking(wanted: Iterable[tuple[int, int, str]]) -> list[str]:
    """What is less than the least, of (how many there are, the least, of what)."""
    return [f"{have:,} of {least:,} {what}" for have, least, what in wanted if have < least]


def _wanted(evidence: Evidence, rules: Rules) -> tuple[tuple[int, int, str], ...]:
    return (
        (evidence.units, rules.minimum_units, "units of the candidate"),
        (evidence.baseline_units, rules.minimum_units, "units of the baseline"),
        (evidence.sessions, rules.minimum_sessions, "sessions with both"),
    )
