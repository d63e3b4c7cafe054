"""``learning health``: what people see, and what a script learns from the exit code."""

import msgspec
import pytest
from typer.testing import CliRunner

from events.moments import moment
from schemas.client import ClientReported
from schemas.event import Envelope
from schemas.reports import HealthOverview, HealthReported, HealthState
from store.client_reports import ClientReports
from store.dialects import insert_new
from store.health import HealthRows
from store.tables import health_overview
from workers.cli import app
from workers.clock import wall_clock
from workers.last_word import KEY

HEALTHY, DEGRADED, CRITICAL = HealthState


class Place:
    def __init__(self, store, broker):
        self.store = store
        self.broker = broker

    def overview(self, *parts, ago=0.0):
        now = wall_clock() - round(ago * 1e6)
        since = moment(now - 250_000_000)
        told = [HealthReported(part=part, state=state, reasons=reasons, since=since) for part, state, *reasons in parts]
        return HealthOverview(at=now, parts=told)

    def at_broker(self, *parts, ago=0.0):
        self.broker.set(KEY, msgspec.json.encode(self.overview(*parts, ago=ago)))

    def in_store(self, *parts, ago=0.0):
        with self.store.begin() as work:
            HealthRows(work.connection).look(self.overview(*parts, ago=ago))
            work.commit()

    def run(self):
        result = CliRunner().invoke(app, ["health"])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return result.exit_code, result.output


@pytest.fixture
def place(store, broker, redis_url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RQ_REDIS_URL", redis_url)
    monkeypatch.setenv("LEARNING_STORE_URL", store.place)
    return Place(store, broker)


@pytest.mark.parametrize(("state", "code"), [(HEALTHY, 0), (DEGRADED, 1), (CRITICAL, 2)])
def test_the_exit_code_is_that_of_the_worst_part(place, state, code):
    place.at_broker(("broker", HEALTHY), ("thompson", state, "it is slow"))
    found, shown = place.run()
    assert code == found
    assert "thompson" in shown
    assert "it is slow" in shown
    assert f"\n{state.value}\n" in shown


def test_says_since_when_relatively_and_exactly(place):
    place.at_broker(("broker", HEALTHY))
    _, shown = place.run()
    [since] = [part.since for part in place.overview(("broker", HEALTHY)).parts]
    assert "4 min 10 s" in shown
    assert since.isoformat()[:15] in shown


def test_the_newest_word_counts_wherever_it_lies(place):
    place.at_broker(("old", CRITICAL), ago=2)
    place.in_store(("new", HEALTHY))
    assert 0 == place.run()[0]


def test_health_that_never_said_anything_is_critical(place):
    code, shown = place.run()
    assert 2 == code
    assert "health has said nothing that can be found; start `learning up`" in shown


def test_health_that_is_silent_is_critical_and_the_rest_is_of_then(place):
    place.at_broker(("broker", HEALTHY), ago=60)
    code, shown = place.run()
    assert 2 == code
    assert "health is silent: it looked last 1 min 0 s ago (limit 3.0 s)" in shown


def test_a_broker_that_is_away_is_said_and_the_rest_comes_from_the_store(place, monkeypatch):
    monkeypatch.setenv("RQ_REDIS_URL", "redis://127.0.0.1:1/0")
    place.in_store(("store", HEALTHY), ("outbox", DEGRADED, "letters wait"))
    code, shown = place.run()
    assert 2 == code
    assert "127.0.0.1:1 cannot be reached" in shown
    assert "letters wait" in shown


def test_no_broker_at_all_is_said(place, monkeypatch):
    monkeypatch.delenv("RQ_REDIS_URL")
    code, shown = place.run()
    assert 2 == code
    assert "no broker is named" in shown


def test_what_lies_at_the_key_and_is_nothing_of_ours_is_said(place):
    place.broker.set(KEY, b"[1]")
    code, shown = place.run()
    assert 2 == code
    assert "holds something else" in shown


def test_a_store_that_is_not_there_is_said_and_not_made(place, tmp_path, monkeypatch):
    monkeypatch.setenv("LEARNING_STORE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    place.at_broker(("broker", HEALTHY))
    code, shown = place.run()
    assert 2 == code
    assert "none.db is not there" in shown
    assert not (tmp_path / "none.db").exists()


def test_health_s_own_word_of_a_broker_that_is_away_is_kept(place, monkeypatch):
    monkeypatch.setenv("RQ_REDIS_URL", "redis://127.0.0.1:1/0")
    place.in_store(("broker", CRITICAL, "of thompson nothing is known"))
    assert "of thompson nothing is known" in place.run()[1]


def test_who_runs_which_version_is_shown(place):
    place.at_broker(("broker", HEALTHY))
    data = ClientReported(client="bot-7", version="1-4", sent={"alert.raised": 1_200}, dropped={"price.observed": 3})
    with place.store.begin() as work:
        ClientReports(work.connection).record(Envelope(source="s", id="e", time=wall_clock(), data=data), now=1)
        work.commit()
    assert "trading: bot-7 runs 1-4, 1,200 sent, 3 dropped, heard 0." in place.run()[1]


def test_what_others_wrote_cannot_steer_the_terminal(place):
    place.at_broker(("broker", DEGRADED, "a \x1b[31m[bold]score[/bold]"))
    shown = place.run()[1]
    assert "\x1b" not in shown
    assert "\\x1b[31m[bold]score[/bold]" in shown


def test_a_word_of_another_version_is_said(place):
    with place.store.begin() as work:
        insert_new(work.connection, health_overview, [{"id": 1, "time": 1, "body": "[]"}])
        work.commit()
    code, shown = place.run()
    assert 2 == code
    assert "another version wrote" in shown


def test_settings_that_cannot_be_read_are_no_degraded_engine_but_critical(place, monkeypatch):
    monkeypatch.setenv("LEARNING_MODUS", "act")
    code, shown = place.run()
    assert 2 == code
    assert "LEARNING_MODUS" in shown
