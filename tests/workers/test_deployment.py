from itertools import count, islice

import msgspec
import pytest
from learning_client.follower import Follower

from events.codec import decode
from events.drain import drain
from learning.gate import Evidence
from schemas.allocation import WHOLE, Purpose, arm_key
from schemas.event import Envelope
from schemas.parameters import GateRules, LearningRules, Parameter, Registry, Trial
from schemas.params import ParamsApplied, ParamsProposed, ProposalKind
from schemas.review import ProposalReviewed
from schemas.settings import Mode
from schemas.version import Version, VersionNumber
from store.allocations import Allocations
from store.applications import Applications
from store.audit import Audit
from store.backups import back_up, restore
from store.epochs import begin_epoch
from store.evidence import EvidenceRows
from store.mailbag import Mailbag
from store.outbox import Outbox
from store.proposals import Proposals, ProposalState
from store.store import Store
from store.versions import Versions
from tests.statements import heard, plans
from workers.deployment import Deployment

BETTER = {"threshold": 0.6}


def parameter(name, default, **more):
    return Parameter(
        name=name,
        default=default,
        **{
            "min": 0.0,
            "max": 1.0,
            "category": "threshold",
            "affects": "decision",
            "description": "For tests.",
            "max_change": 0.1,
            "reward": "unit_pnl:close",
            **more,
        },
    )


REGISTRY = Registry(
    strategy="test",
    learning=LearningRules(budget=0.2),
    gate=GateRules(minimum_units=30, minimum_sessions=5),
    parameters={
        "threshold": parameter("threshold", 0.5),
        "weight.a": parameter("weight.a", 0.4, group="weights"),
        "weight.b": parameter("weight.b", 0.6, group="weights"),
        "hold": parameter("hold", 5, type="integer", max=10.0, max_change=2.0),
    },
    trials=[
        Trial(id="threshold", layer="threshold", share=0.2, offsets=[{"threshold": 0.1}, {"threshold": -0.1}]),
    ],
)
REGISTRY = msgspec.convert(msgspec.to_builtins(REGISTRY), Registry)


class Gate:
    """A deployment worker on a store, and what it has published."""

    def __init__(self, store, mode, registry=REGISTRY):
        self.store = store
        self.mended = 0
        self.worker = Deployment(registries={"test": registry}, mode=mode, mend=self.mend)
        with store.begin() as work:
            self.worker.open(work)
            work.commit()

    def mend(self):
        self.mended += 1

    def take(self, *data):
        with self.store.begin() as work:
            envelopes = [Envelope(source="test", id=str(id(one)), time=work.now, data=one) for one in data]
            refusals = self.worker.handle(work, envelopes)
            work.commit()
        return [refusal.reason for refusal in refusals]

    def latest(self):
        with self.store.read() as reading:
            return Versions(reading).latest("test")

    def state(self, proposal):
        with self.store.read() as reading:
            return Proposals(reading).get("test", proposal)

    def letters(self):
        with self.store.read() as reading:
            return Outbox(reading).waiting("deployment", 100)

    def know(self, identity, **figures):
        evidence = Evidence(
            **{
                "arm": arm_key(BETTER),
                "baseline": arm_key({"threshold": 0.5}),
                "units": 200,
                "baseline_units": 800,
                "sessions": 20,
                "n_effective": 200.0,
                "information": 160.0,
                "alpha": 0.05,
                "rho": 10.0,
                "estimate": 0.004,
                "sigma": 0.02,
                "effect": 0.2,
                "low": 0.001,
                "high": 0.007,
                "confidence": 0.99,
                **figures,
            }
        )
        with self.store.begin() as work:
            rows = EvidenceRows(work.connection)
            arms = {arm_key(BETTER): evidence}
            rows.add(identity, "test", session="2024-01-02", cut=1, allocation="threshold.1-1", arms=arms, now=work.now)
            work.commit()


