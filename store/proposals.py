"""What was proposed, where it stands, and every step that it took."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, bindparam, select, update

from schemas.params import ParamsProposed
from store.dialects import insert_new, rows_of, run
from store.errors import ForbiddenTransition, StoreBusy, UnknownRow
from store.tables import proposals, transitions


class ProposalState(Enum):
    """Where a proposal stands in the gate. A rollout names the share of units, in per cent."""

    PROPOSED = "proposed"
    VALIDATED = "validated"
    REJECTED = "rejected"
    SHADOW = "shadow"
    ROLLOUT_5 = "rollout_5"
    ROLLOUT_25 = "rollout_25"
    ROLLOUT_50 = "rollout_50"
    ROLLOUT_100 = "rollout_100"
    DEPLOYED = "deployed"
    ROLLED_BACK = "rolled_back"


TRANSITIONS: Mapping[ProposalState, frozenset[ProposalState]] = {
    ProposalState.PROPOSED: frozenset({ProposalState.VALIDATED, ProposalState.REJECTED}),
    ProposalState.VALIDATED: frozenset({ProposalState.SHADOW, ProposalState.DEPLOYED, ProposalState.REJECTED}),
    ProposalState.SHADOW: frozenset({ProposalState.ROLLOUT_5, ProposalState.REJECTED}),
    ProposalState.ROLLOUT_5: frozenset({ProposalState.ROLLOUT_25, ProposalState.ROLLED_BACK}),
    ProposalState.ROLLOUT_25: frozenset({ProposalState.ROLLOUT_50, ProposalState.ROLLED_BACK}),
    ProposalState.ROLLOUT_50: frozenset({ProposalState.ROLLOUT_100, ProposalState.ROLLED_BACK}),
    ProposalState.ROLLOUT_100: frozenset({ProposalState.DEPLOYED, ProposalState.ROLLED_BACK}),
    ProposalState.DEPLOYED: frozenset({ProposalState.ROLLED_BACK}),
    ProposalState.REJECTED: frozenset(),
    ProposalState.ROLLED_BACK: frozenset(),
}
"""The gate's only table of steps."""


class ProposalRow(NamedTuple):
    """A proposal, its state, the reason of its last step, and the version that it became."""

    proposal: ParamsProposed
    state: ProposalState
    decided: str | None
    version: str | None
    recorded_at: int


class Step(NamedTuple):
    """Where a proposal goes next, and why."""

    new: ProposalState
    reason: str


class Judged(NamedTuple):
    """A proposal that is new, the steps that it takes at once, and the version that it becomes by them."""

    proposal: ParamsProposed
    steps: tuple[Step, ...] = ()
    by: str = "gate"
    version: str | None = None


class Transition(NamedTuple):
    """One step, by whom and why. ``old`` is None for the first."""

    old: ProposalState | None
    new: ProposalState
    reason: str
    by: str
    time: int


_ROWS = select(
    proposals.c.body, proposals.c.state, proposals.c.decided, proposals.c.version, proposals.c.recorded_at
).order_by(proposals.c.recorded_at, proposals.c.id)

_NAMED = (proposals.c.strategy == bindparam("of_strategy"), proposals.c.id == bindparam("of_id"))
_ONE = _ROWS.where(*_NAMED)
_STATE = select(proposals.c.state, proposals.c.version).where(*_NAMED)
_KNOWN = select(proposals.c.id).where(
    proposals.c.strategy == bindparam("of_strategy"), proposals.c.id.in_(bindparam("of_ids", expanding=True))
)
_MOVE = (
    update(proposals).where(*_NAMED).values({name: bindparam(f"to_{name}") for name in ("state", "decided", "version")})
)


