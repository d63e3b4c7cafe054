import itertools

import pytest

from scheduler.cycle import Cycle, InvalidCycle, in_order
from scheduler.stage import Stage


def stage(name, reads, writes, work=lambda *facts: (sum(facts), "summed")):
    return Stage(name, tuple(reads), writes, work)


def test_hands_each_stage_the_facts_that_it_reads_and_times_it():
    cycle = Cycle(
        "test", [stage("twice", ["a"], "b", lambda a: (2 * a, "doubled")), stage("sum", ["a", "b"], "c")], given=["a"]
    )
    ticks = itertools.count()
    facts, reports = cycle.run({"a": 3}, timer=lambda: float(next(ticks)))
    assert {"a": 3, "b": 6, "c": 9} == facts
    assert [("twice", "doubled", 1.0), ("sum", "summed", 1.0)] == [(r.name, r.summary, r.seconds) for r in reports]


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        ([stage("one", [], "a"), stage("one", [], "b")], "a second stage 'one'"),
        ([stage("one", [], "a"), stage("two", [], "a")], "writes 'a', which exists already"),
        (
            [stage("one", ["later"], "a"), stage("two", [], "later")],
            r"reads \['later'\], which no earlier stage writes",
        ),
    ],
)
def test_refuses_stages_that_cannot_follow_each_other_before_anything_runs(stages, said):
    with pytest.raises(InvalidCycle, match=said):
        Cycle("test", stages, given=[])


def test_what_a_stage_raises_ends_the_cycle():
    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Cycle("test", [stage("broken", [], "a", broken)], given=[]).run({}, timer=lambda: 0.0)


def test_the_order_of_stages_is_a_setting_and_an_unknown_name_is_refused():
    known = {name: stage(name, [], name) for name in ("one", "two")}
    assert ["two", "one"] == [each.name for each in in_order(known, ["two", "one"])]
    assert ["one", "two"] == [each.name for each in in_order(known, None)]
    with pytest.raises(InvalidCycle, match=r"no stage is called \['three'\]"):
        in_order(known, ["three"])
