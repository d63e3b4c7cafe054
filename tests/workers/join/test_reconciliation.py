"""The books balance when a session settles, or say what does not add up."""

import msgspec
import pytest
from sqlalchemy import delete, select, update

from events.moments import moment
from schemas.thesis import ThesisFormed
from schemas.vocabulary import Direction, Recommendation
from store.books import counted, tallied
from store.reconciliations import Reconciliations
from store.tables import alerts, awaited, outcomes, reconciliations
from store.tallies import Tallies, accepted, expected, late, marked, reported, standing
from tests.databases import sqlite_only
from tests.statements import heard, plans
from tests.workers.desk import Desk, Stream, at, registry
from tests.workers.shelf import NYSE, Shelf
from workers.join.reconciliation import reconcile
from workers.join.rules import Rules

STORED_AT = 1_700_000_000_000_000
SESSIONS = ["2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09", "2024-01-10"]


@pytest.fixture
def desk(store):
    return Desk(store)


@pytest.fixture
def stream():
    return Stream()


def settle(desk, stream, session, *, price=100.0):
    """A day with its bar, at whose end the session settles; what was reconciled."""
    desk.take(stream.bar(session, price, price + 3, price - 2, price + 1), stream.closed(session))
    desk.rest()
    with desk.store.read() as connection:
        return Reconciliations(connection).get("main", session)


def trade(desk, stream):
    """An alert, the purchase it led to, what came of it, a thesis, and an outcome of nobody."""
    thesis = ThesisFormed(thesis_id="t", symbol="AAPL", recommendation=Recommendation.HOLD, decision_id="d")
    desk.take(
        stream.alert("a", "2024-01-03 14:00"),
        stream.decision("d", "2024-01-03 14:01", alert_id="a", size=0.1, stop=90.0),
        stream.outcome("o", "2024-01-05 15:00", decision_id="d", net=0.02),
        stream.outcome("w", "2024-01-05 15:00", decision_id="never", net=0.02),
        stream.event(thesis, "2024-01-03 14:02"),
    )


def change(desk, *statements):
    with desk.store.begin() as work:
        for statement in statements:
            work.connection.execute(statement)
        work.commit()


def tally(desk, name, count):
    with desk.store.begin() as work:
        Tallies(work.connection).add(name, count)
        work.commit()


def again(desk, *, market=None):
    """Attribution started anew, as after its registry was changed."""
    if market:
        desk.rules = msgspec.structs.replace(desk.rules, market=msgspec.structs.replace(desk.rules.market, **market))
    desk.worker = desk.start()


def test_everything_that_came_in_stands_somewhere(desk, stream):
    trade(desk, stream)
    books = settle(desk, stream, "2024-01-03")

    assert {"alerts": 1, "decisions": 1, "theses": 1, "outcomes": 2} == books.came_in
    assert [] == books.issues
    assert 3 + 3 + 1 + 1 == books.expected == sum(books.states.values())
    assert {"matched": 2, "pending": 6} == books.states
    assert {
        "1d/prices/matched": 2,
        "3d/prices/pending": 3,
        "close/prices/pending": 1,
        "close/reported/pending": 2,
    } == books.by_horizon
    assert {"joined": 1, "inferred": 0, "waiting": 1, "unclaimed": 0} == books.outcomes


def test_what_was_reconciled_is_told_and_kept_under_its_session(desk, stream):
    trade(desk, stream)
    books = settle(desk, stream, "2024-01-03")
    [letter] = desk.told("books.reconciled")

    assert books == letter.data
    assert ("attribution", "main/2024-01-03/books") == (letter.source, letter.id)
    assert min(NYSE.close_of("2024-01-03"), STORED_AT) == letter.time
    assert [] == desk.told("health.reported")
    with desk.store.read() as connection:
        assert ("2024-01-03", 1) == tuple(
            connection.execute(select(reconciliations.c.session, reconciliations.c.balanced)).one()
        )


def test_the_running_counts_are_what_counting_would_find(desk, stream):
    trade(desk, stream)
    for place, session in enumerate(SESSIONS):
        books = settle(desk, stream, session, price=100.0 + 40 * place)
        assert [] == books.issues
        with desk.store.read() as connection:
            assert counted(connection, "main") == tallied(connection, "main")
    assert {"jump"} == books.marks.keys()


