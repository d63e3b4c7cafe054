"""How much of the windows of an arm's units is their own, and where that is told."""

import pytest
from msgspec import json, structs

from scheduler.windows import Window, mean_uniqueness, read_windows
from schemas.allocation import Arm, arm_key, unit_of
from schemas.calendar import Calendar
from schemas.params import ProposalKind
from store.assigned import assigned_units
from store.evidence import EvidenceRows
from store.statistics import StatisticsRow
from store.tables import instruments
from store.versions import Versions
from tests.scheduler.conftest import FIRST
from tests.scheduler.cycles import BASELINE, CANDIDATE, letters, mixed, run


def in_force(ledger):
    with ledger.store.read() as reading:
        return Versions(reading).latest("test")


def symbols(ledger, number, arm):
    """Symbols whose unit of that session is assigned to ``arm``."""
    [allocation] = in_force(ledger).allocations
    session = ledger.session(number)
    return (name for place in range(10_000) if allocation.arm_of(unit_of(name := f"S{place}", session)).key == arm)


def cohort(allocation, session):
    return StatisticsRow("test", allocation, session, BASELINE, "all", "alert_return:1d", "1-1", 1, 0, 0)


def windows(ledger, *, since=0, session=20, cut=10**9, registry=None):
    with ledger.store.read() as reading:
        found = read_windows(
            reading,
            registry or ledger.registry,
            Versions(reading).latest("test"),
            cohorts=[cohort("gone.1-1", "2020-01-02"), cohort("lever.1-1", ledger.session(since))],
            session=ledger.session(session),
            cut=cut,
        )
    return found["lever.1-1"]


def judged_by(registry, reward, **market):
    lever = structs.replace(registry.parameters["lever"], reward=reward)
    return structs.replace(registry, parameters={"lever": lever}, market=structs.replace(registry.market, **market))


def places(ledger, found):
    begin = ledger.calendar.place(ledger.session(0))
    return [(one.first - begin, one.last - begin) for one in found]


@pytest.mark.parametrize(
    ("last", "reward", "market"),
    [
        (0, "alert_return:1d", {}),
        (4, "alert_return:5d", {}),
        (6, "unit_pnl:close", {"close_after": 7}),
        (0, "alert_return:390m", {}),
        (1, "alert_return:391m", {}),
        (4, "alert_return:30h", {}),
    ],
)
def test_a_window_has_as_many_sessions_as_the_reward_is_measured_over(ledger, last, reward, market):
    ledger.alert("A", 0)
    found = windows(ledger, registry=judged_by(ledger.registry, reward, **market))
    assert [(0, last)] == places(ledger, found)


def test_a_window_begins_with_the_session_in_which_its_unit_could_be_entered(ledger):
    row = ledger.alert("A", 3, entry=ledger.session(4))
    [window] = windows(ledger)
    assert (row["session"], 1) == (window.session, window.instrument)
    assert [(4, 4)] == places(ledger, [window])


def test_the_calendar_is_that_of_the_venue(ledger):
    with ledger.store.begin() as work:
        work.insert(instruments, [{"id": 3, "strategy": "test", "venue": "LSE", "symbol": "B"}])
        work.commit()
    ledger.alert("B", 0, entry="2024-05-24", instrument=3)
    registry = judged_by(ledger.registry, "alert_return:2d", venues={"LSE": "XLON"})
    [window] = windows(ledger, session=200, registry=registry)
    london = Calendar.named("XLON")
    assert ("2024-05-24", "2024-05-28") == (london.sessions[window.first], london.sessions[window.last])


def test_a_date_that_is_no_session_of_a_new_calendar_counts_as_the_next_one(ledger):
    ledger.alert("A", 0, entry="2024-01-06")
    [window] = windows(ledger)
    assert "2024-01-08" == ledger.calendar.sessions[window.first]


