"""Findings, as insights that a person can read and a program can use."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from msgspec import structs

from learning.best_threshold import BestThreshold
from schemas.parameters import Registry
from schemas.reports import InsightPublished
from store.examples import LONGEST_ID
from store.insights import InsightRun
from workers.insight.findings import FeatureFinding, Findings, PatternFinding
from workers.insight.weights import WeightFinding

CORRELATION, THRESHOLD, WEIGHT, PATTERN = "correlation", "threshold", "weight", "pattern"


class Insight(NamedTuple):
    """What is published, its kind, and the finding that it is made of."""

    kind: str
    published: InsightPublished
    figures: Any


class Wording:
    """Says what was found in one session."""

    def __init__(self, run: InsightRun, registry: Registry, findings: Findings) -> None:
        self._run = run
        self._rules = registry.patterns
        self._horizon = registry.market.primary_horizon
        self._findings = findings

    def insights(self, weights: Sequence[WeightFinding]) -> list[Insight]:
        """At most one a kind and subject; what could not be measured at all is not told."""
        return [*self._of_features(), *self._of_patterns(), *map(self._weight, weights)]

    def _of_features(self) -> Iterator[Insight]:
        for one in self._findings.features:
            if one.correlation.spearman is not None:
                yield self._correlation(one)
            if one.threshold.threshold is not None and one.threshold.out_of_fold is not None:
                yield self._threshold(one, one.threshold)

    def _of_patterns(self) -> Iterator[Insight]:
        found = self._findings.patterns
        if len(found) > 1:
            yield self._pattern("best", found[0])
            yield self._pattern("worst", found[-1])

    def _correlation(self, one: FeatureFinding) -> Insight:
        rank, line = one.correlation.spearman, one.correlation.pearson
        if rank is None or line is None:
            raise ValueError(f"{one.feature!r} has no correlation to tell of")
        text = (
            f"{one.feature} and the return after {self._horizon}: rank correlation {rank.value:+.3f} (95 %: "
            f"{rank.low:+.3f} to {rank.high:+.3f}), linear {line.value:+.3f} ({line.low:+.3f} to {line.high:+.3f}); "
            f"{self._cases(one.correlation.pairs, one.correlation.effective)}. "
            f"{self._verdict(one.adjusted_correlation)}"
        )
        made = self._made(CORRELATION, one.feature, text, p_adjusted=one.adjusted_correlation)
        worth = one.correlation.effective
        made = structs.replace(
            made,
            n=one.correlation.pairs,
            n_eff=worth,
            uniqueness=min(1.0, worth / one.correlation.pairs),
            estimate=rank.value,
            interval=(rank.low, rank.high),
        )
        return Insight(CORRELATION, made, one)

    def _threshold(self, one: FeatureFinding, best: BestThreshold) -> Insight:
        gain, error = best.out_of_fold or 0.0, best.standard_error or 0.0
        text = (
            f"Of {best.candidates:,} thresholds of {one.feature} the best was {best.threshold}: it keeps {best.kept:,} "
            f"of {best.n:,} alerts. On the alerts it was chosen on it gained {best.in_sample:+.2%} a trade, which is "
            f"too good by construction; chosen so on earlier sessions and judged on later ones, {gain:+.2%} (standard "
            f"error {error:.2%}). {self._verdict(one.adjusted_threshold)}"
        )
        made = self._made(THRESHOLD, one.feature, text, p_adjusted=one.adjusted_threshold)
        return Insight(THRESHOLD, structs.replace(made, n=best.n, estimate=gain), one)

    def _pattern(self, which: str, one: PatternFinding) -> Insight:
        others = "" if one.others is None else f", that of all other alerts {one.others:+.2%}"
        text = (
            f"The {which} of {len(self._findings.patterns)} patterns with at least {self._rules.cases} cases, by "
            f"average return: {one.signature}. It won {one.success:.1%} ({one.low:.1%} to {one.high:.1%}, which holds "
            f"for all these patterns at once); average return {one.average:+.2%}{others}; "
            f"{self._cases(one.n, one.effective)}. {self._verdict(one.adjusted)}"
        )
        made = self._made(PATTERN, which, text, p_adjusted=one.adjusted)
        made = structs.replace(
            made,
            n=one.n,
            n_eff=one.effective,
            uniqueness=min(1.0, one.effective / one.n),
            estimate=one.success,
            interval=(one.low, one.high),
        )
        return Insight(PATTERN, made, one)

    def _weight(self, one: WeightFinding) -> Insight:
        text = (
            f"{one.parameter} {one.old:.4g} → {one.suggested:.4g} is as far as a day may go towards what a regression "
            f"of the return after {self._horizon} on all features of its group suggests; without bounds and days that "
            f"is {one.low:.3g} to {one.high:.3g} (95 %). One standard deviation of {one.feature} adds "
            f"{one.slope:+.2%}, and that this is above 0 has probability {one.rising:.0%}; "
            f"{self._cases(one.n, one.effective)}. An opinion of one regression, and no test."
        )
        made = self._made(WEIGHT, one.parameter, text, p_adjusted=None)
        made = structs.replace(made, n=one.n, n_eff=one.effective, estimate=one.suggested, interval=(one.low, one.high))
        return Insight(WEIGHT, made, one)

    def _cases(self, n: int, effective: float) -> str:
        return f"{n:,} alerts of {self._rules.days} days count as {effective:,.1f} independent ones"

    def _verdict(self, adjusted: float | None) -> str:
        """The one place where anything is called significant."""
        if adjusted is None:
            return "Too few sessions to test it"
        among = f"p = {adjusted:.2g}, adjusted for all {self._findings.tested} tests of this session"
        if adjusted <= self._rules.alpha:
            return f"Significant: {among} (limit {self._rules.alpha:g})"
        return f"Not distinguishable from chance: {among}"

    def _made(self, kind: str, subject: str, text: str, *, p_adjusted: float | None) -> InsightPublished:
        identity = insight_id(kind, self._run.strategy, self._run.session, subject)
        return InsightPublished(
            strategy=self._run.strategy,
            insight_id=identity,
            subject=subject,
            text=text,
            session=self._run.session,
            evidence=identity,
            p_adjusted=p_adjusted,
            tested=None if p_adjusted is None else self._findings.tested,
        )


def insight_id(kind: str, strategy: str, session: str, subject: str) -> str:
    """What names an insight for ever: the same session and subject give the same."""
    name = f"{kind}/{strategy}/{session}/{subject}"
    return name if len(name) <= LONGEST_ID else sha256(name.encode()).hexdigest()
