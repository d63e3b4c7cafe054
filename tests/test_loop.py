"""The whole loop, through real processes, on real bars."""

import re
import subprocess
import sys

import pytest
import structlog
import typer
from typer.testing import CliRunner

from examples.demo.__main__ import demo
from examples.demo.bars import sample_bars
from examples.demo.books import Books
from examples.demo.judge import LONGEST, unit_pnl
from examples.demo.run import REGISTRY, ROOT
from examples.scanner import HISTORY
from schemas.allocation import unit_of
from schemas.calendar import Calendar
from schemas.registry import load_registry
from store.store import Store
from tests.signals import signals_kept

SESSIONS = 20


def start(out, *options):
    command = [sys.executable, "-m", "examples.demo", "--sessions", str(SESSIONS), "--out", str(out), *options]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of one seed side by side, their batches cut differently: (folder, what was said, exit code) each."""
    folder = tmp_path_factory.mktemp("runs")
    started = {name: start(folder / name, "--batch", name) for name in ("500", "3")}
    try:
        said = {name: process.communicate(timeout=180)[0] for name, process in started.items()}
    finally:
        for process in started.values():
            process.kill()
    return [(folder / name, said[name], process.returncode) for name, process in started.items()]


@pytest.fixture(scope="module")
def books(runs):
    folder = runs[0][0]
    store = Store.open(f"sqlite:///{folder / 'demo.db'}", clock=lambda: 0)
    with store.read() as reading:
        yield Books(reading, load_registry(folder / "registry.toml"))
    store.close()


def after(bars, session):
    return [bar for date, of_session in bars.by_session.items() if date > session for bar in of_session]


def checksums(said):
    return re.findall(r"checksum of version (\S+): (\w{64}); of all versions: (\w{64})", said)


def test_the_loop_closes_and_says_so_last(runs):
    for folder, said, code in runs:
        assert 0 == code, said
        line = said.splitlines()[-1]
        closed = re.fullmatch(
            r"loop closed: (\d+) alerts -> (\d+) examples -> (\d+) versions -> "
            r"applied by trading, median (\d+\.\d) ms",
            line,
        )
        assert closed, said
        alerts, examples, versions = map(int, closed.groups()[:3])
        assert 2 * SESSIONS <= alerts <= 5 * SESSIONS
        assert alerts < examples
        assert SESSIONS // 2 <= versions <= SESSIONS + 1
        assert (folder / "report.html").stat().st_size > 50_000


def test_the_same_seed_gives_the_same_versions_however_batches_are_cut(runs):
    one, other = (checksums(said) for _, said, _ in runs)
    assert one == other
    assert 1 == len(one)


def test_every_alert_ends_in_the_books_for_every_horizon(books):
    states = {(horizon, state) for horizon, _, state in books.examples()}
    assert {"1d", "3d", "5d", "close"} == {horizon for horizon, _ in states}
    assert {"matched", "pending"} == {state for _, state in states}
    alerts = len(books.candidates())
    for horizon in ("1d", "3d", "5d"):
        told = sum(count for (at, _, _), count in books.examples().items() if at == horizon)
        assert 2 * alerts == told  # each alert, and the decision that followed it


def test_trading_did_what_the_versions_said_to_the_last_cent(books):
    _, bars = sample_bars(Calendar.named("XNYS")).last(SESSIONS, history=HISTORY)
    ripe, traded = bars.sessions[:-LONGEST], books.traded()
    replayed = dict.fromkeys(ripe, 0.0)
    for one in books.candidates():
        if one.session in replayed:
            version = [version for version in books.versions() if version.session < one.session][-1]
            values = version.values_for(unit_of(one.symbol, one.session))
            coming = [bar for bar in after(bars, one.session) if bar.symbol == one.symbol]
            replayed[one.session] += unit_pnl(one, values, coming, best={})
    assert pytest.approx(replayed, abs=1e-12) == {session: traded.get(session, 0.0) for session in ripe}
    assert any(replayed.values())


def test_a_store_that_was_used_before_is_refused(runs, tmp_path):
    used = f"sqlite:///{runs[0][0] / 'demo.db'}"
    app, logs = typer.Typer(), structlog.get_config()
    app.command()(demo)
    with signals_kept():
        said = CliRunner().invoke(app, ["--sessions", "1", "--out", str(tmp_path), "--store", used])
    structlog.configure(**logs)
    assert 1 == said.exit_code
    assert "name an empty store" in " ".join(said.output.split())


def test_the_registry_of_the_demo_is_not_touched(runs):
    copy = (runs[0][0] / "registry.toml").read_text()
    assert copy != REGISTRY.read_text()
    assert 'id = "exits-1"' in copy
    assert 'id = "exits"' in REGISTRY.read_text()
