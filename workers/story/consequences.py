"""What an example that was counted led to: cuts, cycles, evidence, proposals, versions."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection

from events.moments import moment
from schemas.attributed import Contribution
from schemas.parameters import Reward
from store.cycles import Cycles
from store.statistics import JournalRow
from store.stories import Cut, Proposed, Stories
from workers.join.rules import slot_of
from workers.story.story import Consequence, Evidence, Proposal, Settling

KIND = "daily"
"""The cycle that compares arms."""


class Consequences:
    """Follows what was counted of one strategy."""

    def __init__(self, connection: Connection, strategy: str) -> None:
        self._stories = Stories(connection, strategy)
        self._cycles = Cycles(connection)
        self._strategy = strategy

    def of(self, journal: Sequence[JournalRow]) -> list[Consequence]:
        """What the journal's rows led to: one for each example, allocation, reward and cohort that they ever added."""
        first: dict[tuple[str, str, str, str], tuple[int, Contribution]] = {}
        for row in journal:
            for one in row.added:
                key = (row.example_id, one.allocation, one.reward, one.session)
                first.setdefault(key, (row.sequence, one))
        return [self._consequence(key[0], one, since=sequence) for key, (sequence, one) in sorted(first.items())]

    def _consequence(self, example_id: str, one: Contribution, *, since: int) -> Consequence:
        included, ripe = self._settled(one, since=since)
        return Consequence(
            example_id=example_id,
            allocation=one.allocation,
            reward=one.reward,
            cohort=one.session,
            included=self._settling(included),
            ripe=self._settling(ripe),
            evidence=list(self._evidence(one.allocation, ripe)),
            proposals=list(self._proposals(one.allocation, ripe)),
        )

    def _settled(self, one: Contribution, *, since: int) -> tuple[Cut | None, Cut | None]:
        """The first cut that includes it, and the first of these at which its cohort was complete."""
        slot = slot_of(Reward.parse(one.reward))
        included = None
        for cut in self._stories.cuts(since=since):
            included = included or cut
            if one.session <= cut.session and one.session not in cut.pending.get(f"{slot.horizon}/{slot.origin}", ()):
                return included, cut
        return included, None

    def _settling(self, cut: Cut | None) -> Settling | None:
        if cut is None:
            return None
        finished = self._cycles.finished(self._strategy, KIND, cut.session)
        return Settling(
            session=cut.session,
            cut=cut.cut,
            settled_at=moment(cut.settled_at),
            cycle=finished.completed.cycle_id if finished else None,
            finished_at=moment(finished.finished_at) if finished else None,
        )

    def _evidence(self, allocation: str, ripe: Cut | None) -> Iterator[Evidence]:
        for row in self._stories.evidence(allocation, since=ripe.cut) if ripe else ():
            yield Evidence(id=row.id, session=row.session, cut=row.cut, arms=row.arms)

    def _proposals(self, allocation: str, ripe: Cut | None) -> Iterator[Proposal]:
        for row in _about(self._stories.proposals(since=ripe.session), allocation) if ripe else ():
            said = row.proposal
            yield Proposal(
                id=said.proposal_id,
                kind=said.kind.value,
                session=said.session,
                state=row.state,
                reason=said.reason,
                decided=row.decided,
                evidence=said.evidence,
                version=row.version,
            )


def _about(rows: Iterable[Proposed], allocation: str) -> Iterator[Proposed]:
    return (row for row in rows if row.proposal.allocation == allocation or allocation in (row.proposal.shares or ()))
