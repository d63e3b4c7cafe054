"""The migrations build exactly the tables that the code knows, and what was in the old ones is in the new."""

import re

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import column, create_engine, insert, inspect, select, text
from sqlalchemy import table as sa_table

from store import books
from store.revision import newest_revision
from store.store import Store
from store.tables import metadata


def test_migrating_builds_the_tables_of_the_code(store):
    with store.read() as reading:
        options = {"compare_type": True, "compare_server_default": True}
        assert [] == compare_metadata(MigrationContext.configure(reading, opts=options), metadata)
        assert {*metadata.tables, "alembic_version"} == set(inspect(reading).get_table_names())


def test_both_ways_of_building_the_schema_give_the_same_text(sqlite_store):
    straight = create_engine("sqlite://")
    metadata.create_all(straight)
    with straight.connect() as connection:
        expected = definitions(connection)
    straight.dispose()

    with sqlite_store.read() as reading:
        assert expected == definitions(reading)


def test_every_table_is_strict(sqlite_store):
    with sqlite_store.read() as reading:
        strict = dict(tuple(row) for row in reading.execute(text("SELECT name, strict FROM pragma_table_list")))

    assert dict.fromkeys(metadata.tables, 1) == {name: strict[name] for name in metadata.tables}


def test_every_time_and_count_is_64_bits_wide_in_postgresql_too():
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateTable

    for table in metadata.tables.values():
        made = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "INTEGER" not in made
        assert "REAL" not in made


def definitions(connection):
    """What SQLite wrote down for each table and index: its columns and constraints, in any order."""
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    return {name: normal(sql) for name, sql in rows if name != "alembic_version"}


def normal(sql):
    """A column that a step added stands in one line with the one before it."""
    lines = (
        line.replace('"', "")
        for told in sql.splitlines()
        for line in re.split(r",(?= \w+ (?:TEXT|INTEGER|REAL)\b)", told)
    )
    return sorted(line for line in (line.strip().rstrip(",") for line in lines) if line)


MONDAY, TUESDAY = "2024-01-08", "2024-01-09"
CLOSED = {MONDAY: 1_704_747_600_000_000, TUESDAY: 1_704_834_000_000_000}
"""Both at 21:00 UTC."""
OPENED = {MONDAY: 1_704_724_200_000_000, TUESDAY: 1_704_810_600_000_000}
MORNING = OPENED[MONDAY] - 3_600_000_000


@pytest.fixture
def old(tmp_path):
    """A store at the first schema, and what puts rows into it."""
    store = Store.open(f"sqlite:///{tmp_path}/old.db", clock=lambda: 1)
    config = Config()
    config.set_main_option("script_location", "store:migrations")
    with store.begin() as work:
        config.attributes["connection"] = work.connection
        command.upgrade(config, "0001")
        work.commit()
    yield store
    store.close()


def fill_with(store, **tables):
    with store.begin() as work:
        for name, rows in tables.items():
            work.connection.execute(insert(sa_table(name, *map(column, rows[0]))), rows)
        work.commit()


def rows_of(store, name):
    with store.read() as reading:
        return [dict(row) for row in reading.execute(select(metadata.tables[name])).mappings()]


def chosen(row, *names):
    return {name: row[name] for name in names}


def fact(sequence, body="{}", *, time=MORNING, **more):
    common = {"sequence": sequence, "source": "s", "event_id": f"e{sequence}", "strategy": "main", "time": time}
    return common | {"recorded_at": 7, "body": body} | more


def instrument(number=1, symbol="AAPL", currency="USD"):
    return {"id": number, "strategy": "main", "venue": "", "symbol": symbol, "currency": currency}


def alert(sequence=1, name="a1", body="{}", **more):
    columns = {"alert_id": name, "instrument": 1, "unit": f"AAPL/{MONDAY}", "session": MONDAY, "score": 0.7}
    more = {"direction": "LONG", "params_version": "1-1", "regime": "bull", "run_id": None} | more
    return fact(sequence, body, **columns, **more)


