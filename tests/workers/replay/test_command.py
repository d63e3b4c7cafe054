import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from store.dead_letters import DeadLetters
from store.store import Store
from store.tables import replays
from tests.signals import signals_kept
from tests.workers.replay.archive import NOW, written
from tests.workers.replay.books import SYMBOLS, books, scene
from workers.cli import app

LEARNING = str(Path(sys.executable).parent / "learning")
PATIENCE = 120.0
SESSIONS = 30
HISTORY = list(scene(SESSIONS))

REGISTRY = """
strategy = "main"
[market]
horizons = ["1d", "3d"]
primary_horizon = "3d"
sources = ["scanner"]
"""

BARS = """
type = "price.observed"
source = "scanner"
time = { column = "date", at = "close" }
[constants]
interval = "1d"
[columns]
symbol = "symbol"
open = "open"
high = "open"
low = "open"
close = "open"
"""


def set_here():
    """The settings of an engine that the environment of the tests has, and a command of the tests has not."""
    return [name for name in os.environ if name.startswith(("LEARNING_", "RQ_"))]


def completed(process):
    """What a process wrote, which must end well."""
    out, log = process.communicate(timeout=PATIENCE)
    assert 0 == process.returncode, out + log
    return out


class Place:
    """A folder with an engine's settings and a store, where commands are typed."""

    def __init__(self, folder, migrated):
        folder.mkdir()
        self.folder = folder
        (folder / "registry.toml").write_text(REGISTRY)
        (folder / "learning.toml").write_text('registries = ["registry.toml"]\nstore_url = "sqlite:///learning.db"\n')
        self.store = Store.open(f"sqlite:///{shutil.copy(migrated, folder)}", clock=lambda: NOW)

    def start(self, *words):
        """The command as a process of its own."""
        return subprocess.Popen(
            [LEARNING, "replay", *map(str, words)],
            cwd=self.folder,
            env={name: value for name, value in os.environ.items() if name not in set_here()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words, code=0, **environ):
        """What the command wrote, which must end with ``code``. It runs in this process, which keeps its logs."""
        with pytest.MonkeyPatch.context() as patch, signals_kept():
            patch.chdir(self.folder)
            patch.setattr("workers.commands.replay.configure_logs", lambda settings: None)
            for name in set_here():
                patch.delenv(name)
            for name, value in environ.items():
                patch.setenv(name, value)
            ended = CliRunner().invoke(app, ["replay", *map(str, words)])
        assert code == ended.exit_code, ended.output
        assert isinstance(ended.exception, SystemExit | None), ended.exception
        return ended.output

    def taken(self):
        with self.store.read() as reading:
            return reading.execute(select(replays.c.taken)).scalar() or 0

    def until_taken(self, least, process):
        deadline = time.monotonic() + PATIENCE
        while self.taken() < least:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            threading.Event().wait(0.005)


@pytest.fixture
def place(tmp_path, migrated):
    made = []

    def make():
        made.append(Place(tmp_path / f"place-{len(made)}", migrated))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    return written(tmp_path_factory.mktemp("history") / "history.jsonl", HISTORY)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory, history):
    """The books of one undisturbed replay."""
    folder = tmp_path_factory.mktemp("wanted")
    file = folder / "learning.db"
    store = Store.open(f"sqlite:///{file}", clock=lambda: NOW)
    store.migrate()
    store.close()
    calm = Place(folder / "calm", file)
    told = completed(calm.start(history))
    found = books(calm.store)
    calm.store.close()
    return found, told


def test_the_books_are_whole_and_the_end_says_what_happens_next(wanted):
    found, told = wanted
    assert len(SYMBOLS) * SESSIONS == len(found["alerts"]) == len(found["prices"])
    assert SESSIONS == len(found["sessions"])
    assert {"matched", "pending"} <= {row["state"] for row in found["examples"]}
    assert f"took in {len(HISTORY):,} events of history.jsonl; {SESSIONS} sessions settled" in told
    assert "wait for `attribution` to send them" in told
    assert "the cycles of settled sessions are found by `rq cron`" in told


def test_a_second_time_it_says_so_and_changes_nothing(place, history, wanted):
    here = place()
    here.run(history)
    assert "history.jsonl was replayed before, nothing was done" in here.run(history)
    assert "took in" in here.run(history, "--from-start")
    assert wanted[0] == books(here.store)


def test_shuffled_lines_make_the_same_books(place, tmp_path, wanted):
    here = place()
    here.run(written(tmp_path / "shuffled.jsonl", random.Random(1).sample(HISTORY, len(HISTORY))))
    assert wanted[0] == books(here.store)


def test_two_at_once_make_the_same_books(place, history, wanted):
    here = place()
    both = [here.start(history) for _ in range(2)]
    for process in both:
        completed(process)
    assert wanted[0] == books(here.store)
    assert len(HISTORY) == here.taken()


@pytest.mark.at_length
def test_two_at_once_with_shuffled_copies_make_the_same_books(place, tmp_path, history, wanted):
    here = place()
    other = written(tmp_path / "shuffled.jsonl", random.Random(2).sample(HISTORY, len(HISTORY)))
    both = [here.start(file) for file in (history, other)]
    for process in both:
        completed(process)
    assert wanted[0] == books(here.store)


