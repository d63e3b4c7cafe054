"""The client in a process of its own: what it imports, how it forks, how it leaves."""

import ast
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import msgspec
from learning_client import EventPublisher, Switches

from tests.client.brokers import ON_REDIS

CLIENT = Path(__file__).parents[2] / "client"


def run(program, *words, **more):
    return subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=60, check=False, **more
    )


def forked(work):
    """A child that does ``work`` and ends with 0 when that is true."""
    if child := os.fork():
        return child
    status = 1
    try:
        status = 0 if work() else 1
    finally:
        os._exit(status)


def loaded_by(program, *words, **more):
    """The packages beside the standard library that ``program`` loads."""
    ended = run(
        f"import sys\nbefore = set(sys.modules)\n{program}\n"
        "print({name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))",
        *words,
        **more,
    )
    assert 0 == ended.returncode, ended.stderr
    return ast.literal_eval(ended.stdout)


def test_it_needs_only_redis_and_msgspec(tmp_path):
    needed = loaded_by(
        "import redis, msgspec\nclass S(msgspec.Struct): x: int\nmsgspec.json.decode(b'{\"x\":1}', type=S)"
    )
    ours = loaded_by(
        "sys.path.insert(0, sys.argv[1])\nfrom learning_client import ParameterClient\n"
        "ParameterClient('redis://127.0.0.1:1/0', defaults={}).start()",
        str(CLIENT),
        cwd=tmp_path,
    )
    assert {"learning_client", "redis", "msgspec"} <= ours
    assert {"learning_client"} == ours - needed


def test_importing_it_connects_to_nothing_and_starts_nothing():
    program = """
import socket, threading
def refuse(*args, **kwargs): raise AssertionError("a connection at import")
socket.socket.connect = refuse
import learning_client
print(threading.active_count())
"""
    assert "1" == run(program).stdout.strip()


@ON_REDIS
def test_what_a_link_needs_is_imported_with_the_client_so_that_no_fork_finds_half_of_it(broker):
    program = """
import sys
from learning_client import EventPublisher, ParameterClient
before = set(sys.modules)
publisher = EventPublisher(sys.argv[1], source="scanner")
params = ParameterClient(sys.argv[1], defaults={"x": 1.0}, publisher=publisher)
params.start()
publisher.alert(symbol="AAPL", score=0.5)
assert params.wait_ready(10) and publisher.flush(10)
print(set(sys.modules) - before)
"""
    assert "set()\n" == run(program, broker.url).stdout


@ON_REDIS
def test_a_program_that_forgets_to_close_sends_everything(broker):
    program = """
import sys
from learning_client import EventPublisher
publisher = EventPublisher(sys.argv[1], source="scanner")
for _ in range(700):
    publisher.alert(symbol="AAPL", score=0.5)
"""
    ended = run(program, broker.url)
    assert (0, "") == (ended.returncode, ended.stderr)
    assert 700 == broker.redis.xlen("alert.raised")
    assert {"alert.raised": 700} == broker.told("client.reported")[-1]["sent"]


def test_a_program_leaves_soon_when_the_broker_is_away():
    program = """
import time
from learning_client import EventPublisher, ParameterClient
publisher = EventPublisher("redis://127.0.0.1:1/0", source="scanner")
params = ParameterClient("redis://127.0.0.1:1/0", defaults={"x": 1.0}, publisher=publisher)
params.start()
publisher.alert(symbol="AAPL", score=0.5)
print(time.monotonic())
"""
    done = run(program)
    assert 0 == done.returncode
    assert time.monotonic() - float(done.stdout) < 5.0


@ON_REDIS
def test_after_a_fork_parent_and_child_tell_their_own_events_under_ids_of_their_own(broker):
    publisher = EventPublisher(broker.url, source="scanner", switches=Switches(), clock=lambda: 1_700_000_000_000_000)
    broker.hang()
    before = [publisher.alert(symbol="PARENT", score=0.5) for _ in range(10)]
    child = forked(
        lambda: publisher.stats().queued == 0 and publisher.alert(symbol="CHILD", score=0.5) and publisher.close(10)
    )
    after = [publisher.alert(symbol="PARENT", score=0.5) for _ in range(10)]
    broker.wake()
    assert 0 == os.waitpid(child, 0)[1]
    assert publisher.close(10)
    told = [msgspec.json.decode(fields[b"event"]) for _, fields in broker.redis.xrange("alert.raised")]
    by_symbol = {symbol: [e["id"] for e in told if e["data"]["symbol"] == symbol] for symbol in ("PARENT", "CHILD")}
    assert before + after == list(dict.fromkeys(by_symbol["PARENT"]))
    assert 1 == len(by_symbol["CHILD"])
    assert not set(by_symbol["CHILD"]) & set(by_symbol["PARENT"])


def pages_a_child_copies():
    """Until it is back from its fork."""
    reading, writing = os.pipe()
    child = forked(lambda: os.write(writing, b"%d" % resource.getrusage(resource.RUSAGE_SELF).ru_minflt))
    copied = int(os.read(reading, 100))
    os.close(reading), os.close(writing)
    assert 0 == os.waitpid(child, 0)[1]
    return copied


@ON_REDIS
def test_a_fork_costs_no_more_where_much_was_told(publisher):
    assert publisher.flush(10)
    before = pages_a_child_copies()
    for _ in range(10_000):
        publisher.alert(symbol="AAPL", score=0.5, features={"heat": 0.4})
    assert publisher.flush(30)
    assert pages_a_child_copies() < before + 500  # a fourth of what is kept of the last seconds


@ON_REDIS
def test_after_a_fork_the_child_keeps_its_values_and_follows_by_itself(broker, params, version, eventually):
    broker.publish(version(1, threshold=0.7))
    params.start()
    assert params.wait_ready(10)
    reading, writing = os.pipe()
    child = forked(
        lambda: os.write(writing, b"%.1f" % params["threshold"]) and eventually(lambda: params["threshold"] == 0.8)
    )
    assert b"0.7" == os.read(reading, 100)
    broker.publish(version(2, threshold=0.8), after=version(1))
    assert 0 == os.waitpid(child, 0)[1]
    assert eventually(lambda: params["threshold"] == 0.8)
