"""Versions are for ever, follow one another, and say which allocations were in force when."""

import msgspec
import pytest

from schemas.allocation import Allocation, Arm, Purpose
from schemas.params import Change
from schemas.version import Version, VersionNumber
from store.allocations import Allocations
from store.audit import Audit, moved
from store.errors import StoreRefused
from store.splits import splits
from store.versions import Versions


def allocation(name, *, share=500):
    arms = [Arm({"weight": 0.3}, share), Arm({"weight": 0.25}, 10_000 - share)]
    return Allocation(id=name, layer="weights", purpose=Purpose.EXPLORE, parameters=["weight"], arms=arms)


def version(number, *, epoch=1, previous=None, session="2024-01-02", allocations=(), strategy="main", **values):
    return Version(
        strategy=strategy,
        epoch=epoch,
        number=number,
        previous=previous,
        session=session,
        regime="all",
        registry="hash",
        values={"weight": 0.25, "avoid": ["GME"], "curve": [[0.0, 0.1], [1.0, 0.9]], "days": 5, **values},
        allocations=list(allocations),
    )


def add(store, *versions, proposal_id=None):
    with store.begin() as work:
        for one in versions:
            Versions(work.connection).add(one, proposal_id=proposal_id, now=7)
        work.commit()


def test_tells_how_each_of_the_named_versions_splits_units(store):
    first, second = allocation("trial.1-1"), allocation("trial.1-1", share=900)
    add(store, version(1, allocations=[first]), version(2, previous="1-1", allocations=[second]))
    add(store, version(1, strategy="other", allocations=[allocation("other.1-1")]))

    with store.read() as reading:
        found = splits(reading, "main", ["1-2", "1-1", "1-3", "2-1"])
        assert {} == splits(reading, "nobody", ["1-1"])
    keys = [arm.key for arm in first.arms]
    assert {
        ("1-1", "trial.1-1"): ("trial.1-1", keys, [500, 9_500]),
        ("1-2", "trial.1-1"): ("trial.1-1", keys, [900, 9_100]),
    } == found
    units = [f"{number}/2024-01-02" for number in range(100)]
    assert [second.arm_of(unit).key for unit in units] == [found["1-2", "trial.1-1"].arm_of(unit) for unit in units]


def test_a_version_comes_back_as_it_was_written(store):
    first = version(1, allocations=[allocation("trial.1-1")])
    add(store, first, proposal_id="p1")

    with store.read() as reading:
        [found] = Versions(reading).history("main")
        assert (first, "p1", 7) == found
        assert found.version.intact
        assert first == Versions(reading).get("main", VersionNumber(1, 1))
        assert Versions(reading).get("main", VersionNumber(2, 1)) is None
        assert Versions(reading).latest("other") is None


def test_the_latest_version_is_the_highest_of_the_newest_epoch(store):
    add(store, version(9), version(10, previous="1-9"), version(1, epoch=2, previous="1-10"))

    with store.read() as reading:
        assert VersionNumber(2, 1) == Versions(reading).latest("main").id
        assert ["2-1", "1-10", "1-9"] == [str(row.version.id) for row in Versions(reading).history("main")]
        assert ["2-1"] == [str(row.version.id) for row in Versions(reading).history("main", limit=1)]


@pytest.mark.parametrize(
    "wrong",
    [
        version(2, previous="1-2"),
        version(2, previous="1-1"),
        version(3, previous="1-1"),
        version(3),
        version(1, epoch=0, previous="1-2"),
    ],
    ids=["the same again", "another of that number", "skips its predecessor", "has none", "older epoch"],
)
def test_refuses_a_version_that_does_not_follow_the_latest(store, wrong):
    add(store, version(1), version(2, previous="1-1"))

    with pytest.raises(StoreRefused, match="does not follow 1-2"):
        add(store, wrong)


def test_refuses_a_version_whose_content_was_changed_after_it_was_summed(store):
    changed = msgspec.structs.replace(version(1), regime="bull")

    with pytest.raises(StoreRefused, match="checksum"):
        add(store, changed)


def test_finds_what_was_in_force_before_a_session(store):
    add(
        store,
        version(1, session="2024-01-02"),
        version(2, previous="1-1", session="2024-01-03"),
        version(3, previous="1-2", session="2024-01-03"),
    )

    with store.read() as reading:
        assert 1 == Versions(reading).last_before("main", session="2024-01-03").number
        assert 3 == Versions(reading).last_before("main", session="2024-01-04").number
        assert Versions(reading).last_before("main", session="2024-01-02") is None


def test_says_from_which_version_to_which_an_allocation_was_in_force(store):
    add(
        store,
        version(1, allocations=[allocation("a"), allocation("b")]),
        version(2, previous="1-1", allocations=[allocation("a", share=700), allocation("b")]),
        version(3, previous="1-2", allocations=[allocation("a", share=700), allocation("c")]),
        version(4, previous="1-3", allocations=[allocation("a", share=700), allocation("c")]),
        version(1, strategy="other"),
    )

    with store.read() as reading:
        rows = {row.allocation.id: row for row in Allocations(reading).history("main")}
        assert (allocation("a", share=700), "1-1", None) == rows["a"]
        assert (allocation("b"), "1-1", "1-2") == rows["b"]
        assert (allocation("c"), "1-3", None) == rows["c"]


def test_a_rollback_brings_an_allocation_back_into_force(store):
    add(
        store,
        version(1, allocations=[allocation("a")]),
        version(2, previous="1-1"),
        version(3, previous="1-2", allocations=[allocation("a")]),
    )

    with store.read() as reading:
        assert [(allocation("a"), "1-1", None)] == Allocations(reading).history("main")


def test_every_value_that_moved_is_in_the_audit_trail(store):
    changes = [
        Change(name="weight", old=0.25, new=0.3, reason="better", evidence="e1"),
        Change(name="avoid", old=["GME"], new=["GME", "AMC"], reason="a person asked"),
        Change(name="days", old=5, new=7, reason="better"),
    ]
    with store.begin() as work:
        later = [Change(name="weight", old=0.3, new=0.2, reason="?")]
        first = moved(version(2), changes, by="gate", time=11)
        Audit(work.connection).record([*first, *moved(version(3), later, by="x", time=12)])
        work.commit()

    with store.read() as reading:
        audit = Audit(reading)
        assert ("main", "1-2", "weight", 0.25, 0.3, "better", "e1", "gate", 11) == audit.history("main", name="weight")[
            1
        ]
        assert ["weight", "days", "avoid", "weight"] == [one.name for one in audit.history("main")]
        assert (5, 7) == audit.history("main", name="days")[0][3:5]
        assert ["GME", "AMC"] == audit.history("main", name="avoid")[0].new
        assert [] == audit.history("other")
