"""The weekly cycle of one strategy."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from scheduler.history import Reach, read_history
from scheduler.refit import Learned
from scheduler.run import CycleRun, Findings, Grounds, in_force
from scheduler.weekly import GIVEN, KIND, NO_VERSION, STAGES, Conclusions, told
from schemas.allocation import arm_key
from schemas.reports import StageReport
from store.sessions import Sessions, Settled
from store.versions import Versions


class WeeklyRun(CycleRun):
    """Lets the registry's learners look back, beside the version that was in force when the session settled."""

    kind = KIND
    given = GIVEN
    all_stages = STAGES

    def _gather(self, session: str, settled: Settled | None) -> dict[str, Any]:
        """What the stages start from; without a settled session there is nothing but the newest version."""
        seen = (settled.settled_at, settled.cut, settled.pending) if settled else (0, 0, {})
        with self._store.read() as reading:
            return {
                "registry": self._registry,
                "session": session,
                "version": in_force(Versions(reading), self._registry.strategy, settled),
                "histories": {
                    learner.id: read_history(reading, self._registry, learner, Reach(session, *seen))
                    for learner in self._registry.learners
                },
                "passed": self._passed(Sessions(reading), session, seen[1]),
            }

    def _passed(self, settled: Sessions, session: str, cut: int) -> dict[str, int]:
        """How many whole windows of each learner there were since the first session that was settled."""
        first = settled.earliest(self._registry.strategy, cut=cut) or session
        # Facts outlive registries: a date that is no session of a new calendar counts as the next one.
        lived = self._calendar.place(session) - bisect_left(self._calendar.sessions, first)
        return {learner.id: lived // learner.sessions for learner in self._registry.learners}

    def _findings(self, facts: Mapping[str, Any], reports: Sequence[StageReport]) -> Findings:
        conclusions: Conclusions = facts["conclusions"]
        lines = [f"{report.name}: {report.summary}" for report in reports[-1:]]
        if facts["version"] is None:
            lines.append(NO_VERSION)
        return Findings(
            conclusions.proposals,
            {identity: _grounds(one) for identity, one in conclusions.evidence.items()},
            "\n".join([*lines, *map(told, conclusions.learned)]),
            {name: number for one in conclusions.learned for name, number in _figures(one).items()},
        )


def _grounds(one: Learned) -> Grounds:
    assert one.evidence is not None
    return Grounds(f"learner/{one.learner.id}", {arm_key(one.evidence.proposed): one.evidence})


def _figures(one: Learned) -> dict[str, float]:
    """What was judged of a learner, as far as it is known."""
    if one.evidence is None:
        return {}
    names = ("tried", "folds", "sessions", "units", "mean", "low", "high", "probability", "confidence", "step_mean")
    found = {f"{one.learner.id}.{name}": getattr(one.evidence, name) for name in names}
    return {name: float(number) for name, number in found.items() if number is not None}
