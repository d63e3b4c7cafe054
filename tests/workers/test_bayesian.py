"""The optimiser as a worker: after which cycles it looks, what it writes, and that arms follow what was planted."""

import msgspec
import pytest

from events.codec import decode
from events.group import ConsumerGroup
from events.publisher import Publisher
from schemas.allocation import WHOLE, Purpose
from schemas.event import Envelope
from schemas.params import ParamsProposed, ProposalKind
from schemas.reports import CycleCompleted
from store.outbox import Outbox
from store.proposals import Proposals, ProposalState
from store.suggestions import Suggestions
from tests.databases import sqlite_only
from tests.workers.suggestion.field import FIRST, Field, parameter, registry
from workers.bayesian import Bayesian
from workers.tally import Tally
from workers.turn import Limits, Turns

ONE = registry(parameter("x", 0.3, step=0.01), rules={"dwell": 2})


def top_at_045(values):
    return -0.5 * (values["x"] - 0.45) ** 2


@pytest.fixture
def field(store):
    return Field(store, ONE, top_at_045)


def completed(session, **more):
    plain = {"cycle_id": f"daily/test/{session}", "kind": "daily", "cut": 1, "proposals": [], "stages": []}
    data = CycleCompleted(**{"strategy": "test", "session": session, "report": "", **plain, **more})
    return Envelope(source="cycles", id=data.cycle_id, time=1_700_000_000_000_000, data=data)


def test_after_a_daily_cycle_it_writes_a_row_and_proposes_arms(field):
    field.earn(FIRST)
    assert [] == field.take(field.worker, [completed(FIRST)])
    [(row, found)] = field.suggestions()
    [letter] = field.letters("bayesian")
    proposed: ParamsProposed = letter.data
    assert ("bayesian", f"test/bayesian/{FIRST}/t.1-1") == (letter.source, letter.id)
    assert (ProposalKind.ARMS, "t.1-1", FIRST, "bayesian") == (
        proposed.kind,
        proposed.allocation,
        proposed.session,
        proposed.proposed_by,
    )
    assert (proposed.arms, proposed.reason, proposed.proposal_id) == (found.arms, row.reason, row.proposal_id)
    assert (FIRST, "1-1") == (row.session, row.version)


def test_the_same_event_again_changes_nothing_whether_in_one_batch_or_later(field):
    field.earn(FIRST)
    field.take(field.worker, [completed(FIRST), completed(FIRST)])
    field.take(Bayesian(field.store, registries={"test": ONE}), [completed(FIRST)])
    assert (1, 1) == (len(field.suggestions()), len(field.letters("bayesian")))


def test_a_turn_that_is_undone_leaves_neither_row_nor_letter(field):
    field.earn(FIRST)
    with field.store.begin() as work:
        field.worker.handle(work, [completed(FIRST)])
    field.worker.rest(lambda: 0)
    with field.store.read() as reading:
        assert [] == Suggestions(reading).history("test")
        assert [] == list(Outbox(reading).waiting("bayesian", 10))


@pytest.mark.parametrize("strange", [{"kind": "weekly"}, {"session": "2024-01-03"}], ids=["weekly", "not settled"])
def test_cycles_that_it_does_not_look_after_change_nothing(field, strange):
    field.earn(FIRST)
    assert [] == field.take(field.worker, [completed(**{"session": FIRST} | strange)])
    assert [] == field.suggestions()


def test_a_strategy_that_it_does_not_know_is_refused(field):
    assert ["strategy 'another' is unknown here; known: test"] == field.take(
        field.worker, [completed(FIRST, strategy="another")]
    )


@pytest.mark.parametrize(
    "trial",
    [{"offsets": [{"x": 0.1}], "proposes": None}, {"offsets": [{"x": 0.1}], "purpose": Purpose.EXPERIMENT}],
    ids=["fixed", "experiment"],
)
def test_trials_whose_arms_are_a_persons_are_left_alone(store, trial):
    other = Field(store, registry(parameter("x", 0.3), **trial), top_at_045)
    other.earn(FIRST)
    assert [] == other.take(other.worker, [completed(FIRST)])
    assert [] == other.suggestions()


def test_new_arms_begin_in_shadow_get_shares_and_are_measured_before_it_looks_again(field):
    field.live(1)
    assert [0, 0, 0] == [share for _, share in field.arms()]
    field.live(2)
    assert all(share > 0 for _, share in field.arms())
    field.live(4)
    assert 1 == len(field.suggestions())
    field.live(1)
    assert [field.calendar.shift(FIRST, number) for number in (0, 7)] == [row.session for row, _ in field.suggestions()]


def test_where_nothing_was_proposed_it_looks_again_after_the_next_session(store):
    field = Field(store, registry(parameter("x", 0.3), offsets=[{"x": 0.1}, {"x": 0.05}, {"x": -0.1}]), top_at_045)
    field.units = 30
    field.live(2)
    assert 2 == len(field.suggestions())
    assert all("too few arms" in row.reason and row.proposal_id is None for row, _ in field.suggestions())