def values(identity="p1", session="2024-01-02", **wanted):
    return ParamsProposed(
        strategy="test",
        proposal_id=identity,
        kind=ProposalKind.VALUES,
        session=session,
        proposed_by="ann",
        reason="because",
        values={name.replace("_", "."): value for name, value in wanted.items()},
    )


def baseline(identity="p1", session="2024-01-02"):
    return ParamsProposed(
        strategy="test",
        proposal_id=identity,
        kind=ProposalKind.BASELINE,
        session=session,
        proposed_by="daily",
        reason="better",
        allocation="threshold.1-1",
        values=BETTER,
        evidence="e1",
    )


def shares(*numbers, identity="p1", allocation="threshold.1-1"):
    keys = [arm_key({"threshold": value}) for value in (0.6, 0.4, 0.5)]
    return ParamsProposed(
        strategy="test",
        proposal_id=identity,
        kind=ProposalKind.SHARES,
        session="2024-01-02",
        proposed_by="daily",
        reason="learned",
        shares={allocation: dict(zip(keys, numbers, strict=True))},
    )


def test_publishes_the_defaults_with_their_trials_as_the_first_version(store):
    gate = Gate(store, Mode.ACT)
    version = gate.latest()
    assert ("1-1", None, 0.5) == (str(version.id), version.previous, version.values["threshold"])
    assert [1000, 1000, 8000] == [arm.share for arm in version.allocations[0].arms]
    assert Purpose.EXPLORE is version.allocations[0].purpose


def test_a_letter_carries_the_event_the_channel_and_the_whole_snapshot(store):
    [letter] = Gate(store, Mode.ACT).letters()
    event = decode({b"event": letter.body}, stream=letter.stream, entry="1-1", now=2**60).data
    snapshot = msgspec.json.decode(letter.value, type=Version)
    assert ("params.updated", "params.updated", "params:test:snapshot") == (letter.stream, letter.channel, letter.key)
    assert snapshot.intact
    assert snapshot.checksum == event.checksum


def test_starting_again_publishes_nothing(store):
    Gate(store, Mode.ACT)
    assert 1 == len(Gate(store, Mode.ACT).letters())


def test_observing_judges_and_publishes_nothing(store):
    gate = Gate(store, Mode.OBSERVE)
    gate.take(values(threshold=0.55))
    assert (None, []) == (gate.latest(), gate.letters())
    assert ProposalState.VALIDATED is gate.state("p1").state


def test_acting_lets_a_sound_proposal_in_at_once_with_its_audit(store):
    gate = Gate(store, Mode.ACT)
    gate.take(values(threshold=0.55))
    with store.read() as reading:
        [moved] = Audit(reading).history("test", name="threshold")
    assert ("1-2", 0.5, 0.55, "because") == (moved.version, moved.old, moved.new, moved.reason)
    assert (0.55, "1-1") == (gate.latest().values["threshold"], gate.latest().previous)
    assert (ProposalState.DEPLOYED, "1-2") == (gate.state("p1").state, gate.state("p1").version)


def test_the_arms_follow_a_moved_baseline_into_a_new_allocation(store):
    gate = Gate(store, Mode.ACT)
    gate.take(values(threshold=0.55))
    [allocation] = gate.latest().allocations
    assert "threshold.1-2" == allocation.id
    assert [0.65, 0.45, 0.55] == [pytest.approx(arm.values["threshold"]) for arm in allocation.arms]


def test_an_allocation_that_is_not_touched_goes_on(store):
    gate = Gate(store, Mode.ACT)
    gate.take(values(hold=6))
    assert ["threshold.1-1"] == [allocation.id for allocation in gate.latest().allocations]


def test_the_same_proposal_again_changes_nothing(store):
    gate = Gate(store, Mode.ACT)
    gate.take(values(threshold=0.55))
    gate.take(values(threshold=0.55))
    assert 2 == gate.latest().number


