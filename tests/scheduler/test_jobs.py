import os
import subprocess
import sys
from pathlib import Path

import pytest
from rq import SimpleWorker
from rq.job import Job
from rq.registry import FailedJobRegistry

from events.codec import decode
from events.connection import connect
from scheduler.jobs import due, tidy
from schemas.registry import load_registry
from store.cycles import Cycles
from store.outbox import Outbox
from store.sessions import Sessions
from tests.signals import signals_kept
from workers.cycle_queue import CycleQueue

FOLDER = Path(__file__).parents[2]
SESSION = "2024-01-02"


@pytest.fixture
def stores(sqlite_stores):
    """What a job does in the store is tested on both databases; how it comes about needs but one."""
    return sqlite_stores


@pytest.fixture
def environment(monkeypatch, redis_url, store):
    """What jobs read, in this process and in those that it starts."""
    monkeypatch.chdir(FOLDER)
    monkeypatch.setenv("RQ_REDIS_URL", redis_url)
    monkeypatch.setenv("RQ_CONFIG", "scheduler.rq_settings")
    monkeypatch.setenv("LEARNING_STORE_URL", store.place)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    return monkeypatch


@pytest.fixture
def settled(store):
    with store.begin() as work:
        Sessions(work.connection).add("main", SESSION, cut=work.take(1), pending={}, now=work.now)
        work.commit()


def worked(redis):
    """Do here what is queued, as a worker that does not fork does it; what failed, with its reason."""
    with signals_kept():
        SimpleWorker(["learning"], connection=redis).work(burst=True)
    failed = FailedJobRegistry("learning", connection=redis).get_job_ids()
    return {identity: Job.fetch(identity, connection=redis).latest_result().exc_string for identity in failed}


def finished(store):
    with store.read() as reading:
        return Cycles(reading).finished("main", "daily", SESSION)


def test_rq_worker_runs_an_enqueued_cycle_once_however_often_it_is_asked(store, settled, redis_url, environment):
    with connect(redis_url) as redis:
        CycleQueue(redis).ask("main", SESSION)
        burst = ["rq", "worker", "learning", "--burst"]
        ran = subprocess.run(burst, cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
        assert 0 == ran.returncode, ran.stderr
        first = finished(store)
        identity = CycleQueue(redis).ask("main", SESSION)
        assert {} == worked(redis)
        assert "daily main 2024-01-02: was done before" == Job.fetch(identity, connection=redis).return_value()
        assert 1 == redis.xlen("cycle.completed")
    assert first == finished(store)
    with store.read() as reading:
        assert [] == Outbox(reading).waiting("cycles", 10)


def test_due_finds_a_cycle_that_nobody_asked_for(store, settled, environment):
    assert ["daily main 2024-01-02: done"] == due()
    assert finished(store) is not None


def test_tidy_trims_what_everybody_has_read_and_nothing_else(redis_url, environment, store):
    with connect(redis_url) as redis:
        redis.xadd("alert.raised", {"event": "read"}, id="1-1")
        redis.xgroup_create("alert.raised", "attribution", id="1-1")
        redis.xadd("alert.raised", {"event": "unread"}, id="2-1")
        assert 1 == tidy()["alert.raised"]
        assert [b"2-1"] == [entry for entry, _ in redis.xrange("alert.raised")]


def test_tidy_trims_by_memory_too_and_never_what_our_own_groups_have_not_read(redis_url, environment, store):
    with connect(redis_url) as redis:
        for stream in ("alert.raised", "price.observed"):
            redis.xgroup_create(stream, "attribution", id="0", mkstream=True)
            with redis.pipeline(transaction=False) as pipe:
                for _ in range(1_000):
                    pipe.xadd(stream, {"event": "x" * 2_000})
                pipe.execute()
        redis.xgroup_setid("price.observed", "attribution", "$")
        environment.setenv("LEARNING_KEEP_MEGABYTES", "1")
        tidy()
        assert 1_000 == redis.xlen("alert.raised")
        assert 1.1 * 2**20 / 2 > redis.memory_usage("price.observed", samples=0), (
            "its half, and not what the other holds"
        )


def test_a_cycle_of_an_unknown_strategy_fails_with_the_known_ones(store, redis_url, environment):
    with connect(redis_url) as redis:
        identity = CycleQueue(redis).ask("unheard", SESSION)
        assert "no cycle 'daily' of strategy 'unheard' here; strategies: ['main']" in worked(redis)[identity]


def test_the_registry_that_the_jobs_run_with_is_sound():
    assert "main" == load_registry(FOLDER / "parameters" / "scanner.toml").strategy


@pytest.fixture
def week(store, environment):
    """A strategy with learners whose newest settled session, a Friday, ended a week."""
    friday = "2024-01-05"
    with store.begin() as work:
        for session in ("2024-01-04", friday):
            Sessions(work.connection).add("demo", session, cut=work.take(1), pending={}, now=work.now)
        work.commit()
    environment.setenv("LEARNING_REGISTRIES", "parameters/demo.toml")


def cycles(store):
    """Every finished cycle as (kind, session), in the order in which they were done."""
    with store.read() as reading:
        done = [
            (one.finished_at, one.completed)
            for kind in ("daily", "weekly")
            for one in Cycles(reading).history("demo", kind)
        ]
    return [(one.kind, one.session) for _, one in sorted(done, key=lambda row: (row[1].session, row[0]))]


def test_the_last_session_of_a_week_has_both_cycles_and_the_daily_one_comes_first(store, week, redis_url):
    registry = load_registry(FOLDER / "parameters" / "demo.toml")
    with connect(redis_url) as redis:
        CycleQueue(redis).ask("demo", "2024-01-05", kind="weekly")
        CycleQueue(redis).ask("demo", "2024-01-04", kind="weekly")
        assert ["daily-demo-2024-01-04"] == CycleQueue(redis).ask_after(registry, "2024-01-04")
        assert 2 == len(CycleQueue(redis).ask_after(registry, "2024-01-05"))
        failed = worked(redis)
        sent = [
            decode(entry, stream="cycle.completed", entry="1-1", now=2**60)
            for _, entry in redis.xrange("cycle.completed")
        ]
    assert [("daily", "2024-01-05"), ("weekly", "2024-01-05"), ("daily", "2024-01-04")] == [
        (one.data.kind, one.data.session) for one in sent
    ]
    assert ["weekly-demo-2024-01-04"] == list(failed)
    assert "session 2024-01-04 asks for no weekly cycle of strategy 'demo'" in failed["weekly-demo-2024-01-04"]


def test_due_finds_a_weekly_cycle_that_nobody_asked_for_and_no_other(store, week):
    assert ["daily demo 2024-01-04: done", "daily demo 2024-01-05: done", "weekly demo 2024-01-05: done"] == due()
    assert [("daily", "2024-01-04"), ("daily", "2024-01-05"), ("weekly", "2024-01-05")] == cycles(store)


def test_due_makes_up_for_the_newest_week_only_and_finds_nothing_more_after_it(store, environment):
    """As when a registry has its first learner: weeks went by without a weekly cycle."""
    with store.begin() as work:
        for session in ("2024-01-05", "2024-01-12", "2024-01-19", "2024-01-22"):
            Sessions(work.connection).add("demo", session, cut=work.take(1), pending={}, now=work.now)
        work.commit()
    environment.setenv("LEARNING_REGISTRIES", "parameters/demo.toml")
    first = due()
    assert 4 == sum(one.startswith("daily") for one in first)
    assert ["weekly demo 2024-01-19: done"] == [one for one in first if one.startswith("weekly")]
    assert [] == due()
