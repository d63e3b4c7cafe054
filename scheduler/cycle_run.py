"""One run of the daily cycle: read up to the cut, run the stages, write everything in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import structlog

from events.codec import encode
from learning.shares import probability_best
from scheduler.belief import Belief
from scheduler.comparison import Comparison
from scheduler.cycle import Cycle, in_order
from scheduler.daily import GIVEN, KIND, STAGES, Proposals
from scheduler.regime import regime_of
from scheduler.standing import read_standing
from scheduler.windows import read_windows
from schemas.calendar import Calendar
from schemas.errors import EngineError
from schemas.event import Envelope
from schemas.parameters import Registry
from schemas.params import ParamsProposed
from schemas.reports import CycleCompleted, StageReport
from schemas.version import Version, VersionNumber
from store.cycles import Cycles
from store.evidence import EvidenceRows
from store.outbox import Outbox
from store.sessions import Sessions, Settled
from store.statistics import statistics_at, unapplied
from store.store import Store
from store.versions import Versions
from store.work import Work

log = structlog.get_logger()

OWNER = "cycles"
"""Who the letters of cycles belong to in the outbox."""


class CycleNotReady(EngineError):
    """The session is not settled, or statistics have not taken in all of its examples yet."""


class DailyRun:
    """Runs the daily cycle of one strategy for one settled session, once.

    It reads nothing beyond the session's cut, and compares the arms of the version that was in force then, so the same
    run later, or on a replay, gives the same proposals. A run that is already in the books is not run again.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        *,
        stages: Sequence[str] | None,
        clock: Callable[[], int],
        timer: Callable[[], float],
        pause: Callable[[float], None],
        patience: float = 30.0,
    ) -> None:
        self._store = store
        self._registry = registry
        self._calendar = Calendar.named(registry.market.calendar)
        self._cycle = Cycle(KIND, in_order(STAGES, stages), given=GIVEN)
        self._clock = clock
        self._timer = timer
        self._pause = pause
        self._patience = patience

    def run(self, session: str) -> bool:
        """Run the cycle of ``session``; whether there was anything to do.

        Raises:
            CycleNotReady: the session is not settled, or its examples are not all counted within the patience.
        """
        strategy = self._registry.strategy
        with self._store.read() as reading:
            if Cycles(reading).finished(strategy, KIND, session) is not None:
                return False
            settled = Sessions(reading).get(strategy, session)
        if settled is None:
            raise CycleNotReady(
                f"session {session} of strategy {strategy!r} is not settled yet; its cycle runs when it is"
            )
        self._await_statistics(settled.cut)
        began = self._clock()
        gathered = self._gather(session, settled)
        facts, reports = self._cycle.run(gathered, timer=self._timer)
        for done in reports:
            log.info("stage.done", stage=done.name, seconds=round(done.seconds, 4), summary=done.summary)
        return self._write(facts, reports, cut=settled.cut, began=began)

    def rehearse(self) -> None:
        """Read what a run reads and compute what it computes, for a day before any session, and write nothing.

        A process that forks its runs does this first, so that queries are compiled and tables loaded once.
        """
        facts = self._gather(self._calendar.sessions[0], None)
        with self._store.read() as reading:
            Cycles(reading).finished(self._registry.strategy, KIND, facts["session"])
            Sessions(reading).get(self._registry.strategy, facts["session"])
        self._cycle.run(facts, timer=self._timer)
        probability_best(np.zeros(2), np.eye(2), seed=0)

    def _await_statistics(self, cut: int) -> None:
        deadline = self._timer() + self._patience
        pause = 0.001
        while left := self._backlog(cut):
            if self._timer() > deadline:
                raise CycleNotReady(
                    f"{left} examples up to sequence {cut} are not in the statistics; is `thompson` running?"
                )
            self._pause(pause)
            pause = min(2 * pause, 0.25)

    def _backlog(self, cut: int) -> int:
        with self._store.read() as reading:
            return unapplied(reading, strategy=self._registry.strategy, cut=cut)

    def _gather(self, session: str, settled: Settled | None) -> dict[str, Any]:
        """What the stages start from; without a settled session there is nothing but the newest version."""
        strategy = self._registry.strategy
        cut = settled.cut if settled else 0
        with self._store.read() as reading:
            version = _in_force(Versions(reading), strategy, settled)
            statistics = statistics_at(reading, strategy=strategy, cut=cut)
            return {
                "registry": self._registry,
                "session": session,
                "version": version,
                "statistics": statistics,
                "pending": settled.pending if settled else {},
                "windows": read_windows(reading, self._registry, version, cohorts=statistics, session=session, cut=cut),
                "regime": regime_of(reading, self._registry, session=session, cut=cut),
                "standing": read_standing(reading, self._registry, version, calendar=self._calendar, session=session),
            }

    def _write(self, facts: Mapping[str, Any], reports: Sequence[StageReport], *, cut: int, began: int) -> bool:
        session: str = facts["session"]
        proposals: Proposals = facts["proposals"]
        text = report(facts["comparisons"], facts["beliefs"], reports)
        completed = CycleCompleted(
            strategy=self._registry.strategy,
            cycle_id=f"{KIND}/{self._registry.strategy}/{session}",
            kind=KIND,
            session=session,
            cut=cut,
            proposals=[proposal.proposal_id for proposal in proposals.proposals],
            stages=list(reports),
            report=text,
        )
        with self._store.begin() as work:
            new = Cycles(work.connection).add(completed, started_at=began, finished_at=work.now)
            if not new:
                return False
            for identity, comparison in proposals.evidence.items():
                EvidenceRows(work.connection).add(
                    identity,
                    self._registry.strategy,
                    session=session,
                    cut=cut,
                    allocation=comparison.allocation.id,
                    arms=comparison.evidence,
                    now=work.now,
                )
            self._post(work, session, proposals.proposals, completed)
            work.commit()
        log.info("cycle.done", strategy=self._registry.strategy, kind=KIND, session=session, cut=cut, report=text)
        return True

    def _post(self, work: Work, session: str, proposals: Sequence[ParamsProposed], completed: CycleCompleted) -> None:
        """Put the letters into the outbox: what is proposed, and last that the cycle is done."""
        strategy = self._registry.strategy
        letters: list[tuple[str, Any]] = [(f"{strategy}/{proposal.proposal_id}", proposal) for proposal in proposals]
        letters.append((completed.cycle_id, completed))
        time = self._calendar.close_of(session)
        for identity, data in letters:
            envelope = Envelope(source=OWNER, id=identity, time=time, data=data)
            Outbox(work.connection).add(OWNER, data.type, encode(envelope), now=work.now)


def _in_force(versions: Versions, strategy: str, settled: Settled | None) -> Version | None:
    """The version that was in force when the session settled: what came since may not move what its cycle says."""
    if settled is None:
        return versions.latest(strategy)
    return versions.get(strategy, VersionNumber.parse(settled.version)) if settled.version else None


def report(comparisons: Sequence[Comparison], beliefs: Mapping[str, Belief], stages: Sequence[StageReport]) -> str:
    """What the cycle found, for a person: a line a stage, then what is believed of each arm and what the gate says."""
    lines = [f"{stage.name}: {stage.summary}" for stage in stages]
    for comparison in comparisons:
        name = comparison.allocation.id
        lines += [f"{name} believed on {comparison.counted} {told}" for told in beliefs[name].told()]
        lines += [f"{name} {arm}: {verdict.reason}" for arm, verdict in comparison.verdicts.items()]
    return "\n".join(lines)