@pytest.mark.parametrize(
    ("proposal", "why"),
    [
        (values(threshold=1.2), "above its greatest value 1"),
        (values(threshold=0.75), "its largest change a day is 0.1"),
        (values(weight_a=0.45), "must sum to 1"),
        (values(hold=5.5), "must be a whole number"),
        (values(unheard=1.0), "no parameter"),
        (values(threshold="high"), "not a finite number"),
        (values(threshold=0.5), "nothing would change"),
        (shares(2000, 1000, 7000), "the budget is 20.00%"),
        (shares(100, 100, 9800, allocation="gone"), "not in force"),
        (baseline(), "no stored evidence"),
    ],
)
def test_turns_down_what_breaks_a_bound_a_budget_or_has_no_evidence(store, proposal, why):
    gate = Gate(store, Mode.ACT)
    assert [] == gate.take(proposal)
    assert ProposalState.REJECTED is gate.state("p1").state
    assert why in gate.state("p1").decided
    assert 1 == gate.latest().number


def test_the_change_budget_counts_from_the_start_of_the_session(store):
    gate = Gate(store, Mode.ACT)
    gate.take(values("p1", threshold=0.58))
    gate.take(values("p2", threshold=0.66))
    gate.take(values("p3", session="2024-01-03", threshold=0.66))
    states = [gate.state(name).state for name in ("p1", "p2", "p3")]
    assert [ProposalState.DEPLOYED, ProposalState.REJECTED, ProposalState.DEPLOYED] == states


def test_moves_shares_within_the_budget(store):
    gate = Gate(store, Mode.ACT)
    gate.take(shares(1500, 500, 8000))
    assert [1500, 500, 8000] == [arm.share for arm in gate.latest().allocations[0].arms]
    assert WHOLE == sum(arm.share for arm in gate.latest().allocations[0].arms)


def test_replaces_a_baseline_where_the_interval_lies_above_0(store):
    gate = Gate(store, Mode.ACT)
    gate.know("e1", n_effective=120.0, uniqueness=0.6, baseline_effective=320.0, baseline_uniqueness=0.4)
    gate.take(baseline())
    letter = gate.letters()[-1]
    [change] = decode({b"event": letter.body}, stream=letter.stream, entry="1-1", now=2**60).data.changes
    assert ("threshold", 0.5, 0.6, "e1", (0.001, 0.007), 200) == (
        change.name,
        change.old,
        change.new,
        change.evidence,
        change.interval,
        change.n,
    )
    assert (120.0, 0.6) == (change.n_eff, change.uniqueness)
    assert (800, 320.0, 0.4) == (change.baseline_n, change.baseline_n_eff, change.baseline_uniqueness)


@pytest.mark.parametrize(
    ("figures", "why"),
    [
        ({"low": -0.001}, "includes 0"),
        ({"units": 29}, "29 of 30 units of the candidate"),
        ({"sessions": 4}, "4 of 5 sessions"),
        ({"low": -0.009, "high": -0.001, "estimate": -0.004}, "worse"),
        ({"low": None, "high": None}, "no interval"),
    ],
)
def test_keeps_a_baseline_where_the_evidence_does_not_reach(store, figures, why):
    gate = Gate(store, Mode.ACT)
    gate.know("e1", **figures)
    gate.take(baseline())
    assert 1 == gate.latest().number
    assert why in gate.state("p1").decided


def test_advising_waits_for_a_person_and_judges_again_when_approved(store):
    gate = Gate(store, Mode.ADVISE)
    gate.take(values(threshold=0.55))
    assert 1 == gate.latest().number
    gate.take(ProposalReviewed(strategy="test", proposal_id="p1", approved=True, by="bob", reason="fine"))
    assert 0.55 == gate.latest().values["threshold"]


def test_a_rejected_proposal_stays_out_with_its_reason(store):
    gate = Gate(store, Mode.ADVISE)
    gate.take(values(threshold=0.55))
    no = ProposalReviewed(strategy="test", proposal_id="p1", approved=False, by="bob", reason="not in August")
    assert [] == gate.take(no)
    assert (ProposalState.REJECTED, "not in August") == (gate.state("p1").state, gate.state("p1").decided)
    another = msgspec.structs.replace(no)
    assert ["proposal 'p1' is rejected; only a validated one can be reviewed"] == gate.take(another)


