import pytest
from fakeredis import FakeRedis, FakeServer
from rq import Queue

from events.errors import BrokerUnreachable
from workers.cycle_queue import JOB, QUEUE, CycleQueue


def test_leaves_a_job_of_the_cycles_name_with_plain_arguments():
    redis = FakeRedis()
    assert "daily-main-2024-01-02" == CycleQueue(redis).ask("main", "2024-01-02")
    [job] = Queue(QUEUE, connection=redis).jobs
    assert (JOB, ("main", "daily", "2024-01-02")) == (job.func_name, tuple(job.args))


def test_a_strategy_with_marks_in_its_name_gets_a_job_that_rq_takes():
    assert "daily-eu-equities-2024-01-02" == CycleQueue(FakeRedis()).ask("eu.equities", "2024-01-02")


def test_with_a_prefix_queue_and_job_are_those_of_that_prefix_alone():
    redis = FakeRedis()
    prefixes = ("", "paper:", "paper-", "paper_", "paper.", "a:b:", "a-b:")
    jobs = [CycleQueue(redis, prefix=prefix).ask("main", "2024-01-02") for prefix in prefixes]
    assert len(prefixes) == len(set(jobs))
    for prefix, job in zip(prefixes, jobs, strict=True):
        assert [job] == Queue(f"{prefix}{QUEUE}", connection=redis).job_ids


def test_says_that_a_broker_that_is_away_did_not_take_it():
    server = FakeServer()
    queue = CycleQueue(FakeRedis(server=server))
    server.connected = False
    with pytest.raises(BrokerUnreachable):
        queue.ask("main", "2024-01-02")
