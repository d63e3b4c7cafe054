"""A learner's arms: which are let in, what becomes of the others, and how long they last."""

import msgspec
import pytest

from schemas.allocation import WHOLE, Arm
from schemas.errors import Refused
from schemas.parameters import LearningRules, Parameter, Proposer, Registry, Trial
from schemas.params import ParamsProposed, ProposalKind
from workers.gate.draft import Circumstances, draft
from workers.gate.publication import first_version, reconciled


def parameter(name, default, **more):
    described = {"category": "test", "affects": "score", "description": "For a test.", "min": 0.0, "max": 1.0}
    return Parameter(name=name, default=default, **{**described, **more})


PARAMETERS = [
    parameter("x", 0.5, max_change=0.1, step=0.01),
    parameter("n", 5, type="integer", max=9, max_change=2),
    parameter("a", 0.2, max_change=0.05, group="w"),
    parameter("b", 0.3, max_change=0.05, group="w"),
    parameter("c", 0.5, max_change=0.05, group="w"),
    parameter("other", 0.5),
]


def registry(*, definitions=PARAMETERS, **more):
    trial = {"id": "t", "layer": "t", "share": 0.05, "proposes": Proposer.BAYESIAN, "arms": 4} | more
    made = Registry(
        learning=LearningRules(budget=0.2),
        parameters={one.name: one for one in definitions},
        trials=[Trial(**trial)],
    )
    return msgspec.convert(msgspec.to_builtins(made), Registry)


ONE = registry(offsets=[{"x": 0.1}, {"x": -0.1}])
ALONE = registry(parameters=["x"])


def proposal(*arms, allocation="t.1-1"):
    return ParamsProposed(
        proposal_id="p",
        kind=ProposalKind.ARMS,
        session="2024-01-02",
        proposed_by="bayesian",
        reason="because",
        allocation=allocation,
        arms=list(arms),
    )


def drafted(rules, *arms, version=None, **more):
    around = Circumstances(
        version=version or first_version(rules),
        registry=rules,
        day_start=dict,
        evidence=lambda row, arm: None,
        history=lambda row, arm: None,
        next_version="1-2",
    )
    return draft(proposal(*arms, **more), around)


def following(version, made):
    return msgspec.structs.replace(
        version, number=version.number + 1, values=made.values, allocations=made.allocations, checksum=""
    )


def test_a_new_arm_begins_in_shadow_and_one_that_stays_keeps_its_share_and_the_allocation_its_name():
    [made] = drafted(ONE, {"x": 0.55}, {"x": 0.4}).allocations
    assert "t.1-1" == made.id
    assert [Arm({"x": 0.4}, 250), Arm({"x": 0.55}, 0), Arm({"x": 0.5}, WHOLE - 250)] == made.arms


def test_no_value_moves_with_the_arms():
    made = drafted(ONE, {"x": 0.55})
    assert (first_version(ONE).values, []) == (made.values, made.changes)


def test_all_arms_may_go():
    [made] = drafted(ONE).allocations
    assert [Arm({"x": 0.5}, WHOLE)] == made.arms


def test_the_order_in_which_arms_are_named_does_not_move_units():
    forth = drafted(ONE, {"x": 0.6}, {"x": 0.4}, {"x": 0.45})
    back = drafted(ONE, {"x": 0.45}, {"x": 0.4}, {"x": 0.6})
    assert forth.allocations == back.allocations


def test_what_is_tried_already_is_no_change():
    with pytest.raises(Refused, match="nothing would change"):
        drafted(ONE, {"x": 0.4}, {"x": 0.6})


@pytest.mark.parametrize(
    ("arms", "reason"),
    [
        ([{"x": 0.61}], "x would move from 0.5 to 0.61 within a day; its largest change a day is 0.1"),
        ([{"x": 0.555}], "x = 0.555 is not on its steps; the nearest is 0.5[56]"),
        ([{"x": 0.5}], 'the arm {"x":0.5} is the baseline'),
        ([{"x": 0.55}, {"x": 0.55}], "two of the arms wanted have the same values"),
        ([{"x": 0.5 + place / 100} for place in range(1, 6)], "5 arms are wanted; trial 't' has at most 4"),
        ([{"other": 0.55}], r"an arm must set exactly \['x'\], not \['other'\]"),
        ([{"x": 0.55, "other": 0.5}], r"an arm must set exactly \['x'\], not \['other', 'x'\]"),
        ([{"x": "much"}], "'much' is not a finite number"),
    ],
)
def test_arms_that_may_not_be_tried_are_refused_with_the_figures(arms, reason):
    with pytest.raises(Refused, match=reason):
        drafted(ONE, *arms)