def test_reported_horizons_beyond_the_slots_are_counted_and_not_expected(desk, stream):
    trade(desk, stream)
    desk.take(stream.outcome("x", "2024-01-03 16:00", alert_id="a", horizon="1h", return_=0.01))
    books = settle(desk, stream, "2024-01-03")

    assert [] == books.issues
    assert 2 == books.by_horizon["1h/reported/matched"]
    assert books.expected + 2 == sum(books.states.values())


def test_a_second_reconciliation_of_a_session_changes_nothing(desk, stream):
    trade(desk, stream)
    books = settle(desk, stream, "2024-01-03")
    change(desk, delete(alerts))
    with desk.store.begin() as work:
        reconcile(work, Rules(desk.rules), session="2024-01-03", cut=10**6)
        work.commit()

    assert 1 == len(desk.told("books.reconciled"))
    assert [] == desk.told("health.reported")
    with desk.store.read() as connection:
        assert books == Reconciliations(connection).get("main", "2024-01-03")


CHEAP = (
    "INTEGER PRIMARY KEY (rowid>",
    "INTEGER PRIMARY KEY (rowid=?)",
    "ix_examples_pending",
    "ix_examples_due",
    "ix_outcomes_waiting",
)
"""How a plan may read what grows with the store: rows since a number, one row, what is pending, what waits."""

