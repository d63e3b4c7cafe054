"""The gate: the only one that changes what is in force."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

import structlog

from learning.gate import Evidence
from learning.history_evidence import HistoryEvidence
from schemas.errors import Refused
from schemas.event import Envelope
from schemas.parameters import Registry
from schemas.params import ParamsApplied, ParamsProposed
from schemas.review import ProposalReviewed
from schemas.settings import Mode
from schemas.version import Version
from store.applications import Applications
from store.epochs import epoch
from store.evidence import EvidenceRows
from store.inbox import Inbox
from store.proposals import Judged, Proposals, ProposalState, Step
from store.versions import Versions
from store.work import Work
from workers.gate.draft import Circumstances, Draft, draft
from workers.gate.publication import (
    OWNER,
    Publication,
    Reconciled,
    first_version,
    next_number,
    publish,
    reconciled,
)
from workers.gate.sitting import Sitting
from workers.worker import Refusal

log = structlog.get_logger()

VALIDATED = Step(ProposalState.VALIDATED, "bounds, budgets and evidence hold")
DEPLOYED = Step(ProposalState.DEPLOYED, "in force")


class Deployment:
    """Judges proposals and publishes versions.

    In mode ``observe`` it judges and publishes nothing, in ``advise`` a validated proposal waits for a
    person, in ``act`` it is let in at once. A rejected proposal keeps its reason; nothing is tried again
    by itself, because the next cycle proposes from newer evidence. ``mend`` is called after every turn, to put
    snapshots back that the broker has lost.
    """

    name = OWNER
    reads = (ParamsProposed.type, ProposalReviewed.type, ParamsApplied.type)

    def __init__(self, *, registries: Mapping[str, Registry], mode: Mode, mend: Callable[[], None]) -> None:
        self._registries = registries
        self._mend = mend
        self._mode = mode

    def open(self, work: Work) -> None:
        """Bring what is in force in line with the registries, before the first turn.

        The first version of a strategy is its registry's defaults; an edited registry makes a new version, and so does
        a store that was restored: trading may know later ones than it does, and takes the number of a new epoch over.
        """
        if self._mode is Mode.OBSERVE:
            return
        begun = epoch(work.connection)
        for registry in self._registries.values():
            current = Versions(work.connection).latest(registry.strategy)
            if current is None:
                made: Reconciled | None = Reconciled(first_version(registry, epoch=begun), [])
            else:
                made = reconciled(current, registry, epoch=begun)
            if made is not None:
                publish(work, [Publication(made.version, registry, made.changes, None, "registry", work.now)])

    def handle(self, work: Work, batch: Sequence[Envelope]) -> Sequence[Refusal]:
        """Take proposals, reviews and acknowledgements in, in the order in which they came."""
        refusals: list[Refusal] = []
        applied: list[Envelope] = []
        sitting = Sitting(work, batch)
        for envelope in batch:
            if envelope.data.strategy not in self._registries:
                known = ", ".join(sorted(self._registries))
                refusals.append(
                    Refusal(envelope, f"strategy {envelope.data.strategy!r} is unknown here; known: {known}")
                )
            elif isinstance(envelope.data, ParamsProposed):
                self._take_proposal(work, envelope, sitting)
            elif isinstance(envelope.data, ProposalReviewed):
                self._take_review(work, envelope, refusals, sitting)
            else:
                applied.append(envelope)
        sitting.write()
        Applications(work.connection).record(applied, now=work.now)
        return refusals

    def rest(self, settled_before: Callable[[], int]) -> None:  # noqa: ARG002  no cut to wait for
        """See to it that the broker still has what is in force."""
        if self._mode is not Mode.OBSERVE:
            self._mend()

    def _take_proposal(self, work: Work, envelope: Envelope, sitting: Sitting) -> None:
        proposal: ParamsProposed = envelope.data
        if sitting.knows(proposal):
            return
        judged = Judged(proposal, (VALIDATED,))
        try:
            made = self._judge(work, proposal, sitting)
        except Refused as refused:
            judged = Judged(proposal, (Step(ProposalState.REJECTED, str(refused)),))
        else:
            if self._mode is Mode.ACT:
                version = self._deploy(proposal, made, sitting, by="gate", time=envelope.time)
                judged = Judged(proposal, (VALIDATED, DEPLOYED), version=version)
        sitting.judge(judged)
        _log(proposal, judged.steps)

    def _take_review(self, work: Work, envelope: Envelope, refusals: list[Refusal], sitting: Sitting) -> None:
        review: ProposalReviewed = envelope.data
        sitting.write()
        found = Proposals(work.connection).get(review.strategy, review.proposal_id)
        inbox = Inbox(work.connection)
        if inbox.seen(OWNER, envelope.source, envelope.id):
            return
        if found is None or found.state is not ProposalState.VALIDATED:
            state = "unknown" if found is None else found.state.value
            reason = f"proposal {review.proposal_id!r} is {state}; only a validated one can be reviewed"
            refusals.append(Refusal(envelope, reason))
        elif not review.approved:
            inbox.new(OWNER, [(envelope.source, envelope.id)], now=work.now)
            self._move(work, found.proposal, Step(ProposalState.REJECTED, review.reason), by=review.by)
        elif self._mode is Mode.OBSERVE:
            refusals.append(Refusal(envelope, "mode is observe: nothing is published; set LEARNING_MODE=advise"))
        else:
            inbox.new(OWNER, [(envelope.source, envelope.id)], now=work.now)
            self._approve(work, found.proposal, sitting, by=review.by, time=envelope.time)

    def _approve(self, work: Work, proposal: ParamsProposed, sitting: Sitting, *, by: str, time: int) -> None:
        try:
            made = self._judge(work, proposal, sitting)
        except Refused as refused:
            self._move(work, proposal, Step(ProposalState.REJECTED, f"no longer holds: {refused}"))
        else:
            version = self._deploy(proposal, made, sitting, by=by, time=time)
            self._move(work, proposal, DEPLOYED, by=by, version=version)

    def _judge(self, work: Work, proposal: ParamsProposed, sitting: Sitting) -> Draft:
        registry = self._registries[proposal.strategy]
        version = sitting.in_force(proposal.strategy) or first_version(registry, epoch=sitting.epoch)
        return draft(
            proposal,
            Circumstances(
                version=version,
                registry=registry,
                day_start=cache(lambda: sitting.day_start(version, session=proposal.session)),
                evidence=lambda row, arm: EvidenceRows(work.connection).find(row, arm, shape=Evidence),
                history=lambda row, arm: EvidenceRows(work.connection).find(row, arm, shape=HistoryEvidence),
                next_version=str(next_number(version, epoch=sitting.epoch)),
            ),
        )

    def _deploy(self, proposal: ParamsProposed, made: Draft, sitting: Sitting, *, by: str, time: int) -> str:
        """Bring what was made of a proposal into force; returns the id of its version."""
        current = sitting.in_force(proposal.strategy)
        if current is None:
            raise Refused(f"strategy {proposal.strategy!r} has no version yet; start deployment in mode advise or act")
        following = next_number(current, epoch=sitting.epoch)
        version = Version(
            strategy=current.strategy,
            epoch=following.epoch,
            number=following.number,
            previous=str(current.id),
            session=max(current.session, proposal.session),
            regime=current.regime,
            registry=current.registry,
            values=made.values,
            allocations=made.allocations,
        )
        registry = self._registries[proposal.strategy]
        sitting.publish(Publication(version, registry, made.changes, proposal.proposal_id, by, time))
        return str(version.id)

    def _move(
        self, work: Work, proposal: ParamsProposed, step: Step, *, by: str = "gate", version: str | None = None
    ) -> None:
        Proposals(work.connection).move(
            proposal.strategy, proposal.proposal_id, step, by=by, time=work.now, version=version
        )
        _log(proposal, [step])


def _log(proposal: ParamsProposed, steps: Iterable[Step]) -> None:
    for step in steps:
        log.info(
            "proposal.moved",
            id=proposal.proposal_id,
            kind=proposal.kind.value,
            state=step.new.value,
            reason=step.reason,
        )