def decision(sequence=2, name="d1", body="{}", **more):
    columns = {"decision_id": name, "alert_id": "a1", "position_id": "p1", "instrument": 1, "unit": f"AAPL/{MONDAY}"}
    columns |= {"session": MONDAY, "action": "BUY", "direction": "LONG", "size": 0.02, "params_version": "1-1"}
    return fact(sequence, body, **(columns | more))


def bar(sequence, time, session, **more):
    columns = {"instrument": 1, "interval": "1d", "session": session, "open": 10.0, "high": 12.0, "low": 9.0}
    columns |= {"close": 11.0, "volume": None, "factor": None, "final": 1, "entry": f"price.observed/{sequence}-0"}
    return fact(sequence, time=time, **(columns | more))


def example(name, *, subject="alert", subject_id="a1", horizon="1d", origin="prices", due=MONDAY, **more):
    columns = {"id": name, "strategy": "main", "subject": subject, "subject_id": subject_id, "instrument": 1}
    columns |= {"unit": f"AAPL/{MONDAY}", "session": MONDAY, "horizon": horizon, "origin": origin, "due": due}
    columns |= {"state": "pending", "reason": None, "revision": 0, "created_sequence": 10, "sequence": 10}
    columns |= {"settled_sequence": None, "late": 0, "entry_session": MONDAY, "regime": "bull", "score": 0.7}
    figures = ("entry_price", "exit_price", "return", "net", "mfe", "mae", "volatility", "outcome_class", "exit_reason")
    columns |= dict.fromkeys(figures) | {"params_version": "1-1", "contributions": "[]"}
    return columns | more


def test_an_instrument_of_the_first_schema_is_what_its_symbol_meant_from_the_beginning(old):
    fill_with(old, instruments=[instrument()])

    old.migrate()

    assert [instrument()] == rows_of(old, "instruments")
    meaning = {"strategy": "main", "venue": "", "symbol": "AAPL", "since": 0, "instrument": 1, "because": "first"}
    assert [meaning] == rows_of(old, "listings")


def test_what_alerts_and_decisions_of_the_first_schema_said_comes_into_the_new_columns(old):
    said = '{"stop":9.5,"target":12.0,"max_hold":5,"score":0.4,"regime":"bear","thesis_id":"t1","unit":"u/1"}'
    fill_with(
        old,
        instruments=[instrument()],
        alerts=[alert(body='{"assignments":{"look":{"look":0.6}}}')],
        decisions=[decision(body=said), decision(3, "d2", time=OPENED[MONDAY] + 1)],
        examples=[
            example("x", entry_session=TUESDAY),
            example("y", subject="decision", subject_id="d1", entry_session=TUESDAY),
        ],
    )

    old.migrate()

    (came,), (told, silent) = rows_of(old, "alerts"), rows_of(old, "decisions")
    assert alert()["event_id"] == came["event_id"]
    assert {"entry_session": TUESDAY, "assignments": '{"look":{"look":0.6}}', "regime": "bull"} == chosen(
        came, "entry_session", "assignments", "regime"
    )
    assert {"stop": 9.5, "target": 12.0, "max_hold": 5, "score": 0.4, "regime": "bear", "thesis_id": "t1"} == chosen(
        told, "stop", "target", "max_hold", "score", "regime", "thesis_id"
    )
    assert {"named_unit": 1, "entry_session": TUESDAY, "size": 0.02, "fill_price": None} == chosen(
        told, "named_unit", "entry_session", "size", "fill_price"
    )
    assert {"named_unit": 0, "stop": None, "assignments": None, "entry_session": TUESDAY} == chosen(
        silent, "named_unit", "stop", "assignments", "entry_session"
    )


