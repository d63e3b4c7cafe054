"""Proposes which arm values are tried next."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import structlog
from sqlalchemy import Connection

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
from store.store import Store
from store.suggestions import Look, SuggestionRow, Suggestions
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
    suggests, or why nothing, becomes a row of its own, and a proposal where arms change; the gate decides. It looks
    once after each session that it has heard of, so an event that comes again changes nothing; a cycle whose event
    was lost is made up for by the next one. It looks outside of the turn, which would keep all others from writing.
    """

    name = "bayesian"
    reads = (CycleCompleted.type,)

    def __init__(self, store: Store, *, registries: Mapping[str, Registry]) -> None:
        self._store = store
        self._registries = registries
        self._heard = True

    def handle(self, work: Work, batch: Sequence[Envelope]) -> Sequence[Refusal]:
        """Note after which sessions to look."""
        refusals, asked = [], []
        for envelope in batch:
            completed: CycleCompleted = envelope.data
            if completed.kind != DAILY:
                continue
            if completed.strategy not in self._registries:
                known = ", ".join(sorted(self._registries))
                refusals.append(Refusal(envelope, f"strategy {completed.strategy!r} is unknown here; known: {known}"))
                continue
            asked.append(Look(completed.strategy, completed.session, envelope.time))
        Suggestions(work.connection).ask(asked)
        self._heard = self._heard or bool(asked)
        return refusals

    def rest(self, settled_before: Callable[[], int]) -> None:  # noqa: ARG002  the event itself says that all is there
        """Look after every session that waits, the oldest first."""
        if not self._heard:
            return
        with self._store.read() as reading:
            waiting = [one for one in Suggestions(reading).open_looks() if one.strategy in self._registries]
        for one in waiting:
            self._look(self._registries[one.strategy], one)
        self._heard = False

    def _look(self, registry: Registry, asked: Look) -> None:
        with self._store.read() as reading:
            settled = Sessions(reading).get(asked.strategy, asked.session)
            found = [] if settled is None else list(self._found(reading, registry, settled))
        with self._store.begin() as work:
            rows = [_row(settled, allocation, one, now=work.now) for allocation, one in found if settled]
            if not Suggestions(work.connection).finish(asked, rows):
                return
            letters = [_letter(row, one, time=asked.time) for row, (_, one) in zip(rows, found, strict=True)]
            wanted = [letter for letter in letters if letter is not None]
            Outbox(work.connection).add_all(self.name, ParamsProposed.type, wanted, now=work.now)
            work.commit()
        for row in rows:
            log.info(
                "arms.suggested",
                strategy=row.strategy,
                allocation=row.allocation,
                session=row.session,
                proposed=row.proposal_id is not None,
                reason=row.reason,
            )

    def _found(
        self, reading: Connection, registry: Registry, settled: Settled
    ) -> Iterable[tuple[Allocation, Suggestion]]:
        if settled.version is None:
            return ()
        version = Versions(reading).get(settled.strategy, VersionNumber.parse(settled.version))
        if version is None or not (chosen := _due(reading, registry, version, settled.session)):
            return ()
        # The optimiser takes a second and 50 MB to import, and is needed once a session at most.
        from workers.suggestion.looking import look  # noqa: PLC0415

        return look(reading, registry, version, settled, chosen)


def _due(reading: Connection, registry: Registry, version: Version, session: str) -> list[tuple[Allocation, Trial]]:
    """The allocations in force that a learner proposes arms of, and whose rest is over."""
    calendar = Calendar.named(registry.market.calendar)
    rest = max(registry.learning.dwell, registry.learning.shadow) + MEASURED_SESSIONS
    chosen = []
    for allocation in version.allocations:
        trial = trial_of(registry, allocation)
        if trial is None or trial.proposes is None or allocation.purpose is not Purpose.EXPLORE:
            continue
        last = Suggestions(reading).last_proposed(version.strategy, allocation.id, before=session)
        if last is None or calendar.distance(last, session) >= rest:
            chosen.append((allocation, trial))
    return chosen


def _row(settled: Settled, allocation: Allocation, suggestion: Suggestion, *, now: int) -> SuggestionRow:
    proposal_id = f"{Bayesian.name}/{settled.session}/{allocation.id}"
    return SuggestionRow(
        strategy=settled.strategy,
        allocation=allocation.id,
        session=settled.session,
        cut=settled.cut,
        version=settled.version or "",
        proposal_id=None if suggestion.arms is None else proposal_id,
        reason=suggestion.reason,
        body=msgspec.json.encode(suggestion).decode(),
        recorded_at=now,
    )


def _letter(row: SuggestionRow, suggestion: Suggestion, *, time: int) -> bytes | None:
    if row.proposal_id is None:
        return None
    proposal = ParamsProposed(
        strategy=row.strategy,
        proposal_id=row.proposal_id,
        kind=ProposalKind.ARMS,
        session=row.session,
        proposed_by=Bayesian.name,
        reason=row.reason,
        allocation=row.allocation,
        arms=suggestion.arms,
    )
    return encode(Envelope(source=Bayesian.name, id=f"{row.strategy}/{row.proposal_id}", time=time, data=proposal))
