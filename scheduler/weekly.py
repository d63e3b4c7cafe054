"""The weekly cycle: what history says of weights, thresholds, exits and sizes, bought or not."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from scheduler.history import History
from scheduler.refit import Learned, refit
from scheduler.stage import Stage
from schemas.cycles import WEEKLY
from schemas.learner import LearnerKind
from schemas.parameters import Registry
from schemas.params import ParamsProposed, ProposalKind
from schemas.version import Version

KIND = WEEKLY

GIVEN = ("registry", "session", "version", "histories", "passed")
"""The facts that the cycle starts from: all read from the store, up to the cut. By learner's id are the histories, and
how many windows of so many sessions as it looks at have passed."""

NO_VERSION = "no version was in force when the session settled, so there is nothing to compare with"

Results = Sequence[Learned]


class Conclusions(NamedTuple):
    """What became of every learner, and what is proposed, with the id of each one's evidence by its learner."""

    learned: Results
    proposals: list[ParamsProposed]
    evidence: dict[str, Learned]


def _stage(name: str, kind: LearnerKind) -> Stage:
    """The stage that lets the learners of one kind learn."""

    def work(
        registry: Registry, version: Version | None, histories: Mapping[str, History], passed: Mapping[str, int]
    ) -> tuple[Results, str]:
        learners = [learner for learner in registry.learners if learner.kind is kind]
        if version is None:
            return [], NO_VERSION
        found = [
            refit(learner, registry, version, histories[learner.id], passed=passed[learner.id]) for learner in learners
        ]
        return found, "; ".join(f"{one.learner.id}: {one.verdict.reason}" for one in found) or "no learner"

    return Stage(name, ("registry", "version", "histories", "passed"), f"{name}_learned", work)


def propose(
    registry: Registry,
    session: str,
    weights: Results,
    thresholds: Results,
    exits: Results,
    sizes: Results,
) -> tuple[Conclusions, str]:
    """Ask the gate for the first step toward what was found, of each learner whose evidence holds."""
    learned = [*weights, *thresholds, *exits, *sizes]
    evidence = {
        f"{KIND}/{registry.strategy}/{session}/{one.learner.id}": one for one in learned if one.evidence is not None
    }
    proposals = [
        _proposal(registry, session, one, identity=identity)
        for identity, one in evidence.items()
        if one.verdict.accepted
    ]
    return Conclusions(learned, proposals, evidence), f"{len(proposals)} proposals"


def _proposal(registry: Registry, session: str, one: Learned, *, identity: str) -> ParamsProposed:
    assert one.evidence is not None
    moves = ", ".join(
        f"{name} {one.evidence.incumbent[name]:g} to {value:g}"
        for name, value in one.evidence.proposed.items()
        if value != one.evidence.incumbent[name]
    )
    return ParamsProposed(
        strategy=registry.strategy,
        proposal_id=f"{KIND}/{session}/{one.learner.id}",
        kind=ProposalKind.LEARNED,
        session=session,
        proposed_by=KIND,
        reason=f"{moves}, on the way to {_told(one.evidence.chosen)}: {one.verdict.reason}",
        values=dict(one.evidence.proposed),
        evidence=identity,
    )


def told(one: Learned) -> str:
    """What a learner tried, found, and why it proposes or not, for a person."""
    left_out = f"; {one.unknown:,} left out, of which something is not known" if one.unknown else ""
    if one.evidence is None:
        return f"{one.learner.id}: {one.verdict.reason}{left_out}"
    found = f"chose {_told(one.evidence.chosen)}, in force {_told(one.evidence.incumbent)}"
    verdict = f"proposes {_told(one.evidence.proposed)}" if one.verdict.accepted else "stays"
    return f"{one.learner.id}: {found}; {verdict}: {one.verdict.reason}{left_out}"


def _told(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())


STAGES: Mapping[str, Stage] = {
    stage.name: stage
    for stage in (
        _stage("weights", LearnerKind.WEIGHTS),
        _stage("thresholds", LearnerKind.THRESHOLD),
        _stage("exits", LearnerKind.EXITS),
        _stage("position_sizes", LearnerKind.POSITION_SIZE),
        Stage(
            "propose",
            (
                "registry",
                "session",
                "weights_learned",
                "thresholds_learned",
                "exits_learned",
                "position_sizes_learned",
            ),
            "conclusions",
            propose,
        ),
    )
}
"""The stages of the weekly cycle by name, in their order."""