def test_fills_of_the_first_schema_keep_their_account_and_multiplier(old):
    columns = {"decision_id": "d1", "position_id": None, "instrument": 1, "side": "BUY", "quantity": 2.0}
    columns |= {"price": 10.0, "fees": None}
    said = '{"account":"paper","multiplier":100.0}'
    fill_with(
        old,
        instruments=[instrument()],
        fills=[fact(1, said, fill_id="f1", **columns), fact(2, fill_id="f2", **columns)],
    )

    old.migrate()

    names = ("fill_id", "account", "multiplier", "rank", "fees")
    assert [("f1", "paper", 100.0, None, None), ("f2", "", 1.0, None, None)] == [
        tuple(chosen(row, *names).values()) for row in rows_of(old, "fills")
    ]


def test_an_outcome_of_the_first_schema_is_joined_where_its_most_exact_name_is_known(old):
    names = {"decision_id": None, "alert_id": None, "position_id": None, "horizon": "close", "gross": 0.1, "net": None}
    told = {
        "decision": {"decision_id": "d1"},
        "decision to come": {"decision_id": "d9", "alert_id": "a1"},
        "position": {"position_id": "p1", "alert_id": "a9"},
        "filled position": {"position_id": "p2"},
        "position that was only sold to come": {"position_id": "p3"},
        "filled position that was only sold to come": {"position_id": "p4"},
        "position to come": {"position_id": "p9"},
        "alert": {"alert_id": "a1"},
        "alert that was bought because of": {"alert_id": "a2"},
        "alert that was only sold because of, to come": {"alert_id": "a3"},
        "alert to come": {"alert_id": "a9"},
    }
    outcomes = [fact(20 + place, outcome_id=name, **(names | own)) for place, (name, own) in enumerate(told.items())]
    filled = {"instrument": 1, "side": "BUY", "quantity": 1.0, "price": 1.0, "fees": None}
    sold = {"alert_id": "a3", "position_id": "p3", "action": "SELL"}
    fill_with(
        old,
        instruments=[instrument()],
        alerts=[alert()],
        decisions=[decision(), decision(4, "d2", alert_id="a2"), decision(5, "d3", **sold)],
        fills=[
            fact(6, fill_id="f1", decision_id="d1", position_id="p2", **filled),
            fact(7, fill_id="f2", decision_id="d3", position_id="p4", **filled),
        ],
        outcomes=outcomes,
    )

    old.migrate()

    kept = rows_of(old, "outcomes")
    assert {name: int(not name.endswith("to come")) for name in told} == {
        row["outcome_id"]: row["joined"] for row in kept
    }
    assert {(0.1, None, None, None, None)} == {
        tuple(chosen(row, "gross", "net", "instrument", "direction", "entry_time").values()) for row in kept
    }


def test_daily_bars_of_the_first_schema_end_with_their_session_and_the_better_of_two_stays(old):
    midnight = CLOSED[MONDAY] + 3 * 3_600_000_000
    fill_with(
        old,
        instruments=[instrument()],
        prices=[
            bar(1, midnight, MONDAY, close=11.5, factor=0.5),
            bar(2, CLOSED[MONDAY], MONDAY, final=0),
            bar(3, CLOSED[TUESDAY], TUESDAY, source="other"),
            bar(4, MORNING, MONDAY, interval="1h"),
        ],
    )

    old.migrate()

    names = ("interval", "time", "source", "session", "close", "factor", "final", "revision", "entry")
    assert [
        ("1d", CLOSED[MONDAY], "s", MONDAY, 11.5, 0.5, 1, 0, "price.observed/1-0"),
        ("1d", CLOSED[TUESDAY], "other", TUESDAY, 11.0, None, 1, 0, "price.observed/3-0"),
        ("1h", MORNING, "s", MONDAY, 11.0, None, 1, 0, "price.observed/4-0"),
    ] == [tuple(chosen(row, *names).values()) for row in rows_of(old, "prices")]


