"""``learning books``: what people see of the books, and what a script learns from the exit code."""

import pytest
import typer
from sqlalchemy import delete

from store.tables import alerts, examples
from store.tallies import Tallies, standing
from tests.workers.desk import Desk, Stream
from workers.commands.books import books

REGISTRY = """
[market]
horizons = ["1d", "3d"]
primary_horizon = "3d"

[[parameter]]
name = "look"
reward = "alert_return:3d"
decides_trade = false
default = 0.5
min = 0.0
max = 1.0
step = 0.1
max_change = 0.1
category = "test"
affects = "test"
description = "For tests."
"""


@pytest.fixture
def desk(store, tmp_path, monkeypatch):
    (tmp_path / "main.toml").write_text(REGISTRY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEARNING_REGISTRIES", "main.toml")
    monkeypatch.setenv("LEARNING_STORE_URL", store.place)
    return Desk(store)


def settle(desk):
    stream = Stream()
    desk.take(stream.alert("a", "2024-01-03 14:00"), stream.bar("2024-01-03", 100, 103, 98, 101))
    desk.take(stream.outcome("o", "2024-01-03 20:00", alert_id="never"), stream.closed("2024-01-03"))
    desk.rest()


def harm(desk, statement):
    with desk.store.begin() as work:
        work.connection.execute(statement)
        work.commit()


def run(capsys, **options):
    """What was shown, and the exit code."""
    try:
        books(**{"strategy": None, "recount": False} | options)
    except typer.Exit as exit_:
        return capsys.readouterr().out, exit_.exit_code
    return capsys.readouterr().out, 0


def test_nothing_was_reconciled_before_the_first_session_settles(desk, capsys):
    shown, code = run(capsys)
    assert "no session has settled yet" in shown
    assert 0 == code


def test_shows_what_came_in_and_where_it_stands(desk, capsys):
    settle(desk)
    shown, code = run(capsys, strategy="main")

    assert 0 == code
    assert "books of main" in shown
    assert "1 alerts, 1 outcomes" in shown
    assert "1 matched, 2 pending" in shown
    assert "1 waiting" in shown
    assert ["3d", "prices", "1", "0", "0", "0"] in [
        line.strip("│").replace("│", " ").split() for line in shown.splitlines()
    ]
    assert "the books balance" in shown


def test_a_recount_says_that_the_running_counts_hold(desk, capsys):
    settle(desk)
    shown, code = run(capsys, recount=True)
    assert "every row was counted, and the running counts hold" in shown
    assert 0 == code


def test_a_recount_finds_what_was_lost_since(desk, capsys):
    settle(desk)
    harm(desk, delete(examples).where(examples.c.horizon == "1d"))
    assert 0 == run(capsys)[1]

    shown, code = run(capsys, recount=True)
    assert 1 == code
    assert "alert/1d/prices/matched: 1 by the running count, 0 really" in shown
    assert "alert at 1d by prices: 0 examples stand, and 1 must: 1 missing" in shown


def test_a_recount_finds_examples_whose_fact_is_gone(desk, capsys):
    settle(desk)
    harm(desk, delete(alerts))
    shown, code = run(capsys, recount=True)
    assert 1 == code
    assert "alerts: 1 by the running count, 0 really" in shown
    assert "3 examples are about a fact that is not there" in shown


def test_the_exit_code_tells_that_the_last_reconciliation_did_not_balance(desk, capsys):
    with desk.store.begin() as work:
        Tallies(work.connection).add(standing("main", "alert", "9d", "prices", "lost"), 5)
        work.commit()
    settle(desk)
    shown, code = run(capsys)
    assert 1 == code
    assert "alert at 9d by prices: 5 examples stand, but only 1 alerts came in" in shown


def test_a_strategy_that_nobody_knows_is_refused(desk):
    with pytest.raises(SystemExit):
        books(strategy="none", recount=False)


def test_what_came_after_the_last_session_settled_is_in_the_figures(desk, capsys):
    settle(desk)
    stream = Stream("later")
    desk.take(*(stream.bar(session, 100, 103, 98, 101) for session in ("2024-01-04", "2024-01-05")))
    shown, _ = run(capsys)
    assert "2 matched, 1 pending" in shown
    assert "2024-01-03 was the last session to settle" in " ".join(shown.replace("│", " ").split())
