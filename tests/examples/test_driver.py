import os
import re
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs

from events.publisher import Publisher
from examples.demo.folder import clear, csv_line, write_history, write_registry
from examples.demo.follow import Follower, NothingHappened
from examples.demo.processes import ProcessDied, Processes
from examples.demo.run import REGISTRY, _hand_over
from examples.scanner import Bar
from schemas.event import Envelope
from schemas.params import ParamsApplied, ParamsProposed, ParamsUpdated, ProposalKind
from schemas.registry import load_registry
from schemas.reports import CycleCompleted
from schemas.version import VersionNumber
from store.proposals import Judged, Proposals, ProposalState, Step
from workers.gate.publication import Publication, first_version, publish

DAY = "2012-01-03"
NOW = 1_325_624_400_000_000


@pytest.fixture
def processes(tmp_path):
    with Processes(logs=tmp_path, folder=tmp_path, environment=dict(os.environ)) as started:
        yield started


def python(code):
    return f'{sys.executable} -c "{code}"'


def until(happened, *, seconds=10):
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def died(processes):
    try:
        processes.check()
    except ProcessDied as error:
        return str(error)
    return ""


def test_a_process_that_dies_is_said_with_its_last_lines(processes):
    processes.start("worker", python("print('so sorry'); raise SystemExit(3)"))
    until(lambda: died(processes))
    assert re.search(r"worker ended with code 3.*\n  worker \| so sorry", died(processes))


def test_a_command_that_is_not_there_is_said(processes):
    with pytest.raises(ProcessDied, match="worker: 'no-such-program x' cannot be started"):
        processes.start("worker", "no-such-program x")


def test_a_process_ends_well_when_its_input_does(processes):
    processes.start("scanner", python("import sys; sys.stdin.read()"))
    processes.finish("scanner", seconds=10)
    processes.check()


def test_one_that_does_not_end_with_its_input_is_killed_and_said(processes):
    processes.start("scanner", python("import time; time.sleep(60)"))
    with pytest.raises(ProcessDied, match=r"scanner did not end in 0\.1 s"):
        processes.finish("scanner", seconds=0.1)


def test_all_processes_are_gone_after_the_block(tmp_path):
    with Processes(logs=tmp_path, folder=tmp_path, environment=dict(os.environ)) as started:
        started.start("worker", python("import os; print(os.getpid(), flush=True); import time; time.sleep(60)"))
        until(lambda: (tmp_path / "worker.log").read_text().strip())
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "worker.log").read_text()), 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
def test_no_process_outlives_a_driver_that_is_killed(tmp_path):
    code = (
        "import os, time; from pathlib import Path; from examples.demo.processes import Processes; "
        f"started = Processes(logs=Path('{tmp_path}'), folder=Path('{tmp_path}'), environment=dict(os.environ)); "
        "started.start('worker', 'sleep 60'); print(started._running['worker'].pid, flush=True); time.sleep(60)"
    )
    driver = Processes(logs=tmp_path, folder=Path(__file__).parents[2], environment=dict(os.environ))
    with driver:
        driver.start("driver", f'{sys.executable} -c "{code}"')
        until(lambda: driver.last_lines("driver"))
        worker = int(driver.last_lines("driver").split("|")[1])
        driver._running["driver"].send_signal(signal.SIGKILL)
        until(lambda: not alive(worker))


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # it may end between opening and reading
        return False


def test_bars_for_a_scanner_that_died_are_said_to_be_lost(processes):
    pipe = processes.start("scanner", python("raise SystemExit(4)"))
    until(lambda: died(processes))
    with pytest.raises(ProcessDied, match="scanner ended with code 4"):
        for _ in range(1000):
            _hand_over(pipe, [Bar("A", DAY, 1, 1, 1, 1, 1)], check=processes.check)


