"""Proposes which arm values are tried next."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog

from events.codec import encode
from schemas.allocation import Allocation, Purpose
from schemas.calendar import Calendar
from schemas.cycles import DAILY
from schemas.event import Envelope
from schemas.parameters import Registry, Trial
from schemas.params import ParamsProposed, ProposalKind
from schemas.reports import CycleCompleted
from schemas.trials import trial_of
from schemas.version import Version, VersionNumber
from store.outbox import Outbox
from store.sessions import Sessions, Settled
from store.suggestions import SuggestionRow, Suggestions
from store.versions import Versions
from store.work import Work
from workers.suggestion.suggestion import Suggestion
from workers.worker import Refusal

log = structlog.get_logger()

MEASURED_SESSIONS = 5
"""Where arms were proposed, the allocation is looked at again once these have had shares for so many sessions: they get
shares when those in force have dwelt, and a new look would be none the wiser before."""


class Bayesian:
    """Looks, after each daily cycle, at the allocations whose trial says ``proposes = "bayesian"``.

    It reads what the cycle read: statistics up to the cut, mature cohorts, and the version that was in force. What it
    suggests, or why nothing, becomes a row of its own, and a proposal where arms change; the gate decides. An
    allocation is looked at once after each session, so an event that comes again changes nothing; a cycle whose
    event was lost is made up for by the next one.
    """

    name = "bayesian"
    reads = (CycleCompleted.type,)

    def __init__(self, *, registries: Mapping[str, Registry]) -> None:
        self._registries = registries

    def handle(self, work: Work, batch: Sequence[Envelope]) -> Sequence[Refusal]:
        """Suggest arms after each cycle that is new."""
        refusals = []
        for envelope in batch:
            completed: CycleCompleted = envelope.data
            if completed.kind != DAILY:
                continue
            if completed.strategy not in self._registries:
                known = ", ".join(sorted(self._registries))
                refusals.append(Refusal(envelope, f"strategy {completed.strategy!r} is unknown here; known: {known}"))
                continue
            self._take(work, self._registries[completed.strategy], completed.session, time=envelope.time)
        return refusals

    def rest(self, settled_before: Callable[[], int]) -> None:
        """Nothing waits here."""

    def _take(self, work: Work, registry: Registry, session: str, *, time: int) -> None:
        strategy = registry.strategy
        settled = Sessions(work.connection).get(strategy, session)
        if settled is None or settled.version is None:
            log.info("cycle.not_looked_at", strategy=strategy, session=session, settled=settled is not None)
            return
        version = Versions(work.connection).get(strategy, VersionNumber.parse(settled.version))
        if version is None or not (chosen := self._due(work, registry, version, session)):
            return
        # The optimiser takes a second and 50 MB to import, and is needed once a session at most.
        from workers.suggestion.looking import look  # noqa: PLC0415

        for allocation, suggestion in look(work.connection, registry, version, settled, chosen):
            self._write(work, version, settled, allocation, suggestion, time=time)

    def _due(self, work: Work, registry: Registry, version: Version, session: str) -> list[tuple[Allocation, Trial]]:
        """The allocations in force that a learner proposes arms of, and whose rest is over."""
        suggestions = Suggestions(work.connection)
        calendar = Calendar.named(registry.market.calendar)
        rest = max(registry.learning.dwell, registry.learning.shadow) + MEASURED_SESSIONS
        looked_at = suggestions.known(version.strategy, session)
        chosen = []
        for allocation in version.allocations:
            trial = trial_of(registry, allocation)
            ours = trial is not None and trial.proposes is not None and allocation.purpose is Purpose.EXPLORE
            if trial is None or not ours or allocation.id in looked_at:
                continue
            last = suggestions.last_proposed(version.strategy, allocation.id, before=session)
            if last is None or calendar.distance(last, session) >= rest:
                chosen.append((allocation, trial))
        return chosen

    def _write(
        self,
        work: Work,
        version: Version,
        settled: Settled,
        allocation: Allocation,
        suggestion: Suggestion,
        *,
        time: int,
    ) -> None:
        proposal = None
        if suggestion.arms is not None:
            proposal = ParamsProposed(
                strategy=version.strategy,
                proposal_id=f"{self.name}/{settled.session}/{allocation.id}",
                kind=ProposalKind.ARMS,
                session=settled.session,
                proposed_by=self.name,
                reason=suggestion.reason,
                allocation=allocation.id,
                arms=suggestion.arms,
            )
            envelope = Envelope(
                source=self.name, id=f"{version.strategy}/{proposal.proposal_id}", time=time, data=proposal
            )
            Outbox(work.connection).add(self.name, ParamsProposed.type, encode(envelope), now=work.now)
        row = SuggestionRow(
            strategy=version.strategy,
            allocation=allocation.id,
            session=settled.session,
            cut=settled.cut,
            version=str(version.id),
            proposal_id=proposal.proposal_id if proposal else None,
            reason=suggestion.reason,
            body=msgspec.json.encode(suggestion).decode(),
            recorded_at=work.now,
        )
        Suggestions(work.connection).add([row])
        log.info(
            "arms.suggested",
            strategy=version.strategy,
            allocation=allocation.id,
            session=settled.session,
            proposed=proposal is not None,
            reason=suggestion.reason,
        )
