"""``learning cycle``: which cycle is asked for, and where its report is shown."""

from pathlib import Path

import pytest
import typer
from rq import Queue

from schemas.reports import CycleCompleted
from store.cycles import Cycles
from store.sessions import Sessions
from workers.commands.cycle import cycle
from workers.commands.status import status

PARAMETERS = Path(__file__).parents[3] / "parameters"
THURSDAY, FRIDAY, MONDAY = "2024-01-04", "2024-01-05", "2024-01-08"


@pytest.fixture
def stores(sqlite_stores):
    return sqlite_stores


@pytest.fixture
def settle(store, redis_url, tmp_path, monkeypatch):
    """Settles these sessions of the demo's strategy, in a shell where its store and broker are named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEARNING_REGISTRIES", str(PARAMETERS / "demo.toml"))
    monkeypatch.setenv("LEARNING_STORE_URL", store.place)
    monkeypatch.setenv("RQ_REDIS_URL", redis_url)

    def settled(*sessions):
        with store.begin() as work:
            for session in sessions:
                Sessions(work.connection).add("demo", session, cut=work.take(1), pending={}, now=work.now)
            work.commit()

    return settled


def asked(broker):
    return [tuple(job.args) for job in Queue("learning", connection=broker).jobs]


def test_the_newest_settled_session_is_run_and_for_the_week_the_newest_that_ended_one(settle, broker):
    settle(THURSDAY, FRIDAY, MONDAY)
    cycle()
    cycle(weekly=True)
    cycle(THURSDAY)
    assert [("demo", "daily", MONDAY), ("demo", "weekly", FRIDAY), ("demo", "daily", THURSDAY)] == asked(broker)


@pytest.mark.parametrize(
    ("sessions", "wanted", "said"),
    [
        ((THURSDAY,), THURSDAY, "session 2024-01-04 does not end a week"),
        ((THURSDAY,), None, "a session that ends a week is not settled"),
        ((MONDAY,), None, "a session that ends a week is not settled"),
        ((), None, "a session that ends a week is not settled"),
        ((), FRIDAY, "session 2024-01-05 is not settled"),
    ],
)
def test_a_week_that_has_not_ended_has_no_cycle(settle, broker, capsys, sessions, wanted, said):
    settle(*sessions)
    with pytest.raises(typer.Exit):
        cycle(wanted, weekly=True)
    assert said in " ".join(capsys.readouterr().out.split())
    assert [] == asked(broker)


def test_without_learners_there_is_no_weekly_cycle_and_that_is_said(settle, broker, capsys, monkeypatch):
    settle(FRIDAY)
    monkeypatch.setenv("LEARNING_REGISTRIES", str(PARAMETERS / "scanner.toml"))
    with pytest.raises(typer.Exit):
        cycle(weekly=True)
    assert "strategy 'main' has no [[learner]]" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(typer.Exit):
        cycle()
    assert "no session is settled yet" in " ".join(capsys.readouterr().out.split())
    assert [] == asked(broker)


def test_status_shows_what_the_last_day_and_the_last_week_found(settle, store, capsys):
    settle(FRIDAY)
    with store.begin() as work:
        for kind, report in (("daily", "shares moved"), ("weekly", "entry: stays")):
            named = {"strategy": "demo", "cycle_id": kind, "kind": kind, "session": FRIDAY, "report": report}
            completed = CycleCompleted(cut=1, proposals=[], stages=[], **named)
            Cycles(work.connection).add(completed, started_at=1, finished_at=2)
        work.commit()
    status()
    shown = capsys.readouterr().out
    assert "last daily cycle" in shown
    assert "shares moved" in shown
    assert "last weekly cycle" in shown
    assert "entry: stays" in shown