@pytest.mark.parametrize("approved", [True, False])
def test_a_review_that_comes_again_is_no_other_review_and_is_not_refused(store, approved):
    gate = Gate(store, Mode.ADVISE)
    gate.take(values(threshold=0.55))
    review = ProposalReviewed(strategy="test", proposal_id="p1", approved=approved, by="bob", reason="so it is")
    assert [] == gate.take(review)
    before = (gate.latest(), gate.state("p1"))
    assert [] == gate.take(review)
    assert [] == Gate(store, Mode.ADVISE).take(review)
    assert before == (gate.latest(), gate.state("p1"))


def test_a_review_that_was_refused_is_taken_in_when_it_is_sent_again(store):
    review = ProposalReviewed(strategy="test", proposal_id="p1", approved=True, by="bob", reason="fine")
    gate = Gate(store, Mode.ADVISE)
    assert ["proposal 'p1' is unknown; only a validated one can be reviewed"] == gate.take(review)
    gate.take(values(threshold=0.55))
    assert [] == gate.take(review)
    assert 0.55 == gate.latest().values["threshold"]


def told(gate):
    """All that a gate has written, but for the numbers of rows."""
    with gate.store.read() as reading:
        proposals = Proposals(reading).history("test")
        return {
            "proposals": proposals,
            "steps": [Proposals(reading).steps("test", row.proposal.proposal_id) for row in proposals],
            "versions": Versions(reading).history("test"),
            "allocations": Allocations(reading).history("test"),
            "audit": Audit(reading).history("test"),
            "letters": [letter[1:] for letter in Outbox(reading).waiting("deployment", 100)],
        }


def test_what_comes_in_one_batch_is_taken_in_as_if_it_came_one_by_one(stores):
    batch = [
        values("up", threshold=0.55),
        values("up", threshold=0.45),
        values("too far", threshold=0.65),
        shares(500, 700, 8800, identity="gone"),
        values("next day", session="2024-01-03", threshold=0.65),
        values("hold", session="2024-01-03", hold=6),
        ProposalReviewed(strategy="test", proposal_id="up", approved=False, by="ada", reason="late"),
        values("back", session="2024-01-04", threshold=0.6),
    ]
    one, other = (Gate(stores.fresh(lambda: 7_000_000), Mode.ACT) for _ in range(2))
    refused = [reason for data in batch for reason in one.take(data)]

    assert refused == other.take(*batch)
    assert ["proposal 'up' is deployed; only a validated one can be reviewed"] == refused
    assert told(one) == told(other)
    states = {row.proposal.proposal_id: row.state for row in told(other)["proposals"]}
    assert {"too far", "gone"} == {name for name, state in states.items() if state is ProposalState.REJECTED}
    assert {"up", "next day", "hold", "back"} == states.keys() - {"too far", "gone"}


def test_what_a_turn_asks_of_the_store_grows_neither_with_its_proposals_nor_with_the_versions_there_are():
    store = Store.open("sqlite://", clock=lambda: 7_000_000)
    store.migrate()
    gate = Gate(store, Mode.ACT)
    numbers, counts = count(1), []
    for size in (1, 1, 20, 1):
        proposals = [values(f"p{number}", hold=5 + number % 2) for number in islice(numbers, size)]
        with store.begin() as work, heard(work.connection) as asked:
            envelopes = [Envelope(source="test", id=one.proposal_id, time=1, data=one) for one in proposals]
            gate.worker.handle(work, envelopes)
            work.commit()
        assert ProposalState.DEPLOYED is gate.state(proposals[-1].proposal_id).state
        selects = [statement for statement in asked if statement.startswith("SELECT")]
        counts.append(len(selects))
        with store.read() as reading:
            found = plans(reading, selects)
        assert all("=?" in plan for plan in found), found
    assert [counts[0]] * 4 == counts
    store.close()