def test_killed_in_the_middle_and_started_again_it_makes_the_same_books(place, history, wanted):
    here = place()
    for part in (1, 2):
        process = here.start(history)
        here.until_taken(part * len(HISTORY) // 5, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    before = here.taken()
    assert 0 < before < len(HISTORY)
    assert f"took in {len(HISTORY) - before:,} events" in here.run(history)
    assert wanted[0] == books(here.store)


@pytest.mark.at_length
def test_ctrl_c_ends_it_behind_a_batch_and_it_says_how_to_go_on(place, history, wanted):
    here = place()
    process = here.start(history)
    here.until_taken(len(HISTORY) // 5, process)
    process.send_signal(signal.SIGINT)
    out, log = process.communicate(timeout=PATIENCE)
    assert 130 == process.returncode, log
    assert f"stopped after {here.taken():,} events in all; the same command goes on from there" in out
    assert "Traceback" not in log
    here.run(history)
    assert wanted[0] == books(here.store)


def test_what_is_refused_is_shown_with_the_reason_most_frequent_first(place, tmp_path):
    here = place()
    lines = ['{"a": 1}', '{"a": 2}', "{"]
    told = here.run(written(tmp_path / "a.jsonl", [*lines, *HISTORY[:5]]))
    assert told.index("refused 2: source, type, time, data are missing") < told.index("refused 1: event cannot be read")
    with here.store.read() as reading:
        assert 3 == len(DeadLetters(reading).list("attribution"))


def test_a_table_is_read_by_its_map_and_its_sessions_closed_by_the_calendar(place, tmp_path):
    here = place()
    (tmp_path / "bars.toml").write_text(BARS)
    table = written(tmp_path / "bars.csv", ["symbol,date,open", *[f"A,2024-01-0{day},5" for day in (2, 3, 4, 5)]])
    told = here.run(table, "--map", tmp_path / "bars.toml", "--close-sessions")
    assert "took in 8 events of bars.csv; 4 sessions settled" in told
    assert ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"] == [
        row["session"] for row in books(here.store)["prices"]
    ]


def test_files_with_maps_of_their_own_are_merged_by_time(place, tmp_path):
    here = place()
    for name, price in (("early", "open"), ("late", "last")):
        (tmp_path / f"{name}.toml").write_text(BARS.replace('"open"', f'"{price}"').replace('"symbol"', f'"{name}"'))
    early = written(tmp_path / "early.csv", ["early,date,open", "A,2024-01-02,5", "A,2024-01-04,5"])
    late = written(tmp_path / "late.csv", ["late,date,last", "B,2024-01-03,5", "B,2024-01-05,5"])
    words = (late, early, "--map", tmp_path / "late.toml", "--map", tmp_path / "early.toml", "--close-sessions")
    assert "took in 8 events of late.csv, early.csv; 4 sessions settled" in here.run(*words)


@pytest.mark.at_length
def test_a_file_that_needs_no_map_is_merged_with_one_that_does(place, tmp_path):
    here = place()
    (tmp_path / "bars.toml").write_text(BARS)
    alerts = written(tmp_path / "alerts.jsonl", [one for one in HISTORY if one.data.type == "alert.raised"])
    bars = written(
        tmp_path / "bars.csv", ["symbol,date,open", f"{SYMBOLS[0]},2024-01-03,2", f"{SYMBOLS[0]},2024-01-04,2"]
    )
    told = here.run(alerts, bars, "--map", "-", "--map", tmp_path / "bars.toml")
    assert f"took in {len(SYMBOLS) * SESSIONS + 2:,} events of alerts.jsonl, bars.csv" in told
    assert "refused" not in told
    assert "took in" in here.run(written(tmp_path / "one.jsonl", HISTORY[:3]), "--map", "-")


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["gone.jsonl"], 1, "gone.jsonl is not there"),
        (["a.csv", "--map", "bars.toml", "--map", "bars.toml"], 2, "2 maps for 1 files"),
        (["a.csv", "--map", "bars.toml", "--strategy", "other"], 1, "which strategy?"),
        (["a.csv", "--map", "other.toml", "--strategy", "main"], 1, "its rows are of strategy 'other'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(place, words, code, reason):
    here = place()
    (here.folder / "bars.toml").write_text(BARS)
    (here.folder / "other.toml").write_text(BARS.replace("[constants]", '[constants]\nstrategy = "other"'))
    written(here.folder / "a.csv", ["symbol,date", "A,2024-01-02"])
    told = here.run(*words, code=code)
    assert reason in " ".join(told.replace("│", " ").split())
    assert "Traceback" not in told
    assert 0 == here.taken()


def test_a_store_that_was_never_made_is_asked_for(place):
    here = place()
    here.store.close()
    (here.folder / "learning.db").unlink()
    written(here.folder / "a.jsonl", [])
    assert "learning db upgrade" in here.run("a.jsonl", code=1)


def test_no_broker_is_asked(place, tmp_path):
    here = place()
    assert "took in 5 events" in here.run(
        written(tmp_path / "a.jsonl", HISTORY[:5]), RQ_REDIS_URL="redis://127.0.0.1:1/0"
    )