def test_a_thesis_of_the_first_schema_becomes_a_unit_of_its_own(old):
    said = '{"confidence":0.6,"decision_id":"d1","position_id":"p1"}'
    columns = {"instrument": 1, "recommendation": "HOLD"}
    ancient = -1_000_000_000_000_000
    theses = [fact(1, said, thesis_id="t1", **columns), fact(2, thesis_id="t2", time=ancient, **columns)]
    fill_with(old, instruments=[instrument()], theses=theses)

    old.migrate()

    first, second = rows_of(old, "theses")
    assert {"unit": "thesis/t1", "session": MONDAY, "entry_session": MONDAY, "recommendation": "HOLD"} == chosen(
        first, "unit", "session", "entry_session", "recommendation"
    )
    assert {"confidence": 0.6, "alert_id": None, "decision_id": "d1", "position_id": "p1"} == chosen(
        first, "confidence", "alert_id", "decision_id", "position_id"
    )
    assert {"unit": "thesis/t2", "session": "1938-04-24"} == chosen(second, "unit", "session")


def test_open_examples_of_the_first_schema_go_on_maturing_and_filled_ones_keep_what_they_are(old):
    figures = {"entry_price": 10.0, "exit_price": 11.0, "return": 0.1, "mfe": 0.2, "mae": -0.1, "volatility": 0.3}
    filled = figures | {"state": "matched", "revision": 2, "late": 1, "contributions": '[{"n":1}]', "sequence": 12}
    fill_with(
        old,
        instruments=[instrument()],
        alerts=[alert(4)],
        decisions=[decision(9)],
        examples=[
            example("open", horizon="3d", due=TUESDAY),
            example("filled", due=TUESDAY, outcome_class="win", **filled),
            example("told", subject="decision", subject_id="d1", horizon="close", origin="reported", **filled),
        ],
    )

    old.migrate()

    kept = {(row["fact"], row["horizon"], row["origin"]): row for row in rows_of(old, "examples")}
    assert {(4, "3d", "prices"), (4, "1d", "prices"), (9, "close", "reported")} == kept.keys()
    waiting = kept[4, "3d", "prices"]
    assert {"state": "pending", "due": CLOSED[TUESDAY], "entry_time": None, "marks": "", "revision": 0} == chosen(
        waiting, "state", "due", "entry_time", "marks", "revision"
    )
    measured = kept[4, "1d", "prices"]
    assert {**filled, "outcome_class": "win"} == chosen(measured, *filled, "outcome_class")
    assert {
        "entry_time": OPENED[MONDAY],
        "exit_time": CLOSED[TUESDAY],
        "peak_after": None,
        "benchmark": None,
    } == chosen(measured, "entry_time", "exit_time", "peak_after", "benchmark")
    assert {"entry_time": None, "exit_time": None, "due": CLOSED[MONDAY]} == chosen(
        kept[9, "close", "reported"], "entry_time", "exit_time", "due"
    )


def test_a_settled_session_of_the_first_schema_knows_what_was_open_at_its_cut(old):
    sessions = [
        {"strategy": "main", "session": session, "cut": cut, "revisions": 0, "settled_at": 1}
        for session, cut in ((MONDAY, 20), (TUESDAY, 30))
    ]
    fill_with(
        old,
        instruments=[instrument()],
        alerts=[alert(1), alert(2, "a2")],
        sessions=sessions,
        examples=[
            example("at both", horizon="3d", state="matched", settled_sequence=31),
            example("at the first", state="matched", settled_sequence=21),
            example("at none", horizon="5d", state="matched", settled_sequence=20),
            example("at the second", subject_id="a2", horizon="5d", created_sequence=30),
            example("beyond", subject_id="a2", horizon="7d", created_sequence=31),
        ],
    )

    old.migrate()

    assert {
        MONDAY: f'{{"1d/prices":["{MONDAY}"],"3d/prices":["{MONDAY}"]}}',
        TUESDAY: f'{{"3d/prices":["{MONDAY}"],"5d/prices":["{MONDAY}"]}}',
    } == {row["session"]: row["pending"] for row in rows_of(old, "sessions")}


