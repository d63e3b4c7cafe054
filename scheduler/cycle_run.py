"""The daily cycle of one strategy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from learning.shares import probability_best
from scheduler.belief import Belief
from scheduler.comparison import Comparison
from scheduler.crediting import read_crossed
from scheduler.daily import GIVEN, KIND, STAGES, Proposals
from scheduler.run import CycleRun, Findings, Grounds, in_force
from scheduler.standing import read_standing
from scheduler.windows import read_windows
from schemas.reports import StageReport
from store.regimes import regime_of
from store.sessions import Settled
from store.statistics import statistics_at
from store.versions import Versions


class DailyRun(CycleRun):
    """Compares the arms of the version that was in force when the session settled, moves shares, and proposes."""

    kind = KIND
    given = GIVEN
    all_stages = STAGES

    def rehearse(self) -> None:
        super().rehearse()
        probability_best(np.zeros(2), np.eye(2), seed=0)

    def _gather(self, session: str, settled: Settled | None) -> dict[str, Any]:
        """What the stages start from; without a settled session there is nothing but the newest version."""
        strategy = self._registry.strategy
        cut = settled.cut if settled else 0
        with self._store.read() as reading:
            version = in_force(Versions(reading), strategy, settled)
            statistics = statistics_at(reading, strategy=strategy, cut=cut)
            return {
                "registry": self._registry,
                "session": session,
                "version": version,
                "statistics": statistics,
                "pending": settled.pending if settled else {},
                "windows": read_windows(reading, self._registry, version, cohorts=statistics, session=session, cut=cut),
                "crossed": read_crossed(reading, self._registry, version, cut=cut),
                "regime": regime_of(reading, self._registry, session=session, cut=cut),
                "standing": read_standing(reading, self._registry, version, calendar=self._calendar, session=session),
            }

    def _findings(self, facts: Mapping[str, Any], reports: Sequence[StageReport]) -> Findings:
        proposals: Proposals = facts["proposals"]
        return Findings(
            proposals.proposals,
            {
                identity: Grounds(comparison.allocation.id, comparison.evidence)
                for identity, comparison in proposals.evidence.items()
            },
            report(facts["comparisons"], facts["beliefs"], reports),
        )


def report(comparisons: Sequence[Comparison], beliefs: Mapping[str, Belief], stages: Sequence[StageReport]) -> str:
    """What the cycle found, for a person: a line a stage, then what is believed of each arm and what the gate says."""
    lines = [f"{stage.name}: {stage.summary}" for stage in stages]
    for comparison in comparisons:
        name = comparison.allocation.id
        lines += [f"{name} believed on {comparison.counted} {told}" for told in beliefs[name].told()]
        lines += [f"{name} {arm}: {verdict.reason}" for arm, verdict in comparison.verdicts.items()]
    return "\n".join(lines)
