"""How much came in and how much stands where: by running counts, really counted, and after a migration."""

import pytest
from alembic import command
from alembic.config import Config

from store.books import Place, came_between, counted, expected, overdue, ownerless, pending, tallied
from store.store import Store
from store.tables import alerts
from store.tallies import Tallies, accepted, standing, told
from tests.store.test_migrations import MORNING, alert, decision, example, fact, fill_with, instrument
from tests.workers.desk import at
from tests.workers.shelf import Shelf

TIME = "2024-01-03 15:00"


@pytest.fixture
def shelf(store):
    with store.begin() as work:
        yield Shelf(work.connection)


def test_a_tally_moves_both_ways_and_several_move_at_once(shelf):
    tallies = Tallies(shelf.connection)
    tallies.add("a", 3)
    tallies.move({"a": -1, "b": 5, "c": 0})
    assert (2, 5, 0) == (tallies.value("a"), tallies.value("b"), tallies.value("c"))


def test_tallies_are_read_by_how_their_names_begin_to_the_letter(shelf):
    tallies = Tallies(shelf.connection)
    tallies.move(
        {accepted("main", "alerts"): 1, accepted("Main", "alerts"): 2, accepted("main2", "x"): 3, told("main"): 4}
    )
    assert {"alerts": 1} == tallies.prefixed("accepted/main/")
    assert {"alerts": 2} == tallies.prefixed("accepted/Main/")
    assert {} == tallies.prefixed("accepted/m%/")


def test_books_name_nothing_of_which_there_is_none(shelf):
    Tallies(shelf.connection).move(
        {standing("main", "alert", "1d", "prices", "pending"): 1, accepted("main", "theses"): 1}
    )
    Tallies(shelf.connection).move(
        {standing("main", "alert", "1d", "prices", "pending"): -1, accepted("main", "theses"): -1}
    )
    assert ({}, {}, {}, {}) == tuple(tallied(shelf.connection, "main"))


def test_counts_every_row_of_its_strategy_and_no_other(shelf):
    first = shelf.alert("a", TIME)["sequence"]
    second = shelf.decision("d", TIME, stop=9.0)["sequence"]
    shelf.decision("held", TIME, max_hold=0)
    shelf.decision("sold", TIME, action="SELL", stop=9.0)
    shelf.thesis("t", TIME)
    shelf.outcome("joined", TIME, alert_id="a", joined=1)
    shelf.outcome("waiting", TIME, alert_id="b")
    shelf.outcome("inferred", TIME, symbol="AAPL", entered=TIME, joined=1)
    shelf.outcome("nobody's", TIME, symbol="AAPL", entered=TIME)
    shelf.example(first, state="matched", marks="inferred,jump", late=1)
    shelf.example(first, horizon="1d")
    shelf.example(second, subject="decision", marks="jump")
    Shelf(shelf.connection, strategy="other", first=100).alert("a", TIME)
    books = counted(shelf.connection, "main")

    assert {"alerts": 1, "decisions": 3, "theses": 1, "outcomes": 4, "barriers": 1} == books.accepted
    assert {
        Place("alert", "5d", "prices", "matched"): 1,
        Place("alert", "1d", "prices", "pending"): 1,
        Place("decision", "5d", "prices", "pending"): 1,
    } == books.standing
    assert {"inferred": 1, "jump": 2, "late": 1} == books.marked
    assert {"joined": 1, "waiting": 2, "inferred": 1} == books.reported
    assert {("1d", "prices"): 1, ("5d", "prices"): 1} == pending(shelf.connection, "main")
    assert {} == pending(shelf.connection, "other")


def test_facts_are_counted_by_their_place_in_the_ingest_sequence(shelf):
    for name in "abc":
        shelf.alert(name, TIME)
    Shelf(shelf.connection, strategy="other", first=100).alert("a", TIME)

    def between(after, until):
        return came_between(shelf.connection, alerts, "main", after=after, until=until)

    assert (3, 2, 1, 0) == (between(-1, 200), between(1, 200), between(1, 2), between(3, 200))