def test_the_running_counts_begin_with_what_is_there(old):
    names = {"decision_id": "d1", "alert_id": None, "position_id": None, "horizon": "close", "gross": 0.1, "net": None}
    reported = {"subject": "decision", "subject_id": "d1", "horizon": "close", "origin": "reported"}
    fill_with(
        old,
        instruments=[instrument()],
        alerts=[alert(1), alert(2, "a2")],
        decisions=[decision(3, body='{"stop":9.5}'), decision(4, "d2"), decision(5, "d3", '{"max_hold":0}')],
        theses=[fact(6, thesis_id="t1", instrument=1, recommendation="HOLD")],
        outcomes=[fact(7, outcome_id="o1", **names), fact(8, outcome_id="o2", **(names | {"decision_id": "d9"}))],
        examples=[example("x"), example("y", subject_id="a2", state="matched", late=1), example("z", **reported)],
    )

    old.migrate()

    with old.read() as reading:
        really = books.counted(reading, "main")
        assert really == books.tallied(reading, "main")
        assert {("alert", "1d", "prices"): 2} == books.expected(reading, "main")
    assert {"alerts": 2, "decisions": 3, "theses": 1, "outcomes": 2, "barriers": 1} == really.accepted
    assert {"joined": 1, "waiting": 1} == really.reported
    assert {"late": 1} == really.marked


def test_moments_are_those_of_the_calendar_in_force(old):
    registry = {"strategy": "main", "hash": "h", "recorded_at": 1, "body": '{"market":{"calendar":"24/7"}}'}
    sunday = "2024-01-07"
    fill_with(
        old,
        registries=[registry],
        parameters=[{"strategy": "main", "name": "look", "registry": "h", "body": "{}"}],
        instruments=[instrument()],
        alerts=[alert()],
        examples=[example("x", due=sunday)],
    )

    old.migrate()

    assert [1_704_672_000_000_000] == [row["due"] for row in rows_of(old, "examples")]


def test_an_example_of_a_calendar_that_is_no_longer_in_force_is_looked_at_from_its_date_on(old):
    fill_with(old, instruments=[instrument()], alerts=[alert()], examples=[example("x", due="2024-01-07")])

    old.migrate()

    assert [1_704_585_600_000_000] == [row["due"] for row in rows_of(old, "examples")]


def test_nothing_of_the_first_schema_is_left_behind(old):
    fill_with(old, instruments=[instrument()], alerts=[alert()])

    old.migrate()
    old.check()

    with old.read() as reading:
        assert {*metadata.tables, "alembic_version"} == set(inspect(reading).get_table_names())
        assert [] == reading.execute(text("PRAGMA foreign_key_check")).all()


def test_a_settled_session_is_given_the_version_that_had_been_written_by_then(old):
    version = {"strategy": "main", "epoch": 1, "previous": None, "session": MONDAY, "regime": "all", "registry": "r"}
    versions = [
        version | {"number": number, "recorded_at": at, "checksum": "c", "proposal_id": None, "body": "{}"}
        for number, at in ((1, 5), (2, 9), (3, 20))
    ]
    settled = [
        {"strategy": "main", "session": session, "cut": 1, "revisions": 0, "settled_at": at}
        for session, at in ((MONDAY, 4), (TUESDAY, 10))
    ]
    fill_with(old, versions=versions, sessions=settled)

    old.migrate()

    assert {MONDAY: None, TUESDAY: "1-2"} == {row["session"]: row["version"] for row in rows_of(old, "sessions")}


def test_currencies_are_brought_into_upper_case(old):
    fill_with(old, instruments=[instrument(1, "AAPL", "usd"), instrument(2, "MSFT", None)])

    old.migrate()

    assert ["USD", None] == [row["currency"] for row in rows_of(old, "instruments")]


def test_the_newest_step_by_its_file_is_the_one_that_alembic_ends_with():
    steps = Config()
    steps.set_main_option("script_location", "store:migrations")
    assert ScriptDirectory.from_config(steps).get_current_head() == newest_revision()