def test_a_unit_stays_in_the_arm_that_its_own_version_gave_it(ledger):
    first = in_force(ledger)
    [allocation] = first.allocations
    moved = structs.replace(
        allocation, arms=[Arm(arm.values, share) for arm, share in zip(allocation.arms, [9_000, 1_000], strict=True)]
    )
    with ledger.store.begin() as work:
        second = structs.replace(first, number=2, previous="1-1", allocations=[moved], checksum="")
        Versions(work.connection).add(second, proposal_id=None, now=0)
        work.commit()
    session = ledger.session(0)
    name = next(
        name
        for place in range(10_000)
        if allocation.arm_of(unit_of(name := f"S{place}", session)).key != moved.arm_of(unit_of(name, session)).key
    )
    ledger.alert(name, 0, version="1-1")
    ledger.alert(name, 1, version="1-2")
    [old, new] = windows(ledger)
    assert allocation.arm_of(unit_of(name, session)).key == old.arm
    assert moved.arm_of(unit_of(name, ledger.session(1))).key == new.arm


def test_a_unit_is_entered_as_its_first_decision_says_or_else_its_first_alert(ledger):
    ledger.alert("A", 0)
    ledger.decision("A", 0, entry=ledger.session(3), action="LIQUIDATE")
    ledger.decision("A", 0, entry=ledger.session(1))
    ledger.decision("A", 0, entry=ledger.session(2))
    ledger.alert("B", 5)
    ledger.alert("B", 5, entry=ledger.session(6))
    assert [(1, 1), (5, 5)] == sorted(places(ledger, windows(ledger)))


def test_a_decision_that_names_no_version_has_that_of_its_alert(ledger):
    about = ledger.alert("A", 0)
    ledger.decision("A", 0, entry=ledger.session(1), version=None, alert_id=about["alert_id"])
    assert [(1, 1)] == places(ledger, windows(ledger))


@pytest.mark.parametrize("version", [None, "1-2", "2-1"])
def test_a_unit_of_no_known_version_was_assigned_to_nothing(ledger, version):
    ledger.alert("A", 0, version=version)
    assert [] == windows(ledger)


def test_only_units_up_to_the_cut_and_entered_by_the_session_are_looked_at(ledger):
    ledger.alert("EARLY", 0)
    ledger.alert("IN", 3)
    ledger.alert("LATE", 6)
    last = ledger.alert("TIME", 5)
    ledger.alert("BEYOND", 4)
    found = windows(ledger, since=2, session=5, cut=last["sequence"])
    assert [(3, 3), (5, 5)] == sorted(places(ledger, found))


def test_units_of_other_strategies_are_none_of_its_own(ledger):
    with ledger.store.begin() as work:
        work.insert(instruments, [{"id": 3, "strategy": "other", "venue": "", "symbol": "A"}])
        work.commit()
    ledger.alert("A", 0, instrument=3, strategy="other")
    assert [] == windows(ledger)


def test_windows_share_sessions_only_within_their_arm_and_the_sessions_that_count():
    overlapping = [Window("mon", "a", 1, 0, 4), Window("tue", "a", 1, 1, 5), Window("wed", "a", 2, 2, 6)]
    others = [Window("mon", "b", 1, 0, 4), Window("thu", "a", 1, 3, 7)]
    assert pytest.approx((0.6 + 0.6 + 1) / 3) == mean_uniqueness(
        [*overlapping, *others], arm="a", sessions={"mon", "tue", "wed"}
    )
    assert 1.0 == mean_uniqueness([*overlapping, *others], arm="b", sessions={"mon"})
    assert mean_uniqueness(others, arm="a", sessions={"mon"}) is None


def twelve_sessions(ledger, *, candidate=0.03):
    """Units of the candidate in two instruments, of the baseline in one; the cycle of the last session."""
    for number in range(12):
        session = ledger.write(number, mixed(candidate, 0.0), settle=False)
        for arm, instrument_of in ((CANDIDATE, lambda place: place % 2), (BASELINE, lambda place: 0)):
            for place, symbol in zip(range(4), symbols(ledger, number, arm), strict=False):
                ledger.alert(symbol, number, instrument=1 + instrument_of(place))
    ledger.write(11, [])
    return session


