"""The files of an old in-process learner, made here, become events; what has no place is said."""

import json
import re
import shutil
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from schemas.registry import load_registry
from store.store import Store
from store.tables import alerts, dead_letters, outcomes, versions
from tests.signals import signals_kept
from tests.standing import standing
from tests.workers.replay.archive import NOW
from tests.workers.replay.books import books
from tests.workers.replay.test_command import BARS
from workers.cli import app

REGISTRY = """
strategy = "main"
[market]
horizons = ["1d", "3d"]
primary_horizon = "1d"
[[parameter]]
name = "weight.catalyst"
default = 0.18
min = 0.05
max = 0.40
unit = "fraction"
category = "scoring_weight"
affects = "final_score"
description = "How much a catalyst counts."
"""


def an_entry(**other):
    return {
        "alert_id": "AAPL_20231103_1030",
        "ticker": "AAPL",
        "timestamp": "2023-11-03T10:30:00.250000",
        "score": 83.5,
        "parameters_used": {"weight.catalyst": 0.2},
        "score_breakdown": {"technical": {"rsi": 61.5, "squeeze on": 0.4, "note": "hot"}, "theme": {"heat": 3}},
        "outcomes": {"1d": 2.1, "3d": -5.1},
        "outcome_class": "win",
        "market_regime": "bull",
        **other,
    }


class Place:
    """A folder with an engine's settings and a store, and an old learner's files beside it."""

    def __init__(self, folder, migrated):
        self.folder = folder
        self.old = folder / "old"
        self.old.mkdir()
        (folder / "registry.toml").write_text(REGISTRY)
        (folder / "learning.toml").write_text('registries = ["registry.toml"]\nstore_url = "sqlite:///learning.db"\n')
        self.store = Store.open(f"sqlite:///{shutil.copy(migrated, folder / 'learning.db')}", clock=lambda: NOW)

    def leaves(self, name, content):
        (self.old / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))

    def history(self, *entries):
        self.leaves("outcome_history", {"outcomes": list(entries)})

    def imports(self, *words, code=0, zone="America/New_York"):
        return self.runs("import-legacy", self.old, "--zone", zone, *words, code=code)

    def runs(self, *words, code=0):
        """What the command wrote, in one line, which must end with ``code``."""
        with pytest.MonkeyPatch.context() as patch, signals_kept():
            patch.chdir(self.folder)
            patch.setattr("workers.commands.replay.configure_logs", lambda settings: None)
            for name in ("LEARNING_STORE_URL", "RQ_REDIS_URL"):
                patch.delenv(name, raising=False)
            ended = CliRunner().invoke(app, [str(word) for word in words])
        assert code == ended.exit_code, ended.output
        return re.sub(r"[\s│]+", " ", ended.output)

    def rows(self, table):
        with self.store.read() as reading:
            return [row._asdict() for row in reading.execute(select(table))]


@pytest.fixture
def place(tmp_path, migrated, monkeypatch):
    made = Place(tmp_path, migrated)
    yield made
    made.store.close()


def micros(*moment):
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1_000_000)


def test_alerts_and_outcomes_come_in_as_fractions_at_their_time(place):
    place.history(an_entry())
    told = place.imports()
    [alert], followed = place.rows(alerts), place.rows(outcomes)
    assert ("AAPL_20231103_1030", 0.835, "bull") == (alert["alert_id"], alert["score"], alert["regime"])
    assert micros(2023, 11, 3, 14, 30) + 250_000 == alert["time"]
    said = json.loads(alert["body"])
    assert {"technical.rsi": 61.5, "technical.squeeze_on": 0.4, "theme.heat": 3.0} == said["features"]
    assert alert["params_version"] is None
    bodies = {row["horizon"]: json.loads(row["body"]) for row in followed}
    assert {"1d": (0.021, "win"), "3d": (-0.051, "win")} == {
        name: (body["return"], body["outcome_class"]) for name, body in bodies.items()
    }
    assert {"1d": micros(2023, 11, 6, 21), "3d": micros(2023, 11, 8, 21)} == {
        row["horizon"]: row["time"] for row in followed
    }
    assert "1 alerts and 2 outcomes were handed to the books" in told
    assert "no place for 1 parameters_used" in told


def test_importing_twice_changes_nothing_and_what_grew_is_added(place):
    place.history(an_entry())
    place.imports()
    before = books(place.store)
    again = place.imports()
    assert "was replayed before, nothing was done" in again
    assert "--from-start" not in again
    place.history(an_entry(market_regime="bull"), an_entry(alert_id="later", outcomes={}))
    place.imports(zone="Europe/Berlin")
    known = [row for row in books(place.store)["alerts"] if row["alert_id"] == "AAPL_20231103_1030"]
    assert before["alerts"] == known
    assert before["outcomes"] == books(place.store)["outcomes"]
    assert 2 == len(place.rows(alerts))
    place.history(an_entry(outcomes={"1d": 2.1, "3d": -5.1, "5d": 7.0}))
    place.imports()
    assert ["1d", "3d", "5d"] == sorted(row["horizon"] for row in place.rows(outcomes))


def test_different_alerts_that_bear_one_id_are_two_each_with_its_outcomes(place):
    place.history(an_entry(outcomes={"1d": 1.0}), an_entry(ticker="MSFT", outcomes={"1d": 2.0}))
    place.imports()
    ids = {row["alert_id"] for row in place.rows(alerts)}
    assert 2 == len(ids)
    assert all(name.startswith("AAPL_20231103_1030-") for name in ids)
    assert ids == {row["alert_id"] for row in place.rows(outcomes)}


def test_an_entry_that_stands_in_the_file_twice_is_one(place):
    place.history(an_entry(), an_entry())
    told = place.imports()
    assert "1 alerts and 2 outcomes" in told
    assert "refused 1: an entry: it stands in the file twice" in told
    assert 1 == len(place.rows(alerts))