BROKEN = {
    "a fact is gone": (
        lambda desk: change(desk, delete(alerts)),
        "alerts: 1 were taken in, and 0 are there",
        "critical",
    ),
    "a fact was never counted": (
        lambda desk: tally(desk, accepted("main", "decisions"), -1),
        "decisions: 0 were taken in, and 1 are there",
        "degraded",
    ),
    "an example was never made": (
        lambda desk: tally(desk, standing("main", "alert", "3d", "prices", "pending"), -1),
        "alert at 3d by prices: 0 examples stand, and 1 must: 1 missing",
        "critical",
    ),
    "a barrier was never made": (
        lambda desk: tally(desk, expected("main", "decision", "close", "prices"), 1),
        "decision at close by prices: 1 examples stand, and 2 must: 1 missing",
        "critical",
    ),
    "there are more barriers than positions that have one": (
        lambda desk: (
            tally(desk, standing("main", "decision", "close", "prices", "lost"), 1),
            tally(desk, accepted("main", "decisions"), 5),
        ),
        "decision at close by prices: 2 examples stand, but only 1 barriers came in",
        "critical",
    ),
    "there are more examples than facts": (
        lambda desk: tally(desk, standing("main", "thesis", "3d", "prices", "lost"), 1),
        "thesis at 3d by prices: 2 examples stand, but only 1 theses came in",
        "degraded",
    ),
    "a pending example is gone": (
        lambda desk: change(desk, delete(awaited).where(awaited.c.subject == "thesis")),
        "3d/prices: 3 are pending by the running count, 2 really",
        "degraded",
    ),
    "an outcome was never counted": (
        lambda desk: tally(desk, reported("main", "joined"), -1),
        "outcomes: 2 were taken in, and 1 are joined, inferred or waiting",
        "degraded",
    ),
    "a waiting outcome is gone": (
        lambda desk: change(desk, update(outcomes).values(joined=1)),
        "outcomes: 1 wait by the running count, 0 really",
        "degraded",
    ),
    "a count was taken back too often": (
        lambda desk: tally(desk, marked("main", "jump"), -2),
        "the running count of jump is -2: it was taken back too often",
        "degraded",
    ),
    "late was taken back too often": (
        lambda desk: tally(desk, late("main"), -1),
        "the running count of late is -1: it was taken back too often",
        "degraded",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_says_what_does_not_add_up_and_how_bad_it_is(desk, stream, broken):
    harm, sentence, state = BROKEN[broken]
    trade(desk, stream)
    harm(desk)
    desk.take(stream.closed("2024-01-03"))
    desk.rest()
    [letter] = desk.told("books.reconciled")
    [health] = desk.told("health.reported")

    assert sentence in letter.data.issues
    assert (state, "books", letter.data.issues) == (health.data.state.value, health.data.part, health.data.reasons)
    assert all(count >= 0 for counts in (letter.data.states, letter.data.marks) for count in counts.values())
    with desk.store.read() as connection:
        assert 0 == connection.execute(select(reconciliations.c.balanced)).scalar_one()


def test_what_is_missing_stays_an_issue_until_it_is_there_again(desk, stream):
    trade(desk, stream)
    settle(desk, stream, "2024-01-03")
    row = desk.fact(alerts, alert_id="a")
    change(desk, delete(alerts))
    desk.take(stream.alert("b", "2024-01-04 14:00"))
    tally(desk, accepted("main", "alerts"), 1)
    assert ["alerts: 3 were taken in, and 2 are there"] == settle(desk, stream, "2024-01-04").issues
    assert 1 == len(settle(desk, stream, "2024-01-05").issues)

    tally(desk, accepted("main", "alerts"), -1)
    assert [] == settle(desk, stream, "2024-01-08").issues
    assert ["critical", "critical", "healthy"] == [one.data.state.value for one in desk.told("health.reported")]
    assert row["alert_id"] == "a"


@pytest.mark.parametrize("waits", [{"lost_after": 2, "jump_hold": 0}, {"lost_after": 1, "jump_hold": 2}])
def test_a_pending_example_that_should_have_been_given_up_is_an_issue(store, waits):
    with store.begin() as work:
        shelf = Shelf(work.connection)
        rules = Rules(registry(**waits))
        fact = shelf.alert("a", "2024-01-02 14:00")["sequence"]
        shelf.example(fact, horizon="1d", due=NYSE.close_of("2024-01-02"))
        for name, count in {
            accepted("main", "alerts"): 1,
            expected("main", "alert", "1d", "prices"): 1,
            standing("main", "alert", "1d", "prices", "pending"): 1,
        }.items():
            Tallies(work.connection).add(name, count)
        on_time = reconcile(work, rules, session="2024-01-05", cut=10)
        too_late = reconcile(work, rules, session="2024-01-08", cut=11)

    assert [] == on_time.issues
    [issue] = too_late.issues
    assert issue.startswith("1d/prices: 1 are pending though they should have been given up by 2024-01-08; the oldest")
    assert issue.endswith("due with 2024-01-02")


def test_a_unit_that_spans_sessions_may_be_pending_until_the_last_of_it_is_over(store, stream):
    desk = Desk(store, rules=registry(lost_after=1, jump_hold=1))
    desk.take(stream.decision("d1", "2024-01-03 14:00", unit="mine", size=0.1))
    desk.take(stream.outcome("o1", "2024-01-04 15:00", decision_id="d1", net=0.02))
    desk.take(stream.decision("d2", "2024-01-09 14:00", unit="mine", size=0.1))
    sessions = [NYSE.shift("2024-01-03", place) for place in range(9)]
    assert [[]] * 9 == [settle(desk, stream, session).issues for session in sessions]
    assert NYSE.close_of("2024-01-12") == desk.example("main/decision/d1/close/reported")["due"]
    assert "matched" == desk.example("main/decision/d1/close/reported")["state"]


@pytest.mark.parametrize(("hold", "is_overdue"), [(4, True), (5, False), (None, False)])
def test_a_barrier_may_be_pending_as_long_as_its_position_may_be_held(store, hold, is_overdue):
    with store.begin() as work:
        shelf = Shelf(work.connection)
        rules = Rules(registry(lost_after=2, jump_hold=0, close_after=6))
        fact = shelf.decision("d", "2024-01-02 14:00", stop=90.0, max_hold=hold)["sequence"]
        shelf.example(fact, subject="decision", horizon="close", due=NYSE.close_of("2024-01-02"))
        for sort, count in (("decisions", 1), ("barriers", 1)):
            Tallies(work.connection).add(accepted("main", sort), count)
        Tallies(work.connection).add(standing("main", "decision", "close", "prices", "pending"), 1)
        made = reconcile(work, rules, session="2024-01-12", cut=10)

    assert is_overdue == any("should have been given up" in issue for issue in made.issues)


def test_a_venue_that_trades_less_often_is_given_its_own_time(store):
    """Seven days are seven sessions of 24/7, and five of New York."""
    with store.begin() as work:
        shelf = Shelf(work.connection)
        rules = Rules(registry(calendar="24/7", venues={"XNYS": "XNYS"}, lost_after=5, jump_hold=0))
        fact = shelf.alert("a", "2024-01-02 14:00")["sequence"]
        shelf.example(fact, horizon="1d", due=NYSE.close_of("2024-01-02"))
        for name in (accepted("main", "alerts"), standing("main", "alert", "1d", "prices", "pending")):
            Tallies(work.connection).add(name, 1)
        days = [f"2024-01-{day:02}" for day in range(8, 14)]
        made = [reconcile(work, rules, session=day, cut=10) for day in days]

    assert [0, 0, 0, 1, 1, 1] == [len(books.issues) for books in made]


@pytest.mark.parametrize(
    "market",
    [
        {"horizons": ["1d", "2d", "3d"]},
        {"horizons": ["3d"]},
        {"thesis_horizon": "1d"},
        {"horizons": ["4d"], "primary_horizon": "4d"},
    ],
)
def test_another_registry_asks_nothing_of_what_came_before_it(desk, stream, market):
    trade(desk, stream)
    before = settle(desk, stream, "2024-01-03")
    again(desk, market=market)
    desk.take(stream.alert("b", "2024-01-04 14:00"), stream.decision("e", "2024-01-04 14:01", alert_id="a"))
    books = settle(desk, stream, "2024-01-04")

    assert [] == books.issues
    usual = len(Rules(desk.rules).usual)
    assert before.expected + 2 * usual == books.expected
    assert books.expected <= sum(books.states.values())


def test_an_outcome_that_waits_too_long_is_unclaimed_and_joined_after_all(store, stream):
    desk = Desk(store, rules=registry(waiting_sessions=2))
    desk.take(stream.outcome("o", "2024-01-04 20:00", alert_id="a", return_=0.1))
    young = settle(desk, stream, "2024-01-05")
    edge = settle(desk, stream, "2024-01-08")
    old = settle(desk, stream, "2024-01-09")
    desk.take(stream.alert("a", "2024-01-04 14:00"))
    joined = settle(desk, stream, "2024-01-10")

    fates = [(books.outcomes["waiting"], books.outcomes["unclaimed"]) for books in (young, edge, old, joined)]
    assert [(1, 0), (0, 1), (0, 1), (0, 0)] == fates
    assert 1 == joined.outcomes["joined"]
    assert [[]] * 4 == [books.issues for books in (young, edge, old, joined)]


def test_an_inferred_outcome_is_counted_as_such(store, stream):
    desk = Desk(store, rules=registry(infer_within_minutes=15))
    entered = {"symbol": "AAPL", "direction": Direction.LONG, "entry_time": moment(at("2024-01-03 14:05"))}
    desk.take(stream.alert("a", "2024-01-03 14:00"))
    desk.take(stream.outcome("o", "2024-01-03 16:00", return_=0.1, **entered))
    assert {"joined": 0, "inferred": 1, "waiting": 0, "unclaimed": 0} == settle(desk, stream, "2024-01-03").outcomes


@sqlite_only
def test_looks_at_no_example_but_the_pending_and_at_no_fact_but_the_new(desk, stream):
    """By the plans of every statement: nothing that grows with the store is looked through."""
    trade(desk, stream)
    settle(desk, stream, "2024-01-03")
    with desk.store.begin() as work:
        with heard(work.connection) as asked:
            reconcile(work, Rules(desk.rules), session="2024-01-04", cut=10**6)
        found = set(plans(work.connection, (one for one in asked if one.startswith("SELECT"))))

    big = ("examples", "alerts", "decisions", "theses", "outcomes")
    about = {plan for plan in found if any(f" {table}" in plan for table in big)}
    assert len(big) <= len(about)
    for plan in about:
        assert any(way in plan for way in CHEAP), plan