@pytest.mark.parametrize(
    ("arms", "reason"),
    [
        ([{"x": 0.98}], "x = 0.98 is above its greatest value 0.95"),
        ([{"x": 0.85}], "x would move from 0.95 to 0.85"),
    ],
)
def test_bounds_hold_near_the_end_of_them(arms, reason):
    near = parameter("x", 0.95, max=0.95, max_change=0.05)
    with pytest.raises(Refused, match=reason):
        drafted(registry(definitions=[near], offsets=[{"x": -0.05}]), *arms)


def test_an_integer_stays_one():
    rules = registry(offsets=[{"n": 1}])
    [made] = drafted(rules, {"n": 7}).allocations
    assert [{"n": 7}, {"n": 5}] == [arm.values for arm in made.arms]
    with pytest.raises(Refused, match="must be a whole number"):
        drafted(rules, {"n": 5.5})


def test_weights_of_one_group_still_sum_to_1():
    rules = registry(offsets=[{"a": 0.05, "b": -0.05}])
    assert drafted(rules, {"a": 0.22, "b": 0.28})
    with pytest.raises(Refused, match=r"group 'w' would sum to 1\.02"):
        drafted(rules, {"a": 0.22, "b": 0.3})


def test_only_a_trial_that_says_so_takes_arms_from_a_learner():
    with pytest.raises(Refused, match=r"its .* would say purpose = 'explore' and proposes = 'bayesian'"):
        drafted(registry(offsets=[{"x": 0.1}], proposes=None), {"x": 0.55})


def test_an_allocation_that_is_not_in_force_takes_none():
    with pytest.raises(Refused, match=r"'t\.1-0' is not in force"):
        drafted(ONE, {"x": 0.55}, allocation="t.1-0")


def test_without_offsets_the_baseline_stands_alone_until_arms_are_proposed():
    version = first_version(ALONE)
    assert [[Arm({"x": 0.5}, WHOLE)]] == [one.arms for one in version.allocations]
    [made] = drafted(ALONE, {"x": 0.55}).allocations
    assert [Arm({"x": 0.55}, 0), Arm({"x": 0.5}, WHOLE)] == made.arms


class Learned:
    """A version with one arm that a learner proposed."""

    def __init__(self, rules=ONE):
        self.rules = rules
        begun = first_version(rules)
        self.version = following(begun, drafted(rules, {"x": 0.55}, version=begun))
        [self.allocation] = [one for one in self.version.allocations if one.id.startswith("t.")]

    @property
    def circumstances(self):
        return Circumstances(
            self.version, self.rules, lambda: self.version.values, *[lambda row, arm: None] * 2, next_version="1-3"
        )

    def after(self, rules):
        found = reconciled(self.version, rules, epoch=1)
        return [one for one in found.version.allocations if one.id.startswith("t.")]


def test_learned_arms_outlive_an_edit_of_the_registry_that_does_not_concern_them():
    elsewhere = [*PARAMETERS[:5], parameter("other", 0.6)]
    learned = Learned()
    assert [learned.allocation] == learned.after(registry(definitions=elsewhere, offsets=[{"x": 0.1}, {"x": -0.1}]))


def test_learned_arms_outlive_a_value_that_a_person_moves_elsewhere():
    learned = Learned()
    wanted = ParamsProposed(
        proposal_id="v", kind=ProposalKind.VALUES, session="2024-01-02", proposed_by="ann", reason="r", values={"n": 6}
    )
    around = learned.circumstances
    assert [learned.allocation] == draft(wanted, around).allocations


def test_where_the_baseline_moves_the_first_arms_begin_anew_around_it():
    learned = Learned()
    wanted = ParamsProposed(
        proposal_id="v",
        kind=ProposalKind.VALUES,
        session="2024-01-02",
        proposed_by="ann",
        reason="r",
        values={"x": 0.55},
    )
    around = learned.circumstances
    [made] = draft(wanted, around).allocations
    assert ("t.1-3", [{"x": 0.65}, {"x": 0.45}, {"x": 0.55}]) == (made.id, [arm.values for arm in made.arms])


@pytest.mark.parametrize(
    "changed",
    [
        {"definitions": [parameter("x", 0.5, max_change=0.04, step=0.01), *PARAMETERS[1:]], "offsets": [{"x": 0.04}]},
        {"definitions": [parameter("x", 0.5, max=0.53, max_change=0.1), *PARAMETERS[1:]], "offsets": [{"x": -0.1}]},
        {"offsets": [{"x": 0.1, "n": 1}]},
        {"offsets": [{"x": 0.1}, {"x": -0.1}], "layer": "another"},
        {"offsets": [{"x": 0.1}, {"x": -0.1}], "proposes": None},
    ],
    ids=["budget", "bound", "parameters", "layer", "fixed"],
)
def test_learned_arms_end_where_the_edit_concerns_them(changed):
    [fresh] = Learned().after(registry(**changed))
    assert "t.1-3" == fresh.id
