"""What a sample says of features and patterns, with one adjustment for all that was tested on it."""

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct, structs

from learning.agreement import wilson
from learning.best_threshold import BestThreshold, best_threshold
from learning.blocks import block_p_value
from learning.correlation import Correlation, correlations
from learning.holm import holm
from learning.uniqueness import effective_n
from schemas.parameters import PatternRules
from workers.insight.sample import Floats, Sample


class FeatureFinding(Struct, frozen=True):
    """One feature. p-values are those of no effect, before and after the adjustment; None where nothing was tested."""

    feature: str
    correlation: Correlation
    threshold: BestThreshold
    p_correlation: float | None
    p_threshold: float | None
    adjusted_correlation: float | None = None
    adjusted_threshold: float | None = None


class PatternFinding(Struct, frozen=True):
    """One pattern with enough cases: ``success`` is the share that won, with an interval that holds for all patterns
    at once; ``others`` the average return of all other alerts."""

    signature: str
    n: int
    effective: float
    success: float
    low: float
    high: float
    average: float
    others: float | None
    p_value: float | None
    adjusted: float | None = None


class Findings(Struct, frozen=True):
    """All of a session. ``tested`` counts the tests among which the adjusted p-values hold; ``patterns`` are in the
    order of their average return."""

    alerts: int
    effective: float
    tested: int
    features: list[FeatureFinding]
    patterns: list[PatternFinding]


def find(sample: Sample, rules: PatternRules) -> Findings:
    """Measure every feature and every pattern with enough cases, and test all of them together (Holm)."""
    features = list(_features(sample))
    patterns = list(_patterns(sample, rules))
    raw = [one.p_correlation for one in features] + [one.p_threshold for one in features]
    raw += [one.p_value for one in patterns]
    adjusted = iter(_adjusted(raw))
    by_correlation = [next(adjusted) for _ in features]
    by_threshold = [next(adjusted) for _ in features]
    return Findings(
        alerts=len(sample.outcomes),
        effective=effective_n(sample.uniqueness),
        tested=sum(one is not None for one in raw),
        features=[
            structs.replace(one, adjusted_correlation=correlated, adjusted_threshold=cut)
            for one, correlated, cut in zip(features, by_correlation, by_threshold, strict=True)
        ],
        patterns=sorted(
            (structs.replace(one, adjusted=next(adjusted)) for one in patterns),
            key=lambda one: (one.average, one.signature),
            reverse=True,
        ),
    )


def _features(sample: Sample) -> Iterator[FeatureFinding]:
    found = correlations(sample.names, sample.features, sample.outcomes, uniqueness=sample.uniqueness)
    for one, column in zip(found, sample.features.T, strict=True):
        threshold = best_threshold(column, sample.outcomes, sessions=sample.sessions, ends=sample.ends)
        apart = None if one.spearman is None else _tested(column, sample)
        p_value = None if apart is None or one.spearman is None else max(apart, one.spearman.p_value)
        yield FeatureFinding(one.feature, one, threshold, p_value, threshold.p_value)


def _tested(column: Floats, sample: Sample) -> float | None:
    """Blocks of twice the longest window: what one of them shares is not taken for evidence."""
    return block_p_value(column, sample.outcomes, sessions=sample.sessions, length=max(1, 2 * sample.longest))


def _patterns(sample: Sample, rules: PatternRules) -> Iterator[PatternFinding]:
    signatures = np.array([one or "" for one in sample.signatures])
    names, counts = np.unique(signatures[signatures != ""], return_counts=True)
    enough = names[counts >= rules.cases].tolist()
    for signature in enough:
        member = signatures == signature
        effective = effective_n(sample.uniqueness[member])
        success = float(sample.wins[member].mean())
        low, high = wilson(success, effective, confidence=1 - rules.alpha / len(enough))
        rest = sample.outcomes[~member]
        yield PatternFinding(
            signature=signature,
            n=int(member.sum()),
            effective=effective,
            success=success,
            low=low,
            high=high,
            average=float(sample.outcomes[member].mean()),
            others=float(rest.mean()) if len(rest) else None,
            p_value=_apart(member.astype(np.float64), sample),
        )


def _apart(member: Floats, sample: Sample) -> float | None:
    """Whether the returns of a pattern's alerts differ from the others': its membership tested as a feature is."""
    [one] = correlations(["member"], member[:, None], sample.outcomes, uniqueness=sample.uniqueness)
    apart = None if one.spearman is None else _tested(member, sample)
    return None if apart is None or one.spearman is None else max(apart, one.spearman.p_value)


def _adjusted(raw: Sequence[float | None]) -> list[float | None]:
    known = iter(holm([one for one in raw if one is not None]).tolist())
    return [None if one is None else next(known) for one in raw]
