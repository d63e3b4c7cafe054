"""A broker of our own."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.exceptions import RedisError

from events import broker as module
from events.broker import EmbeddedBroker
from events.connection import connect
from events.envfile import read_setting
from events.errors import BrokerNotStarted, BrokerUnreachable
from events.group import ConsumerGroup

PROGRAM = Path(os.environ["LEARNING_TEST_REDIS_SERVER"]) if os.environ.get("LEARNING_TEST_REDIS_SERVER") else None


def eventually(what, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def answers(url):
    try:
        with connect(url, timeout=1.0) as redis:
            return redis.ping()
    except RedisError:
        return False


def server_pid(url):
    with connect(url) as redis:
        return redis.info("server")["process_id"]


def alive(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it may end between opening and reading
        return False


@pytest.fixture
def make(tmp_path):
    """Makes brokers over the same data, and stops what is left of them."""
    made = []

    def embedded(**rest):
        made.append(EmbeddedBroker(tmp_path / "var", **{"server": PROGRAM, **rest}))
        return made[-1]

    yield embedded
    for one in made:
        one.stop()


@pytest.fixture
def pretender(tmp_path):
    """Makes programs that say they are a server of some version, and then do something else."""

    def make(version, act):
        file = tmp_path / "pretender"
        file.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "Redis server v={version}" && exit\n{act}\n')
        file.chmod(0o755)
        return file

    return make


def test_answers_on_the_loopback_interface_alone_and_to_its_password_alone(make):
    url = urlsplit(make().start())
    with connect(url.geturl()) as redis:
        assert redis.ping()
        assert "127.0.0.1" == redis.config_get("bind")["bind"]
    assert "127.0.0.1" == url.hostname
    assert 40 < len(url.password)
    assert not answers(f"redis://127.0.0.1:{url.port}/0")


def test_keeps_its_data_between_runs(make):
    broker = make()
    with connect(broker.start()) as redis:
        redis.xadd("s", {"a": 1})
        redis.xgroup_create("s", "g", id="0")
    broker.stop()
    with connect(make().start()) as redis:
        assert 1 == redis.xlen("s")
        assert b"g" == redis.xinfo_groups("s")[0]["name"]


def test_writes_what_it_is_told_and_never_throws_anything_out(make):
    with connect(make().start()) as redis:
        told = redis.config_get("*")
    assert ("yes", "everysec") == (told["appendonly"], told["appendfsync"])
    assert "noeviction" == told["maxmemory-policy"]


def test_is_found_at_the_same_address_in_the_next_run(make, tmp_path):
    file = tmp_path / ".env"
    file.write_text("LEARNING_MODE=observe\n")
    broker = make(env_file=file)
    url = broker.start()
    broker.stop()
    assert url == read_setting(file, "RQ_REDIS_URL") == make(env_file=file).start()
    assert "observe" == read_setting(file, "LEARNING_MODE")
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)


def test_takes_another_port_when_the_old_one_is_taken_and_keeps_the_password(make, tmp_path):
    file = tmp_path / ".env"
    broker = make(env_file=file)
    old = urlsplit(broker.start())
    broker.stop()
    other = EmbeddedBroker(tmp_path / "other", port=old.port, server=PROGRAM)
    other.start()
    try:
        new = make(env_file=file).start()
    finally:
        other.stop()
    assert old.port != urlsplit(new).port
    assert old.password == urlsplit(new).password
    assert new == read_setting(file, "RQ_REDIS_URL")


def test_a_port_that_was_asked_for_and_is_taken_is_refused(make, redis_url):
    taken = urlsplit(redis_url).port
    with pytest.raises(BrokerNotStarted, match=f"port {taken} of 127.0.0.1 is taken"):
        make(port=taken).start()


@pytest.mark.parametrize("url", ["redis://:x@elsewhere:6379/0", "redis://127.0.0.1:6379/0", "rediss://:x@127.0.0.1/0"])
def test_an_address_of_another_broker_is_left_alone(make, tmp_path, url):
    file = tmp_path / ".env"
    file.write_text(f"RQ_REDIS_URL={url}\n")
    with pytest.raises(BrokerNotStarted, match="not ours to start"):
        make(env_file=file).start()
    assert f"RQ_REDIS_URL={url}\n" == file.read_text()


def test_its_password_is_on_no_command_line_and_in_no_file_but_one(make, tmp_path):
    url = make(env_file=tmp_path / ".env").start()
    password = urlsplit(url).password.encode()
    lines = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if file.exists()]
    assert not [line for line in lines if password in line]
    holding = [file for file in tmp_path.rglob("*") if file.is_file() and password in file.read_bytes()]
    assert [tmp_path / ".env"] == holding
    assert 0o700 == stat.S_IMODE((tmp_path / "var/redis").stat().st_mode)


def test_a_second_one_on_the_same_data_is_refused_by_the_number_of_the_first(make):
    first = make()
    pid = server_pid(first.start())
    with pytest.raises(BrokerNotStarted, match=f"already runs as process {pid}, started by process {os.getpid()}"):
        make().start()
    assert first.running
    first.stop()
    assert answers(make().start())


def test_stops_and_can_be_started_again(make):
    broker = make()
    url = broker.start()
    assert broker.running
    pid = server_pid(url)
    broker.stop()
    broker.stop()
    assert not broker.running
    assert not alive(pid)
    assert answers(broker.start())


def test_a_server_that_was_killed_is_noticed_and_started_again_with_its_data(make):
    broker = make()
    with connect(broker.start()) as redis:
        redis.xadd("s", {"a": 1})
        pid = redis.info("server")["process_id"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not broker.running)
    broker.stop()
    with connect(broker.start()) as redis:
        assert 1 == redis.xlen("s")


def test_a_server_that_does_not_end_when_asked_is_ended_by_force(make, monkeypatch):
    monkeypatch.setattr(module, "STOP_SECONDS", 0.2)
    broker = make()
    pid = server_pid(broker.start())
    os.kill(pid, signal.SIGSTOP)
    broker.stop()
    eventually(lambda: not alive(pid))


CHILD = """
import signal, sys, time
from pathlib import Path
from events.broker import EmbeddedBroker
# A shell that runs the suite in the background has its children ignore the keyboard.
signal.signal(signal.SIGINT, signal.default_int_handler)
server = Path(sys.argv[2]) if sys.argv[2] else None
print(EmbeddedBroker(Path(sys.argv[1]), server=server).start(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def parent(tmp_path):
    """Another process that has started a broker over the same data, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, tmp_path / "var", PROGRAM or ""], stdout=subprocess.PIPE, start_new_session=True
    )
    yield process, next(line for line in process.stdout if line.startswith(b"redis://")).decode().strip()
    process.kill()
    process.wait()
    process.stdout.close()


def test_ends_with_its_parent_even_when_that_is_killed_and_loses_nothing(parent, make):
    process, url = parent
    with connect(url) as redis:
        redis.xadd("s", {"a": 1})
        pid = redis.info("server")["process_id"]
    process.kill()
    eventually(lambda: not alive(pid))
    with connect(make().start()) as redis:
        assert 1 == redis.xlen("s")


def test_a_start_right_after_the_old_parent_was_killed_waits_for_the_old_server_to_end(parent, make):
    process, url = parent
    old = server_pid(url)
    process.kill()
    process.wait()
    new = server_pid(make().start())
    assert not alive(old)
    assert alive(new)


def test_an_interrupt_from_the_keyboard_is_for_its_parent_to_handle(parent):
    process, url = parent
    os.killpg(process.pid, signal.SIGINT)
    pid = server_pid(url)
    process.wait(60)
    eventually(lambda: not alive(pid))


def test_a_server_that_ends_at_once_leaves_its_last_words_in_the_error(make, pretender):
    with pytest.raises(BrokerNotStarted, match=r"ended at once; the end of .*redis\.log:\nFatal: no room"):
        make(server=pretender("7.0.0", "echo 'Fatal: no room'; exit 1")).start()


def test_a_server_that_never_answers_is_given_up_and_ended(make, pretender, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "START_SECONDS", 0.3)
    broker = make(server=pretender("7.0.0", f"echo $$ > {tmp_path}/pid; exec sleep 600"))
    with pytest.raises(BrokerNotStarted, match="does not answer after"):
        broker.start()
    assert not alive(int((tmp_path / "pid").read_text()))
    assert not broker.running


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "var").write_text("a file, not a folder")
    with pytest.raises(BrokerNotStarted, match="var/redis cannot be written"):
        EmbeddedBroker(tmp_path / "var", server=PROGRAM).start()


def test_a_failed_start_leaves_the_data_free_for_the_next(make, pretender):
    with pytest.raises(BrokerNotStarted):
        make(server=pretender("7.0.0", "exit 1")).start()
    assert answers(make().start())


def test_data_of_redis_7_is_not_handed_to_redis_6_which_would_begin_empty(make, pretender, tmp_path):
    (tmp_path / "var/redis/appendonlydir").mkdir(parents=True)
    with pytest.raises(BrokerNotStarted, match=r"written by Redis 7 or newer, and .* is 6\.2"):
        make(server=pretender("6.2.14", "exit 1")).start()


def test_a_folder_with_blanks_and_quotes_in_its_name_will_do(tmp_path):
    broker = EmbeddedBroker(tmp_path / 'my "own" data \\ ü', server=PROGRAM)
    try:
        with connect(broker.start()) as redis:
            redis.set("a", 1)
    finally:
        broker.stop()
    assert list((tmp_path / 'my "own" data \\ ü' / "redis").glob("appendonly*"))


def test_a_consumer_goes_on_where_it_was_when_the_broker_comes_back(make, tmp_path):
    broker = make(env_file=tmp_path / ".env")
    with connect(broker.start()) as redis:
        group = ConsumerGroup(redis, group="g", consumer="a", streams=["s"], claim_after_ms=60_000)
        group.ensure()
        for number in range(4):
            redis.xadd("s", {"n": number})
        group.acknowledge(group.read(count=1, block_ms=0))
        group.read(count=2, block_ms=0)
        broker.stop()
        for _ in range(3):
            with pytest.raises(BrokerUnreachable):
                group.read(count=10, block_ms=10)
        broker.start()
        found = [*group.read(count=10, block_ms=0), *group.read(count=10, block_ms=0)]
        assert [(b"1", 2), (b"2", 2), (b"3", 1)] == [(one.fields[b"n"], one.attempts) for one in found]
