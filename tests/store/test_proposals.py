"""A proposal takes only the steps that the gate allows, and each is kept."""

import pytest

from schemas.params import ParamsProposed, ProposalKind
from store.errors import ForbiddenTransition, StoreBusy, UnknownRow
from store.proposals import TRANSITIONS, Judged, Proposals, ProposalState, Step, Transition

PROPOSED, VALIDATED, REJECTED = ProposalState.PROPOSED, ProposalState.VALIDATED, ProposalState.REJECTED
SHADOW, DEPLOYED, ROLLED_BACK = ProposalState.SHADOW, ProposalState.DEPLOYED, ProposalState.ROLLED_BACK


def proposal(name="p1", **changed):
    fields = {
        "proposal_id": name,
        "kind": ProposalKind.BASELINE,
        "session": "2024-01-02",
        "proposed_by": "daily",
        "reason": "probably better",
        "allocation": "trial.1-1",
        "values": {"weight": 0.3},
        "evidence": "e1",
    }
    return ParamsProposed(**fields | changed)


@pytest.fixture
def proposals(store):
    with store.begin() as work:
        yield Proposals(work.connection)


def walk(proposals, *states, name="p1"):
    for time, state in enumerate(states, start=2):
        proposals.move("main", name, Step(state, f"to {state.value}"), by="gate", time=time)


def test_a_proposal_comes_back_as_it_was_made(proposals):
    proposals.add([Judged(proposal())], now=1)

    assert (proposal(), PROPOSED, None, None, 1) == proposals.get("main", "p1")
    assert proposals.get("other", "p1") is None


def test_those_that_are_there_already_are_known(proposals):
    proposals.add([Judged(proposal("p1")), Judged(proposal("p2"))], now=1)

    assert {"p1", "p2"} == proposals.known("main", ["p2", "p3", "p1"])
    assert set() == proposals.known("other", ["p1"])
    assert set() == proposals.known("main", [])


def test_a_proposal_that_another_gate_wrote_meanwhile_is_not_written_again(proposals):
    proposals.add([Judged(proposal())], now=1)
    walk(proposals, VALIDATED)

    with pytest.raises(StoreBusy, match="by another gate meanwhile; repeat the turn"):
        proposals.add([Judged(proposal("p2")), Judged(proposal(reason="again"))], now=5)
    assert (proposal(), VALIDATED) == proposals.get("main", "p1")[:2]
    assert 2 == len(proposals.steps("main", "p1"))


def test_every_step_is_kept_with_its_reason(proposals):
    proposals.add([Judged(proposal())], now=1)
    walk(proposals, VALIDATED, DEPLOYED)
    proposals.move("main", "p1", Step(ROLLED_BACK, "worse"), by="ada", time=9)

    assert [
        Transition(None, PROPOSED, "probably better", "daily", 1),
        Transition(PROPOSED, VALIDATED, "to validated", "gate", 2),
        Transition(VALIDATED, DEPLOYED, "to deployed", "gate", 3),
        Transition(DEPLOYED, ROLLED_BACK, "worse", "ada", 9),
    ] == proposals.steps("main", "p1")


def test_steps_that_are_taken_together_are_kept_one_by_one_or_not_at_all(proposals):
    proposals.add([Judged(proposal())], now=1)
    with pytest.raises(ForbiddenTransition, match="is validated: it cannot become rolled_back"):
        proposals.move("main", "p1", Step(VALIDATED, "fits"), Step(ROLLED_BACK, "worse"), by="gate", time=2)
    assert (PROPOSED, 1) == (proposals.get("main", "p1").state, len(proposals.steps("main", "p1")))

    proposals.move("main", "p1", Step(VALIDATED, "fits"), Step(DEPLOYED, "better"), by="gate", time=2, version="1-7")
    assert (DEPLOYED, "better", "1-7") == proposals.get("main", "p1")[1:4]
    assert [
        Transition(PROPOSED, VALIDATED, "fits", "gate", 2),
        Transition(VALIDATED, DEPLOYED, "better", "gate", 2),
    ] == proposals.steps("main", "p1")[1:]


