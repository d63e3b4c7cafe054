"""One run of a cycle: read up to the cut, run the stages, write everything in one transaction."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import structlog

from events.codec import encode
from scheduler.cycle import Cycle, in_order
from scheduler.stage import Stage
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
from store.statistics import unapplied
from store.store import Store
from store.versions import Versions
from store.work import Work

log = structlog.get_logger()

OWNER = "cycles"
"""Who the letters of cycles belong to in the outbox."""


class CycleNotReady(EngineError):
    """The session is not settled, or statistics have not taken in all of its examples yet."""


class Grounds(NamedTuple):
    """What proposals stand on: figures by arm key, of one allocation, or of one learner."""

    allocation: str
    arms: Mapping[str, object]


class Findings(NamedTuple):
    """What a run has to say: its proposals, the evidence by its id, a report for people and figures for machines."""

    proposals: Sequence[ParamsProposed]
    evidence: Mapping[str, Grounds]
    report: str
    figures: Mapping[str, float] = {}


class CycleRun(ABC):
    """Runs one kind of cycle of one strategy for one settled session, once.

    It reads nothing beyond the session's cut, so the same run later, or on a replay, gives the same proposals. A run
    that is already in the books is not run again. A kind says what its stages are, what they start from, and what is
    found.
    """

    kind: ClassVar[str]
    given: ClassVar[Sequence[str]]
    all_stages: ClassVar[Mapping[str, Stage]]

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
        self._cycle = Cycle(self.kind, in_order(self.all_stages, stages), given=self.given)
        self._clock = clock
        self._timer = timer
        self._pause = pause
        self._patience = patience

    @abstractmethod
    def _gather(self, session: str, settled: Settled | None) -> dict[str, Any]:
        """What the stages start from; without a settled session there is nothing but the newest version."""

    @abstractmethod
    def _findings(self, facts: Mapping[str, Any], reports: Sequence[StageReport]) -> Findings:
        """What the run has to say, from all of its facts."""

    def run(self, session: str) -> bool:
        """Run the cycle of ``session``; whether there was anything to do.

        Raises:
            CycleNotReady: the session is not settled, or its examples are not all counted within the patience.
        """
        strategy = self._registry.strategy
        with self._store.read() as reading:
            if Cycles(reading).finished(strategy, self.kind, session) is not None:
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
        return self._write(session, self._findings(facts, reports), reports, cut=settled.cut, began=began)

    def rehearse(self) -> None:
        """Read what a run reads and compute what it computes, for a day before any session, and write nothing.

        A process that forks its runs does this first, so that queries are compiled and tables loaded once.
        """
        facts = self._gather(self._calendar.sessions[0], None)
        with self._store.read() as reading:
            Cycles(reading).finished(self._registry.strategy, self.kind, facts["session"])
            Sessions(reading).get(self._registry.strategy, facts["session"])
        self._cycle.run(facts, timer=self._timer)

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

    def _write(self, session: str, found: Findings, reports: Sequence[StageReport], *, cut: int, began: int) -> bool:
        completed = CycleCompleted(
            strategy=self._registry.strategy,
            cycle_id=f"{self.kind}/{self._registry.strategy}/{session}",
            kind=self.kind,
            session=session,
            cut=cut,
            proposals=[proposal.proposal_id for proposal in found.proposals],
            stages=list(reports),
            report=found.report,
            figures=dict(found.figures),
        )
        with self._store.begin() as work:
            new = Cycles(work.connection).add(completed, started_at=began, finished_at=work.now)
            if not new:
                return False
            for identity, grounds in found.evidence.items():
                EvidenceRows(work.connection).add(
                    identity,
                    self._registry.strategy,
                    session=session,
                    cut=cut,
                    allocation=grounds.allocation,
                    arms=grounds.arms,
                    now=work.now,
                )
            self._post(work, found.proposals, completed)
            work.commit()
        log.info(
            "cycle.done", strategy=completed.strategy, kind=self.kind, session=session, cut=cut, report=found.report
        )
        return True

    def _post(self, work: Work, proposals: Sequence[ParamsProposed], completed: CycleCompleted) -> None:
        """Put the letters into the outbox: what is proposed, and last that the cycle is done."""
        strategy = self._registry.strategy
        letters: list[tuple[str, Any]] = [(f"{strategy}/{proposal.proposal_id}", proposal) for proposal in proposals]
        letters.append((completed.cycle_id, completed))
        time = self._calendar.close_of(completed.session)
        for identity, data in letters:
            envelope = Envelope(source=OWNER, id=identity, time=time, data=data)
            Outbox(work.connection).add(OWNER, data.type, encode(envelope), now=work.now)


def in_force(versions: Versions, strategy: str, settled: Settled | None) -> Version | None:
    """The version that was in force when the session settled: what came since may not move what its cycle says."""
    if settled is None:
        return versions.latest(strategy)
    return versions.get(strategy, VersionNumber.parse(settled.version)) if settled.version else None