def test_the_evidence_of_a_proposal_says_what_its_units_are_worth(ledger):
    run(ledger, twelve_sessions(ledger))
    [proposal] = [one for one in letters(ledger) if getattr(one, "kind", None) is ProposalKind.BASELINE]
    with ledger.store.read() as reading:
        [figures] = EvidenceRows(reading).get(proposal.evidence).arms.values()
    said = json.decode(figures)
    assert (60, 60) == (said["units"], said["baseline_units"])
    assert pytest.approx((0.5, 30.0)) == (said["uniqueness"], said["n_effective"])
    assert pytest.approx((0.25, 15.0)) == (said["baseline_uniqueness"], said["baseline_effective"])
    counted = "60 units (effective 30.0, uniqueness 0.50) against 60 units (effective 15.0, uniqueness 0.25)"
    assert counted in proposal.reason
    assert counted in letters(ledger)[-1].report


def test_a_unit_whose_decision_names_no_version_is_assigned_by_its_alert(ledger):
    ledger.decision("A", 0, version=None)
    ledger.alert("A", 0)
    with ledger.store.read() as reading:
        [unit] = assigned_units(reading, "test", first=FIRST, last=FIRST, cut=10**6)
    assert "1-1" == unit.version


def test_an_alert_that_came_after_the_cut_tells_no_version(ledger):
    cut = ledger.decision("A", 0, version=None, alert_id="late")["sequence"]
    ledger.alert("B", 0, alert_id="late")
    with ledger.store.read() as reading:
        assert [] == assigned_units(reading, "test", first=FIRST, last=FIRST, cut=cut)


def test_new_shares_and_every_line_of_the_report_say_on_what_they_stand(ledger):
    run(ledger, twelve_sessions(ledger, candidate=-0.03))
    counted = (
        "60 units (effective 30.0, uniqueness 0.50) against 60 units (effective 15.0, uniqueness 0.25) in 12 sessions"
    )
    [shares] = [one for one in letters(ledger) if getattr(one, "kind", None) is ProposalKind.SHARES]
    assert f"shares follow the probability of being best: lever.1-1 on {counted}" == shares.reason
    report = letters(ledger)[-1].report.splitlines()
    assert f"compare: 1 allocations compared on mature cohorts: lever.1-1 on {counted}" == report[1]
    assert [counted in line for line in report if line.startswith("lever.1-1 ")] == [True, True]


def test_shares_of_several_arms_stand_on_the_units_of_all_of_them(ledger_of, registry):
    other = arm_key({"lever": 0.4})
    trials = [structs.replace(registry.trials[0], offsets=[{"lever": 0.1}, {"lever": -0.1}])]
    ledger = ledger_of(structs.replace(registry, trials=trials))
    ledger.write(0, [*mixed(0.03, 0.0), (other, -0.03), (other, -0.02)])
    ledger.write(1, [(CANDIDATE, 0.01), (other, 0.01)])
    for arm, place in ((CANDIDATE, 1), (other, 1), (BASELINE, 2)):
        for symbol, _ in zip(symbols(ledger, 0, arm), range(2 if arm == CANDIDATE else 1), strict=False):
            ledger.alert(symbol, 0, instrument=place)
    session = ledger.write(2, [(BASELINE, 0.01)])
    run(ledger, session)
    [shares] = [one for one in letters(ledger) if getattr(one, "kind", None) is ProposalKind.SHARES]
    weights = {CANDIDATE: [7 / 12] * 5 + [1 / 2], other: [10 / 12] * 2 + [1 / 2]}
    kish = {arm: sum(each) ** 2 / sum(one**2 for one in each) for arm, each in weights.items()}
    effective = 0.5 * kish[CANDIDATE] + kish[other]
    assert f"on 9 units (effective {effective:.1f}, uniqueness {(6 * 0.5 + 3) / 9:.2f}) against" in shares.reason
    assert "against 5 units (effective 5.0, uniqueness 1.00) in 2 sessions" in shares.reason


def test_before_anything_has_matured_the_report_says_that_it_stands_on_nothing(ledger):
    session = ledger.write(0, [])
    run(ledger, session)
    assert "0 units (effective 0.0) against 0 units (effective 0.0) in 0 sessions" in letters(ledger)[-1].report