class Engine:
    """Says what the engine and trading would say."""

    def __init__(self, broker, store):
        self._publisher = Publisher(broker)
        self._store = store
        self.registry = load_registry(REGISTRY)

    def say(self, data):
        self._publisher.publish([Envelope(source="test", id=str(time.monotonic_ns()), time=NOW, data=data)])

    def completes(self, *proposals):
        self.say(
            CycleCompleted(
                strategy="demo",
                cycle_id="c",
                kind="daily",
                session=DAY,
                cut=1,
                proposals=list(proposals),
                stages=[],
                report="",
            )
        )

    def publishes(self, number=1):
        version = first_version(self.registry)
        if number > 1:
            version = structs.replace(version, number=number, previous=f"1-{number - 1}", checksum="")
        with self._store.begin() as work:
            publish(work, [Publication(version, self.registry, [], None, "registry", work.now)])
            work.commit()
        self.say(
            ParamsUpdated(
                strategy="demo",
                epoch=1,
                version=number,
                previous=version.previous,
                session=DAY,
                regime="all",
                registry=version.registry,
                changes=[],
                allocations=version.allocations,
                checksum=version.checksum,
            )
        )

    def applies(self, *, strategy="demo", refused=None):
        moment = None if refused else datetime.fromtimestamp(time.time() + 0.25, UTC)
        self.say(ParamsApplied(strategy=strategy, client="c", epoch=1, version=1, applied_at=moment, refused=refused))

    def proposes(self, state=None):
        proposal = ParamsProposed(
            strategy="demo", proposal_id="p", kind=ProposalKind.VALUES, session=DAY, proposed_by="daily", reason="r"
        )
        with self._store.begin() as work:
            Proposals(work.connection).add([Judged(proposal)], now=NOW)
            if state:
                Proposals(work.connection).move("demo", "p", Step(state, "r"), by="gate", time=NOW)
            work.commit()


@pytest.fixture
def engine(broker, store):
    return Engine(broker, store)


@pytest.fixture
def follower(broker, store):
    return Follower(broker, store, prefix="", strategy="demo", check=lambda: None, patience=0.3)


def test_a_session_is_over_when_its_cycle_is_done_and_trading_has_the_newest_version(engine, follower):
    engine.publishes()
    engine.applies()
    engine.completes()
    follower.await_first_version()
    follower.await_session(DAY)
    assert [VersionNumber(1, 1)] == list(follower.latencies)
    assert 200 <= follower.latencies[VersionNumber(1, 1)] <= 10_000


def test_without_its_cycle_a_session_is_not_over(engine, follower):
    engine.publishes()
    engine.applies()
    with pytest.raises(NothingHappened, match=f"waited 0.3 s for the daily cycle of {DAY}"):
        follower.await_session(DAY)


def test_while_a_proposal_is_undecided_a_session_is_not_over(engine, follower):
    engine.publishes()
    engine.applies()
    engine.proposes()
    engine.completes("p")
    with pytest.raises(NothingHappened, match=r"the gate to decide \['p'\]"):
        follower.await_session(DAY)


def test_a_rejected_proposal_is_decided(engine, follower):
    engine.publishes()
    engine.applies()
    engine.proposes(ProposalState.REJECTED)
    engine.completes("p")
    follower.await_session(DAY)


def test_a_version_that_trading_has_not_acknowledged_is_waited_for(engine, follower):
    engine.publishes()
    engine.applies(strategy="another")
    engine.completes()
    with pytest.raises(NothingHappened, match="to acknowledge version 1-1"):
        follower.await_session(DAY)


def test_having_an_older_version_is_not_enough(engine, follower):
    engine.publishes()
    engine.applies()
    engine.publishes(2)
    engine.completes()
    with pytest.raises(NothingHappened, match="to acknowledge version 1-2"):
        follower.await_session(DAY)


def test_a_version_that_trading_refuses_is_said_with_the_reason(engine, follower):
    engine.publishes()
    engine.applies(refused="out of bounds")
    with pytest.raises(NothingHappened, match="refused version 1-1: out of bounds"):
        follower.await_first_version()


def test_a_dead_process_ends_the_waiting(broker, store):
    def check():
        raise ProcessDied("thompson ended with code 1")

    follower = Follower(broker, store, prefix="", strategy="demo", check=check, patience=60)
    with pytest.raises(ProcessDied, match="thompson"):
        follower.await_first_version()


def test_a_folder_is_emptied_of_the_last_run_and_of_nothing_else(tmp_path):
    for name in ("redis/a", "scanner/params.json", "demo.db", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    clear(tmp_path)
    assert ["notes.txt"] == [path.name for path in tmp_path.iterdir()]


def test_another_seed_draws_other_arms_of_the_same_registry(tmp_path):
    one, two = (load_registry(write_registry(tmp_path, REGISTRY, seed=seed)) for seed in (1, 2))
    original = load_registry(REGISTRY)
    assert ["entry-1", "weights-1", "exits-1"] == [trial.id for trial in one.trials]
    assert ["entry-2", "weights-2", "exits-2"] == [trial.id for trial in two.trials]
    assert original.parameters == one.parameters == two.parameters
    assert [trial.offsets for trial in original.trials] == [trial.offsets for trial in one.trials]


def test_a_bar_is_handed_over_with_every_digit(tmp_path):
    bar = Bar("A", DAY, 0.1 + 0.2, 1 / 3, 1e-7, 123456789.123456, 0.0)
    assert bar == Bar.parse(csv_line(bar))
    assert bar == Bar.parse(write_history(tmp_path, [bar]).read_text())