class Proposals:
    """The proposals of every strategy, named by (strategy, id)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def known(self, strategy: str, ids: Collection[str]) -> set[str]:
        """Which of these are there already."""
        found = rows_of(self._connection, _KNOWN, of_strategy=strategy, of_ids=list(ids)) if ids else ()
        return {id_ for (id_,) in found}

    def add(self, judged: Sequence[Judged], *, now: int) -> None:
        """Write new proposals, each with its first step and those that it takes at once.

        Raises:
            ForbiddenTransition: ``TRANSITIONS`` has no such step.
            StoreBusy: one of them was written by somebody else meanwhile.
        """
        rows: list[dict[str, Any]] = []
        steps: list[dict[str, Any]] = []
        for proposal, further, by, version in judged:
            first = Transition(None, ProposalState.PROPOSED, proposal.reason, proposal.proposed_by, now)
            taken = [first, *_taken(proposal.proposal_id, first.new, further, by=by, time=now)]
            decided = taken[-1].reason if further else None
            rows.append(_values(proposal, now) | {"state": taken[-1].new.value, "decided": decided, "version": version})
            steps += (_row(proposal.strategy, proposal.proposal_id, one) for one in taken)
        if not all(insert_new(self._connection, proposals, rows)):
            raise StoreBusy("a proposal of this turn was written by another gate meanwhile; repeat the turn")
        insert_new(self._connection, transitions, steps)

    def get(self, strategy: str, proposal_id: str) -> ProposalRow | None:
        """One proposal."""
        found = _made(rows_of(self._connection, _ONE, of_strategy=strategy, of_id=proposal_id))
        return found[0] if found else None

    def waiting(self, strategy: str, state: ProposalState) -> Sequence[ProposalRow]:
        """Those that stand at ``state``, the oldest first."""
        return self._rows(_ROWS.where(proposals.c.strategy == strategy, proposals.c.state == state.value))

    def history(self, strategy: str, *, limit: int = 100) -> Sequence[ProposalRow]:
        """The newest first, whatever became of them."""
        chosen = _ROWS.where(proposals.c.strategy == strategy).order_by(None)
        return self._rows(chosen.order_by(proposals.c.recorded_at.desc(), proposals.c.id.desc()).limit(limit))

    def move(
        self,
        strategy: str,
        proposal_id: str,
        *steps: Step,
        by: str,
        time: int,
        version: str | None = None,
    ) -> None:
        """Take steps, one after the other, and keep each; ``version`` is what the proposal became by them.

        Raises:
            UnknownRow: there is no such proposal.
            ForbiddenTransition: ``TRANSITIONS`` has no such step.
        """
        found = rows_of(self._connection, _STATE, of_strategy=strategy, of_id=proposal_id)
        if not found:
            raise UnknownRow(f"strategy {strategy!r} has no proposal {proposal_id!r}")
        old, had = ProposalState(found[0][0]), found[0][1]
        taken = _taken(proposal_id, old, steps, by=by, time=time)
        moved = {"to_state": taken[-1].new.value, "to_decided": taken[-1].reason, "to_version": version or had}
        run(self._connection, _MOVE, [{"of_strategy": strategy, "of_id": proposal_id, **moved}])
        insert_new(self._connection, transitions, [_row(strategy, proposal_id, one) for one in taken])

    def steps(self, strategy: str, proposal_id: str) -> Sequence[Transition]:
        """Every step of one proposal, the first first."""
        table = transitions.c
        chosen = select(table.old, table.new, table.reason, table.by, table.time)
        named = chosen.where(table.strategy == strategy, table.proposal_id == proposal_id).order_by(table.id)
        return [
            Transition(ProposalState(old) if old else None, ProposalState(new), reason, by, time)
            for old, new, reason, by, time in self._connection.execute(named)
        ]

    def _rows(self, chosen: Select[Any]) -> list[ProposalRow]:
        return _made(self._connection.execute(chosen))


def _taken(proposal_id: str, old: ProposalState, steps: Sequence[Step], *, by: str, time: int) -> list[Transition]:
    taken = []
    for new, reason in steps:
        if new not in TRANSITIONS[old]:
            allowed = sorted(state.value for state in TRANSITIONS[old]) or "nowhere"
            raise ForbiddenTransition(
                f"proposal {proposal_id!r} is {old.value}: it cannot become {new.value}, it can go {allowed}"
            )
        taken.append(Transition(old, new, reason, by, time))
        old = new
    return taken


def _row(strategy: str, proposal_id: str, step: Transition) -> dict[str, Any]:
    return {
        "strategy": strategy,
        "proposal_id": proposal_id,
        "old": step.old.value if step.old else None,
        "new": step.new.value,
        "reason": step.reason,
        "by": step.by,
        "time": step.time,
    }


def _made(rows: Iterable[Sequence[Any]]) -> list[ProposalRow]:
    return [
        ProposalRow(msgspec.json.decode(body, type=ParamsProposed), ProposalState(state), decided, version, at)
        for body, state, decided, version, at in rows
    ]


def _values(proposal: ParamsProposed, now: int) -> dict[str, Any]:
    return {
        "strategy": proposal.strategy,
        "id": proposal.proposal_id,
        "kind": proposal.kind.value,
        "session": proposal.session,
        "proposed_by": proposal.proposed_by,
        "reason": proposal.reason,
        "evidence": proposal.evidence,
        "body": msgspec.json.encode(proposal).decode(),
        "recorded_at": now,
    }