def test_examples_without_their_fact_are_ownerless(shelf):
    fact_ = shelf.alert("a", TIME)["sequence"]
    shelf.example(fact_)
    shelf.example(fact_, horizon="1d", subject="decision")
    shelf.example(99)
    assert (2, 0) == (ownerless(shelf.connection, "main"), ownerless(shelf.connection, "other"))


def test_what_is_pending_and_due_is_found_with_the_hold_of_its_decision(shelf):
    held = shelf.decision("d", TIME, max_hold=4)["sequence"]
    shelf.example(held, subject="decision", horizon="close", due=at("2024-01-03 21:00"))
    shelf.example(held, subject="decision", horizon="1d", due=at("2024-01-04 21:00"))
    shelf.example(held, subject="decision", horizon="3d", due=at("2024-01-03 20:00"), state="lost")
    [found] = overdue(shelf.connection, "main", before=at("2024-01-03 21:01"))
    assert ("close", "prices", at("2024-01-03 21:00"), 4) == found
    assert [] == overdue(shelf.connection, "main", before=at("2024-01-03 21:00"))


@pytest.fixture
def old(tmp_path):
    """A store at the first schema."""
    store = Store.open(f"sqlite:///{tmp_path}/old.db", clock=lambda: 1)
    config = Config()
    config.set_main_option("script_location", "store:migrations")
    with store.begin() as work:
        config.attributes["connection"] = work.connection
        command.upgrade(config, "0001")
        work.commit()
    yield store
    store.close()


def test_a_store_of_the_first_schema_begins_to_count_with_what_it_holds(old):
    names = {"decision_id": None, "alert_id": "a1", "position_id": None, "horizon": "close", "gross": 0.1, "net": None}
    fill_with(
        old,
        instruments=[instrument()],
        alerts=[alert(), alert(3, "a2")],
        decisions=[decision(body='{"stop": 9.0}'), decision(4, "d2")],
        outcomes=[fact(20, outcome_id="o1", **names), fact(21, outcome_id="o2", **(names | {"alert_id": "none"}))],
        examples=[
            example("e1", state="matched", late=1),
            example("e2", horizon="3d"),
            example("e3", subject_id="a2"),
            example("e4", subject="decision", subject_id="d1", horizon="close", origin="reported"),
        ],
    )

    old.migrate()

    with old.read() as reading:
        assert counted(reading, "main") == tallied(reading, "main")
        assert {("alert", "1d", "prices"): 2, ("alert", "3d", "prices"): 1} == expected(reading, "main")
        assert 1 == tallied(reading, "main").accepted["barriers"]


def test_an_outcome_is_joined_after_the_migration_where_something_was_bought(old):
    names = {"decision_id": None, "alert_id": None, "position_id": None, "horizon": "close", "gross": 0.1, "net": None}
    filled = {"instrument": 1, "side": "SELL", "quantity": 1.0, "price": 1.0, "fees": None}
    fill_with(
        old,
        instruments=[instrument()],
        decisions=[
            decision(2, "bought", alert_id="a8", position_id=None),
            decision(3, "sold", action="SELL", alert_id="a9", position_id="p9"),
        ],
        fills=[fact(5, fill_id="f1", decision_id="sold", position_id="p8", time=MORNING, **filled)],
        outcomes=[
            fact(20, outcome_id="because of an alert", **(names | {"alert_id": "a8"})),
            fact(21, outcome_id="of an alert passed over", **(names | {"alert_id": "a9"})),
            fact(22, outcome_id="of what was sold", **(names | {"position_id": "p9"})),
            fact(23, outcome_id="of what a fill sold", **(names | {"position_id": "p8"})),
        ],
    )

    old.migrate()

    with old.read() as reading:
        assert {"joined": 1, "waiting": 3} == counted(reading, "main").reported