def test_refuses_events_of_a_strategy_that_it_does_not_have(store):
    proposal = msgspec.structs.replace(values(threshold=0.55), strategy="other")
    assert ["strategy 'other' is unknown here; known: test"] == Gate(store, Mode.ACT).take(proposal)


def test_knows_which_client_runs_which_version(store):
    gate = Gate(store, Mode.ACT)
    gate.take(ParamsApplied(strategy="test", client="bot-1", epoch=1, version=1))
    with store.read() as reading:
        [client] = Applications(reading).clients("test")
    assert ("bot-1", "1-1") == (client.client, client.version)


def test_an_edited_registry_makes_a_version_that_keeps_what_still_fits(store):
    Gate(store, Mode.ACT).take(values(threshold=0.55, hold=6))
    narrower = {**REGISTRY.parameters, "threshold": parameter("threshold", 0.5, max=0.54)}
    edited = msgspec.structs.replace(REGISTRY, parameters=narrower)
    version = Gate(store, Mode.ACT, registry=edited).latest()
    assert (3, 0.5, 6) == (version.number, version.values["threshold"], version.values["hold"])


def restored(store):
    with store.begin() as work:
        begin_epoch(work.connection, above=0)
        work.commit()


def test_after_a_restore_what_is_in_force_is_published_once_more_under_a_number_of_the_new_epoch(store):
    before = Gate(store, Mode.ACT).latest()
    restored(store)
    gate = Gate(store, Mode.ACT)

    after = gate.latest()
    assert (VersionNumber(2, 1), str(before.id)) == (after.id, after.previous)
    assert (before.values, before.allocations) == (after.values, after.allocations)
    letter = gate.letters()[-1]
    assert after == msgspec.json.decode(letter.value, type=Version)
    assert "params:test:snapshot" == letter.key
    assert after == Gate(store, Mode.ACT).latest()


def test_what_is_let_in_after_a_restore_goes_on_in_the_new_epoch(store):
    Gate(store, Mode.ACT)
    restored(store)
    gate = Gate(store, Mode.ACT)
    assert [] == gate.take(values(threshold=0.55))
    assert VersionNumber(2, 2) == gate.latest().id


def test_a_store_that_was_restored_before_it_had_a_version_begins_with_the_new_epoch(store):
    restored(store)
    gate = Gate(store, Mode.ACT)
    assert VersionNumber(2, 1) == gate.latest().id
    assert ["threshold.2-1"] == [one.id for one in gate.latest().allocations]


def test_nothing_is_published_after_a_restore_in_mode_observe(store):
    before = Gate(store, Mode.ACT)
    restored(store)
    letters = before.letters()
    assert before.latest() == Gate(store, Mode.OBSERVE).latest()
    assert letters == before.letters()


def test_a_trading_process_that_knows_later_versions_takes_over_what_is_published_after_a_restore(
    stores, tmp_path, redis_url, broker
):
    store = stores.apart(lambda: 1)
    gate = Gate(store, Mode.ACT)
    drain(broker, Mailbag(store, "deployment"))
    back_up(store.place, tmp_path / "copy")
    gate.take(values("p1", threshold=0.55))
    gate.take(values("p2", threshold=0.58))
    drain(broker, Mailbag(store, "deployment"))
    taken, refused = [], []
    follower = Follower(
        redis_url,
        "test",
        prefix="",
        current=lambda: taken[-1] if taken else None,
        take=taken.append,
        refuse=refused.append,
    )
    follower.turn()
    assert "1-3" == str(taken[-1].id)

    store.close()
    restore(store.place, tmp_path / "copy", clock=lambda: 1, replace=True, above=0)
    Gate(store, Mode.ACT)
    drain(broker, Mailbag(store, "deployment"))
    follower.turn()

    assert ([], "2-1", 0.5) == (refused, str(taken[-1].id), taken[-1].values["threshold"])