def test_an_unknown_regime_is_missing(place):
    place.history(an_entry(market_regime="unknown"))
    place.imports()
    assert [None] == [row["regime"] for row in place.rows(alerts)]


WRONG = {
    "no object": ("an entry", 5),
    "no time": ("timestamp is 'None'", an_entry(timestamp=None)),
    "no such hour": ("left out", an_entry(timestamp="2024-03-10T02:30:00")),
    "no date": ("expected a time", an_entry(timestamp="yesterday")),
    "a score": ("expected 0 to 100", an_entry(score=101)),
    "no score": ("score is 'None'", an_entry(score=None)),
    "true": ("score is 'True'", an_entry(score=True)),
    "no ticker": ("ticker is ''", an_entry(ticker="")),
    "a sentence": ("at most 32", an_entry(ticker="A" * 33)),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_entry_that_is_no_alert_is_refused_with_the_reason_and_hinders_nothing(place, wrong):
    reason, entry = WRONG[wrong]
    place.history(entry, an_entry())
    told = place.imports()
    assert "refused 1: an entry: " in told
    assert reason in told
    assert 1 == len(place.rows(alerts))
    assert 2 == len(place.rows(outcomes))


@pytest.mark.parametrize(
    "followed", [{"close": 2.0}, {"soon": 2.0}, {"1d": "2.0"}, {"1d": True}, {"9999d": 1.0}], ids=str
)
def test_an_outcome_that_is_none_is_refused_and_its_alert_is_not(place, followed):
    place.history(an_entry(outcomes={**followed, "3d": 1.0}))
    assert "refused 1: an outcome: " in place.imports()
    assert ["3d"] == [row["horizon"] for row in place.rows(outcomes)]


def test_a_missing_return_is_missing_and_no_zero(place):
    place.leaves("outcome_history", json.dumps({"outcomes": [an_entry(outcomes={"1d": None, "3d": float("nan")})]}))
    assert "refused" not in place.imports()
    assert [] == place.rows(outcomes)
    assert 1 == len(place.rows(alerts))


def test_what_ends_in_the_future_waits_in_the_dead_letters(place):
    place.history(an_entry(outcomes={"30d": 1.0}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workers.commands.replay.wall_clock", lambda: micros(2023, 11, 10))
        assert "refused 1: " in place.imports().replace("refused 1:", "refused 1: ")
    assert 1 == len(place.rows(alerts))
    assert [] == place.rows(outcomes)
    assert 1 == len(place.rows(dead_letters))


def test_bars_that_come_afterwards_make_the_examples_that_the_engine_computes_itself(place):
    place.history(an_entry())
    place.imports()
    days = ("2023-11-03", "2023-11-06", "2023-11-07", "2023-11-08", "2023-11-09")
    bars = "".join(f"{day},AAPL,{100 + number}\n" for number, day in enumerate(days))
    (place.folder / "bars.csv").write_text(f"date,symbol,open\n{bars}")
    (place.folder / "bars.toml").write_text(BARS)
    told = place.runs("replay", "bars.csv", "--map", "bars.toml", "--close-sessions")
    assert "5 sessions settled" in told
    with place.store.read() as reading:
        found = {(row.horizon, row.origin): row for row in standing(reading)}
    assert {("1d", "prices"), ("3d", "prices"), ("1d", "reported"), ("3d", "reported")} <= set(found)
    assert {"matched"} == {row.state for (horizon, _), row in found.items() if horizon in ("1d", "3d")}
    assert (0.021, -0.051) == tuple(found[horizon, "reported"]["return"] for horizon in ("1d", "3d"))


def metadata(name, value, **other):
    return {"name": name, "current_value": value, "default_value": 0.18, "learned_from_samples": 41, **other}


def test_learned_values_are_shown_and_never_taken_over(place):
    place.leaves(
        "parameter_registry",
        {
            "version": 1,
            "parameters": {
                "weight.catalyst": metadata("weight.catalyst", 0.22, alpha=3, beta=4),
                "weight.moon": metadata("weight.moon", 0.3),
                "weight.same": metadata("weight.same", 0.18),
            },
        },
    )
    told = place.imports()
    assert 'learning params set weight.catalyst 0.22 --reason "..."' in told
    assert "41" in told
    assert "weight.moon 0.18 0.3 41 no parameter of 'main'" in told
    assert "weight.same" not in told
    assert "nothing of these was taken over" in told
    assert [] == place.rows(versions)


def test_the_other_files_are_counted_and_have_no_place(place):
    place.history(an_entry())
    place.leaves("experiments", {"experiments": {"a": {}, "b": {}}})
    place.leaves("audit_trail", {"entries": [{}, {}, {}]})
    told = place.imports()
    assert "no place for 2 experiments" in told
    assert "no place for 3 changes" in told
    assert "system_health.json the file is not there" in told


@pytest.mark.parametrize("torn", ['{"outcomes": [', "[" * 100_000, "[]", '{"outcomes": 5}', "\x00"])
def test_a_damaged_file_ends_the_command_before_anything_is_taken_in(place, torn):
    place.leaves("outcome_history", torn)
    place.imports(code=1)
    assert [] == place.rows(alerts)


def test_a_folder_without_any_of_them_is_not_one(place):
    place.imports(code=1)


def test_a_zone_that_is_none_is_refused(place):
    place.history(an_entry())
    place.imports(code=2, zone="New York")
    assert [] == place.rows(alerts)


def test_the_registry_of_these_tests_is_one(tmp_path):
    (tmp_path / "r.toml").write_text(REGISTRY)
    assert "weight.catalyst" in load_registry(tmp_path / "r.toml").parameters
