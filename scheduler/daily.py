"""The daily cycle: compare arms, compute shares, propose."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from scheduler.belief import believe
from scheduler.comparison import Comparison, compare, counted
from scheduler.crediting import give_credit
from scheduler.mature import mature
from scheduler.sharing import share
from scheduler.stage import Stage
from schemas.cycles import DAILY
from schemas.params import ParamsProposed, ProposalKind
from schemas.version import Version

KIND = DAILY

GIVEN = ("registry", "session", "version", "statistics", "pending", "windows", "crossed", "regime", "standing")
"""The facts that the cycle starts from: all read from the store, up to the cut."""

PROPOSE_FROM = 0.9
"""From which confidence on, valid at every look, an arm is proposed to the gate, which asks for more."""


class Proposals(NamedTuple):
    """What the cycle proposes, and the evidence rows (by their id) that it stands on."""

    proposals: list[ParamsProposed]
    evidence: dict[str, Comparison]


def propose(
    session: str, version: Version | None, comparisons: Sequence[Comparison], shares: Mapping[str, Mapping[str, int]]
) -> tuple[Proposals, str]:
    """New shares where they moved, and a new baseline where an arm is probably better."""
    proposals = []
    strategy = version.strategy if version else ""
    moved = {
        comparison.allocation.id: dict(shares[comparison.allocation.id])
        for comparison in comparisons
        if comparison.allocation.id in shares
        and shares[comparison.allocation.id] != {arm.key: arm.share for arm in comparison.allocation.arms}
    }
    if moved:
        standing_on = counted(comparison for comparison in comparisons if comparison.allocation.id in moved)
        proposals.append(
            ParamsProposed(
                strategy=strategy,
                proposal_id=f"{KIND}/{session}/shares",
                kind=ProposalKind.SHARES,
                session=session,
                proposed_by=KIND,
                reason=f"shares follow the probability of being best: {standing_on}",
                shares=moved,
            )
        )
    standing = {}
    for comparison in comparisons:
        identity = f"{KIND}/{strategy}/{session}/{comparison.allocation.id}"
        standing[identity] = comparison
        if (better := _better(comparison)) is not None:
            proposals.append(_baseline_proposal(strategy, session, comparison, better, identity=identity))
    return Proposals(proposals, standing), f"{len(proposals)} proposals"


def _better(comparison: Comparison) -> str | None:
    """The arm that is most probably better than the baseline, where that is probable enough to ask the gate; of those
    that the gate would let in, if there are any: arms are judged with error rates of their own."""
    hopeful = []
    for arm, evidence in comparison.evidence.items():
        accepted = comparison.verdicts[arm].accepted
        above = evidence.estimate is not None and evidence.estimate > 0
        if evidence.confidence is not None and (accepted or (above and evidence.confidence >= PROPOSE_FROM)):
            hopeful.append((accepted, evidence.confidence, arm))
    return max(hopeful)[-1] if hopeful else None


def _baseline_proposal(
    strategy: str, session: str, comparison: Comparison, arm: str, *, identity: str
) -> ParamsProposed:
    values = next(one.values for one in comparison.allocation.arms if one.key == arm)
    figures = comparison.evidence[arm]
    return ParamsProposed(
        strategy=strategy,
        proposal_id=f"{KIND}/{session}/{comparison.allocation.id}",
        kind=ProposalKind.BASELINE,
        session=session,
        proposed_by=KIND,
        reason=f"better than the baseline with probability {figures.confidence:.3f} on {figures.counted}",
        allocation=comparison.allocation.id,
        values=values,
        evidence=identity,
    )


STAGES: Mapping[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("mature", ("registry", "session", "version", "statistics", "pending"), "mature", mature),
        Stage("compare", ("registry", "session", "version", "statistics", "mature", "windows"), "comparisons", compare),
        Stage("credit", ("registry", "session", "version", "pending", "crossed"), "credits", give_credit),
        Stage("believe", ("registry", "session", "version", "mature", "regime"), "beliefs", believe),
        Stage(
            "share", ("registry", "version", "mature", "windows", "comparisons", "beliefs", "standing"), "shares", share
        ),
        Stage("propose", ("session", "version", "comparisons", "shares"), "proposals", propose),
    )
}
"""The stages of the daily cycle by name, in their usual order."""