def test_a_proposal_remembers_the_version_that_it_became(proposals):
    proposals.add([Judged(proposal())], now=1)
    walk(proposals, VALIDATED)
    proposals.move("main", "p1", Step(DEPLOYED, "better"), by="gate", time=3, version="1-7")
    proposals.move("main", "p1", Step(ROLLED_BACK, "worse"), by="gate", time=4)

    assert (ROLLED_BACK, "worse", "1-7") == proposals.get("main", "p1")[1:4]


def test_a_new_proposal_takes_its_first_steps_at_once(proposals):
    steps = (Step(VALIDATED, "fits"), Step(DEPLOYED, "better"))
    proposals.add([Judged(proposal("p1"), steps, version="1-7"), Judged(proposal("p2"), steps[:1], by="ada")], now=3)

    assert (proposal("p1"), DEPLOYED, "better", "1-7", 3) == proposals.get("main", "p1")
    assert (proposal("p2"), VALIDATED, "fits", None, 3) == proposals.get("main", "p2")
    assert [
        Transition(None, PROPOSED, "probably better", "daily", 3),
        Transition(PROPOSED, VALIDATED, "fits", "gate", 3),
        Transition(VALIDATED, DEPLOYED, "better", "gate", 3),
    ] == proposals.steps("main", "p1")
    assert ["daily", "ada"] == [step.by for step in proposals.steps("main", "p2")]


def test_a_new_proposal_takes_no_step_that_the_gate_has_not(proposals):
    with pytest.raises(ForbiddenTransition, match="is proposed: it cannot become deployed"):
        proposals.add([Judged(proposal(), (Step(DEPLOYED, "at once"),))], now=1)
    assert proposals.get("main", "p1") is None


@pytest.mark.parametrize("old", ProposalState)
@pytest.mark.parametrize("new", ProposalState)
def test_only_the_gates_own_steps_are_possible(proposals, old, new):
    proposals.add([Judged(proposal())], now=1)
    walk(proposals, *path_to(old))

    if new in TRANSITIONS[old]:
        walk(proposals, new)
        assert new is proposals.get("main", "p1").state
    else:
        with pytest.raises(ForbiddenTransition, match=f"is {old.value}: it cannot become {new.value}"):
            walk(proposals, new)
        assert old is proposals.get("main", "p1").state


def path_to(wanted):
    paths = {PROPOSED: []}
    while wanted not in paths:
        paths |= {
            new: [*path, new] for old, path in list(paths.items()) for new in TRANSITIONS[old] if new not in paths
        }
    return paths[wanted]


def test_a_candidate_goes_live_in_steps_of_which_none_can_be_left_out():
    live = [ProposalState(f"rollout_{share}") for share in (5, 25, 50, 100)]

    assert {VALIDATED, REJECTED} == TRANSITIONS[PROPOSED]
    assert {SHADOW, DEPLOYED, REJECTED} == TRANSITIONS[VALIDATED]
    assert {live[0], REJECTED} == TRANSITIONS[SHADOW]
    assert [{step, ROLLED_BACK} for step in (*live[1:], DEPLOYED)] == [TRANSITIONS[step] for step in live]
    assert {ROLLED_BACK} == TRANSITIONS[DEPLOYED]
    assert set() == TRANSITIONS[REJECTED] | TRANSITIONS[ROLLED_BACK]


def test_a_proposal_that_nobody_made_cannot_move(proposals):
    with pytest.raises(UnknownRow, match="no proposal 'p9'"):
        walk(proposals, VALIDATED, name="p9")


def test_lists_those_that_wait_the_oldest_first(proposals):
    for time, name in enumerate(["p3", "p1", "p2"]):
        proposals.add([Judged(proposal(name))], now=time)
    proposals.add([Judged(proposal("theirs", strategy="other"))], now=0)
    walk(proposals, VALIDATED, name="p1")

    assert ["p3", "p2"] == [row.proposal.proposal_id for row in proposals.waiting("main", PROPOSED)]
    assert ["p1"] == [row.proposal.proposal_id for row in proposals.waiting("main", VALIDATED)]
    assert ["p2", "p1", "p3"] == [row.proposal.proposal_id for row in proposals.history("main")]
    assert ["p2"] == [row.proposal.proposal_id for row in proposals.history("main", limit=1)]