def test_cohorts_that_are_not_mature_are_not_looked_at(field):
    field.live(8, pending=[field.calendar.shift(FIRST, number) for number in range(8)])
    row, found = field.suggestions()[-1]
    assert row.session == field.calendar.shift(FIRST, 7)
    assert "too few arms: 0 beside the incumbent" in row.reason
    assert [] == found.known


def told(field):
    """All that it wrote, without when."""
    return [row._replace(recorded_at=0) for row, _ in field.suggestions()]


@sqlite_only
def test_a_replay_gives_the_same_bits(stores):
    one, again = (Field(stores.fresh(lambda: 1_700_000_000_000_000), ONE, top_at_045) for _ in range(2))
    one.live(12)
    again.live(12)
    assert told(one) == told(again)
    assert one.version.checksum == again.version.checksum


@sqlite_only
def test_what_came_after_the_cut_moves_nothing_and_a_late_look_gives_the_same_bits(stores):
    """Half of the events come only when the later sessions are over."""
    prompt, late = (Field(stores.fresh(lambda: 1_700_000_000_000_000), ONE, top_at_045) for _ in range(2))
    for field in (prompt, late):
        for number in range(9):
            field.earn(field.calendar.shift(FIRST, number))
            if field is prompt:
                field.take(field.worker, [completed(field.calendar.shift(FIRST, number))])
    late.take(late.worker, [completed(late.calendar.shift(FIRST, number)) for number in range(9)])
    assert told(prompt) == told(late)


@sqlite_only
def test_arms_move_toward_a_planted_top_the_baseline_follows_and_so_do_the_shares(store):
    field = Field(store, ONE, top_at_045)
    field.live(35)
    assert 0.3 < field.version.values["x"]
    assert top_at_045(field.version.values) > top_at_045({"x": 0.3}) / 3
    tried = [one.values["x"] for _, found in field.suggestions() for one in found.new]
    assert max(tried[:3]) <= 0.4 + 1e-9 < max(tried)
    shares = field.arms()
    if shares:
        most = max(shares, key=lambda pair: pair[1])
        assert top_at_045(most[0]) >= top_at_045(field.version.values) - 0.001
    assert all(WHOLE - one.share <= 0.2 * WHOLE for one in [field.allocation.baseline(field.version.values)])


def test_it_works_through_the_streams_and_its_letters_arrive(field, broker):
    field.earn(FIRST)
    group = ConsumerGroup(
        broker, group="bayesian", consumer="one", streams=field.worker.reads, prefix="", claim_after_ms=60_000
    )
    turns = Turns(
        field.worker,
        store=field.store,
        broker=broker,
        group=group,
        prefix="",
        limits=Limits(1 << 20, 10**15),
        clock=lambda: 1_700_000_000_000_000,
        tally=Tally("bayesian", clock=lambda: 0),
    )
    Publisher(broker).publish([completed(FIRST)])
    assert 1 == turns.turn(count=10, block_ms=1)
    [(_, fields)] = broker.xrange(ParamsProposed.type)
    body = decode(fields, stream=ParamsProposed.type, entry="1-0", now=2**60)
    [(row, _)] = field.suggestions()
    assert row.proposal_id == body.data.proposal_id
    assert msgspec.json.decode(row.body)["arms"] == body.data.arms
    assert 0 == broker.xpending(CycleCompleted.type, "bayesian")["pending"]


MIXED = registry(
    parameter("w.a", 0.2, min=0.05, max=0.5, group="w", max_change=0.05),
    parameter("w.b", 0.3, min=0.05, max=0.5, group="w", max_change=0.05),
    parameter("w.c", 0.5, min=0.05, max=0.6, group="w", max_change=0.05),
    parameter("bars", 10, type="integer", min=5, max=50, max_change=4),
    parameter("stop", 0.01, min=0.002, max=0.05, scale="log", max_change=0.25, relative=True),
    rules={"dwell": 1},
    parameters=["w.a", "w.b", "bars", "stop"],
    batch=3,
)


@sqlite_only
def test_weights_integers_and_log_scaled_values_are_let_in_by_the_gate_as_they_are_proposed(stores):
    field = Field(
        stores.fresh(lambda: 1_700_000_000_000_000),
        MIXED,
        lambda values: 0.05 * values["w.a"] - 0.001 * abs(values["bars"] - 12),
    )
    field.live(14)
    proposed = [row.proposal_id for row, _ in field.suggestions() if row.proposal_id]
    with field.store.read() as reading:
        decided = {one.proposal.proposal_id: one for one in Proposals(reading).history("test")}
    assert 2 <= len(proposed)
    moved = "is not in force in version"
    assert {ProposalState.DEPLOYED} == {
        decided[name].state for name in proposed if moved not in (decided[name].decided or "")
    }
    for _, found in field.suggestions():
        for arm in found.new:
            assert arm.values.keys() == {"w.a", "w.b", "bars", "stop"}
            assert isinstance(arm.values["bars"], int)
    assert any("new arm" in row.reason for row, _ in field.suggestions())
