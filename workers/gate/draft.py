"""What the next version would be if a proposal were let in, or why it may not be."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec import structs

from learning.gate import Evidence, Rules, Verdict, judge
from learning.history_evidence import HistoryEvidence, judge_history
from schemas.allocation import WHOLE, Allocation, Arm, Purpose, Value, arm_key
from schemas.bounds import check_change, check_values
from schemas.errors import Refused
from schemas.parameters import Registry
from schemas.params import Change, ParamsProposed, ProposalKind
from schemas.trials import allocation_for
from schemas.version import Version
from workers.gate.arms import going_on, with_arms


class Draft(NamedTuple):
    """The values and allocations of the next version, and what moved."""

    values: dict[str, Value]
    allocations: list[Allocation]
    changes: list[Change]


class Circumstances(NamedTuple):
    """All that a proposal is judged by.

    ``day_start`` finds the values before this session's first change, from which the daily budget counts; it is asked
    only where a value with such a budget would move. ``evidence`` finds what an arm's proposal stands on, ``history``
    what learned values stand on, or None; ``next_version`` is the number to come.
    """

    version: Version
    registry: Registry
    day_start: Callable[[], Mapping[str, Value]]
    evidence: Callable[[str, str], Evidence | None]
    history: Callable[[str, str], HistoryEvidence | None]
    next_version: str


def draft(proposal: ParamsProposed, around: Circumstances) -> Draft:
    """The next version's content.

    Raises:
        Refused: bounds, change budget, exploration budget or evidence do not allow it, with the figures.
    """
    drafters: Mapping[ProposalKind, Callable[[Any, Circumstances], Draft]] = {
        ProposalKind.SHARES: _draft_shares,
        ProposalKind.BASELINE: _draft_baseline,
        ProposalKind.VALUES: _draft_values,
        ProposalKind.LEARNED: _draft_learned,
        ProposalKind.ARMS: _draft_arms,
    }
    made = drafters[proposal.kind](proposal, around)
    if made.values == around.version.values and made.allocations == around.version.allocations:
        raise Refused("nothing would change: these are the values and shares in force")
    check_change(around.registry, around.day_start, made.values, names=[change.name for change in made.changes])
    return made


def _draft_shares(proposal: ParamsProposed, around: Circumstances) -> Draft:
    wanted = proposal.shares or {}
    if gone := sorted(set(wanted) - {allocation.id for allocation in around.version.allocations}):
        raise Refused(f"allocation {gone} is not in force in version {around.version.id}")
    allocations = [
        _with_shares(allocation, wanted[allocation.id]) if allocation.id in wanted else allocation
        for allocation in around.version.allocations
    ]
    check_budget(around.registry, around.version.values, allocations)
    return Draft(dict(around.version.values), allocations, [])


def _with_shares(allocation: Allocation, shares: Mapping[str, int]) -> Allocation:
    if allocation.purpose is not Purpose.EXPLORE:
        raise Refused(f"allocation {allocation.id} is an {allocation.purpose.value}: learners may not move its shares")
    if shares.keys() != {arm.key for arm in allocation.arms}:
        raise Refused(f"the shares name other arms than allocation {allocation.id} has")
    return structs.replace(allocation, arms=[Arm(arm.values, shares[arm.key]) for arm in allocation.arms])


def _draft_baseline(proposal: ParamsProposed, around: Circumstances) -> Draft:
    allocation = _in_force(proposal, around)
    wanted = proposal.values or {}
    if arm_key(wanted) not in {arm.key for arm in allocation.arms}:
        raise Refused(f"allocation {allocation.id} has no arm with the values {wanted}")
    evidence = around.evidence(proposal.evidence or "", arm_key(wanted))
    if evidence is None:
        raise Refused(f"there is no stored evidence {proposal.evidence!r} for these values")
    verdict = _accepted(judge(evidence, _rules(around.registry)))
    values, allocations = _moved(wanted, around)
    figures = _of_arms(evidence)
    return Draft(values, allocations, _changes(around.version.values, values, proposal, verdict.reason, figures))


def _draft_learned(proposal: ParamsProposed, around: Circumstances) -> Draft:
    wanted = proposal.values or {}
    evidence = around.history(proposal.evidence or "", arm_key(wanted))
    if evidence is None:
        raise Refused(f"there is no stored evidence {proposal.evidence!r} for these values")
    if wanted.keys() != evidence.incumbent.keys():
        raise Refused(f"evidence {proposal.evidence!r} is of {sorted(evidence.incumbent)}, not of {sorted(wanted)}")
    judged = evidence.beside | evidence.incumbent
    moved = {name: value for name in judged if (value := around.version.values.get(name)) != judged[name]}
    if moved:
        was = {name: judged[name] for name in moved}
        raise Refused(f"it was judged beside {was}; in force are {moved} meanwhile")
    rules, alpha = _rules(around.registry), around.registry.gate.alpha
    verdict = _accepted(judge_history(evidence, rules, alpha=alpha))
    values, allocations = _moved(wanted, around)
    figures = _of_history(evidence)
    return Draft(values, allocations, _changes(around.version.values, values, proposal, verdict.reason, figures))


def _rules(registry: Registry) -> Rules:
    return Rules(minimum_units=registry.gate.minimum_units, minimum_sessions=registry.gate.minimum_sessions)


def _accepted(verdict: Verdict) -> Verdict:
    if not verdict.accepted:
        raise Refused(verdict.reason)
    return verdict


def _draft_values(proposal: ParamsProposed, around: Circumstances) -> Draft:
    wanted = proposal.values or {}
    if unknown := sorted(set(wanted) - set(around.registry.parameters)):
        raise Refused(f"strategy {around.registry.strategy!r} has no parameter {unknown}; see `learning params list`")
    values, allocations = _moved(wanted, around)
    return Draft(values, allocations, _changes(around.version.values, values, proposal, proposal.reason, {}))


def _moved(wanted: Mapping[str, Value], around: Circumstances) -> tuple[dict[str, Value], list[Allocation]]:
    """The values in force with ``wanted`` in them, and the trials around those."""
    values = {**around.version.values, **wanted}
    check_values(around.registry, values)
    return values, allocations_around(around.registry, values, around.version, generation=around.next_version)


def _draft_arms(proposal: ParamsProposed, around: Circumstances) -> Draft:
    chosen = _in_force(proposal, around)
    values = around.version.values
    made = with_arms(chosen, proposal.arms or [], registry=around.registry, values=values)
    allocations = [made if one.id == chosen.id else one for one in around.version.allocations]
    return Draft(dict(values), allocations, [])


def allocations_around(
    registry: Registry, values: Mapping[str, Value], before: Version | None, *, generation: str
) -> list[Allocation]:
    """The registry's trials around ``values``: those whose arms are unmoved go on, the others begin anew.

    Where a learner proposes the arms, its arms go on as long as the baseline is unmoved and each may still be tried.
    """
    current = before.allocations if before else []
    running = {(allocation.layer, frozenset(arm.key for arm in allocation.arms)): allocation for allocation in current}
    made = []
    for trial in registry.trials:
        fresh = allocation_for(trial, registry, values, generation=generation)
        if fresh is not None and before is not None and trial.proposes is not None:
            made.append(going_on(fresh, trial, registry, before, values))
        elif fresh is not None:
            made.append(running.get((fresh.layer, frozenset(arm.key for arm in fresh.arms)), fresh))
    return made


def check_budget(registry: Registry, values: Mapping[str, Value], allocations: list[Allocation]) -> None:
    """That all explorations together give no more units away than the registry's budget.

    Raises:
        Refused: with both figures.
    """
    explored = 0
    for allocation in allocations:
        if allocation.purpose is Purpose.EXPLORE:
            baseline = allocation.baseline(values)
            explored += WHOLE - (baseline.share if baseline else 0)
    budget = round(registry.learning.budget * WHOLE)
    if explored > budget:
        raise Refused(
            f"explorations would take {explored / WHOLE:.2%} of the units; the budget is {budget / WHOLE:.2%}"
        )


def _in_force(proposal: ParamsProposed, around: Circumstances) -> Allocation:
    for allocation in around.version.allocations:
        if allocation.id == proposal.allocation:
            return allocation
    raise Refused(f"allocation {proposal.allocation!r} is not in force in version {around.version.id}")


def _of_arms(evidence: Evidence) -> dict[str, Any]:
    """What a change says of two arms that ran beside each other."""
    return {
        "confidence": evidence.confidence,
        "improvement": evidence.estimate,
        "interval": None if evidence.low is None or evidence.high is None else (evidence.low, evidence.high),
        "n": evidence.units,
        "n_eff": evidence.n_effective,
        "uniqueness": evidence.uniqueness,
        "baseline_n": evidence.baseline_units,
        "baseline_n_eff": evidence.baseline_effective,
        "baseline_uniqueness": evidence.baseline_uniqueness,
    }


def _of_history(evidence: HistoryEvidence) -> dict[str, Any]:
    """What a change says of values that were judged on the same history as those in force."""
    told: dict[str, Any] = {
        "confidence": evidence.confidence,
        "n": evidence.units,
        "n_eff": evidence.effective_sessions,
    }
    if (each := evidence.per_unit) is not None:
        told |= {"improvement": each[0], "interval": each[1:]}
    return told


def _changes(
    old: Mapping[str, Value], new: Mapping[str, Value], proposal: ParamsProposed, reason: str, figures: dict[str, Any]
) -> list[Change]:
    """One for each value that moved, with the ``figures`` of the evidence that the proposal names."""
    evidence = proposal.evidence if figures else None
    return [
        Change(name=name, old=old[name], new=new[name], reason=reason, evidence=evidence, **figures)
        for name in sorted(new)
        if old[name] != new[name]
    ]
