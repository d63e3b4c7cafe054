"""What the gate has before it in one transaction."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from schemas.allocation import Value
from schemas.event import Envelope
from schemas.params import ParamsProposed
from schemas.version import Version
from store.epochs import epoch
from store.proposals import Judged, Proposals
from store.versions import Versions
from store.work import Work
from workers.gate.publication import Publication, publish


class Sitting:
    """The epoch, the versions in force and the known ones of a ``batch`` of proposals, read once in the turn of
    ``work``; and what is decided, which ``write`` puts down at once.

    Nobody else can publish a version meanwhile: in SQLite the turn holds the writer's lock; in PostgreSQL the version
    that comes second is refused, and what it was made of is tried again.
    """

    def __init__(self, work: Work, batch: Sequence[Envelope]) -> None:
        self._work = work
        self._in_force: dict[str, Version | None] = {}
        self._known = _known(work, batch)
        self._judged: list[Judged] = []
        self._publications: list[Publication] = []
        self._published: list[Version] = []
        self._before: dict[tuple[str, str], Version | None] = {}

    @cached_property
    def epoch(self) -> int:
        """The epoch that the next version is numbered in, or a later one that its strategy is in already."""
        return epoch(self._work.connection)

    def in_force(self, strategy: str) -> Version | None:
        """The version in force, or None."""
        if strategy not in self._in_force:
            self._in_force[strategy] = Versions(self._work.connection).latest(strategy)
        return self._in_force[strategy]

    def day_start(self, current: Version, *, session: str) -> Mapping[str, Value]:
        """The values before the first change of ``session``: what the daily change budget counts from."""
        for version in reversed(self._published):
            if version.strategy == current.strategy and version.session < session:
                return version.values
        asked = (current.strategy, session)
        if asked not in self._before:
            self._before[asked] = Versions(self._work.connection).last_before(current.strategy, session=session)
        return (self._before[asked] or current).values

    def knows(self, proposal: ParamsProposed) -> bool:
        """Whether it was judged before; from now on it is known."""
        name = (proposal.strategy, proposal.proposal_id)
        before = name in self._known
        self._known.add(name)
        return before

    def judge(self, judged: Judged) -> None:
        """This becomes of a proposal that was not known."""
        self._judged.append(judged)

    def publish(self, publication: Publication) -> None:
        """This version is in force now."""
        self._publications.append(publication)
        self._published.append(publication.version)
        self._in_force[publication.version.strategy] = publication.version

    def write(self) -> None:
        """Write down what was decided since the last time."""
        Proposals(self._work.connection).add(self._judged, now=self._work.now)
        publish(self._work, self._publications)
        self._judged, self._publications = [], []


def _known(work: Work, batch: Sequence[Envelope]) -> set[tuple[str, str]]:
    asked: dict[str, set[str]] = {}
    for proposal in (envelope.data for envelope in batch):
        if isinstance(proposal, ParamsProposed):
            asked.setdefault(proposal.strategy, set()).add(proposal.proposal_id)
    proposals = Proposals(work.connection)
    return {(strategy, id_) for strategy, ids in asked.items() for id_ in proposals.known(strategy, sorted(ids))}
