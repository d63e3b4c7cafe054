"""What the pages tell people to type does what they say."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from events.codec import decode
from schemas.registry import load_registry
from schemas.settings import settings_from
from schemas.trials import allocation_for
from tests.docs.pages import ROOT, blocks
from tests.standing import standing
from workers.attribution import Attribution

STORED = 1_700_000_000_000_000
"""What the clock of the store says; a worker beside it lives at the same time."""
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
REGISTRY = ROOT / "parameters" / "scanner.toml"

needs_redis_cli = pytest.mark.skipif(shutil.which("redis-cli", path=PATH) is None, reason="there is no redis-cli")


def now():
    return time.time_ns() // 1_000


def told(broker):
    """Everything in the streams, in order, decoded as the engine does it."""
    found = []
    for stream in broker.scan_iter(_type="stream"):
        for entry, fields in broker.xrange(stream):
            envelope = decode(
                fields, stream=stream.decode(), entry=entry.decode(), now=now() + 60_000_000, sample_unknown=True
            )
            found.append((entry, envelope))
    return [envelope for _, envelope in sorted(found, key=lambda one: one[0])]


@pytest.fixture
def typed(redis_url, broker):
    """What the engine reads after somebody has typed the lines of the README at a prompt."""
    [script] = [block for block in blocks("README.md", "sh") if "cli XADD" in block]
    ran = subprocess.run(
        ["bash", "-e", "-c", script],
        env={"PATH": PATH, "RQ_REDIS_URL": redis_url},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert 0 == ran.returncode, ran.stderr
    assert 5 == len(re.findall(r"^\d+-\d+$", ran.stdout, re.MULTILINE)), ran.stdout
    return told(broker)


@needs_redis_cli
def test_the_lines_for_redis_cli_are_understood_whole(typed):
    assert Counter(
        ["alert.raised", "decision.made", "price.observed", "outcome.observed", "session.closed"]
    ) == Counter(envelope.data.type for envelope in typed)
    assert [()] * 5 == [envelope.unknown for envelope in typed]
    assert {"my-scanner"} == {envelope.source for envelope in typed}
    [alert] = [envelope.data for envelope in typed if envelope.data.type == "alert.raised"]
    assert {"squeeze": 0.4, "rsi": 61.0} == alert.features


@needs_redis_cli
def test_the_lines_for_redis_cli_are_joined_as_the_readme_shows(typed, sqlite_store):
    settled = []
    attribution = Attribution(
        sqlite_store,
        registries={"main": load_registry(REGISTRY)},
        clock=lambda: STORED,
        on_settled=lambda *which: settled.append(which),
    )
    with sqlite_store.begin() as work:
        assert [] == list(attribution.handle(work, typed))
        work.commit()
    attribution.rest(lambda: 2 * now())
    with sqlite_store.read() as reading:
        states = Counter(row.state for row in standing(reading))
    [shown] = [block for block in blocks("README.md", "") if block.startswith("came in")]
    assert f"{states['pending']} pending, {states['matched']} matched" in shown
    assert [("main", "2024-02-01")] == settled
    assert f"{len(settled)} settled" in shown


def test_the_python_example_tells_an_alert_and_a_decision_and_uses_its_default(redis_url, broker, monkeypatch, capsys):
    monkeypatch.setenv("RQ_REDIS_URL", redis_url)
    [example] = blocks("README.md", "python")
    names = {}
    exec(example, names)
    assert capsys.readouterr().out.startswith("0.18 ")
    alert, decision = [envelope.data for envelope in told(broker) if envelope.data.type != "client.reported"]
    assert (alert.alert_id, alert.unit) == (decision.alert_id, decision.unit)


def test_the_settings_file_of_the_readme_is_accepted(tmp_path):
    [file] = [block for block in blocks("README.md", "toml") if "mode" in block]
    (tmp_path / "learning.toml").write_text(file)
    settings = settings_from({}, folder=tmp_path)
    assert "advise" == settings.mode.value
    assert all((ROOT / registry).is_file() for registry in settings.registries)
    assert all(load_registry(ROOT / registry) for registry in settings.registries)


def test_the_trial_of_the_readme_makes_an_allocation_of_the_share_that_it_tells(tmp_path):
    [trial] = [block for block in blocks("README.md", "toml") if "[[trial]]" in block]
    (tmp_path / "scanner.toml").write_text(f"{REGISTRY.read_text(encoding='utf-8')}\n{trial}")
    registry = load_registry(tmp_path / "scanner.toml")
    [trial] = registry.trials
    allocation = allocation_for(trial, registry, registry.defaults, generation="1-1")
    assert [400, 9_600] == [arm.share for arm in allocation.arms]


@pytest.fixture
def trading(broker):
    """A connection as the user that the page on deploying gives to trading."""
    [lines] = [block for block in blocks("docs/deploying.md", "") if "ACL SETUSER" in block]
    if int(broker.info("server")["redis_version"].split(".")[0]) < 7:
        lines = lines.replace(" %R~cycle.completed", "").replace("%W~", "~").replace("%R~", "~")
    for line in lines.splitlines():
        broker.execute_command(*line.split())
    to = broker.connection_pool.connection_kwargs
    with Redis(host=to["host"], port=to["port"], username="trading", password="TRADING-SECRET") as connection:
        yield connection
    broker.acl_deluser("trading", "engine")


def test_the_user_of_trading_reads_cycles_where_the_server_can_tell_reading_from_writing(trading, broker):
    if int(broker.info("server")["redis_version"].split(".")[0]) >= 7:
        assert [] == trading.xrevrange("cycle.completed")
    else:
        with pytest.raises(NoPermissionError):
            trading.xrevrange("cycle.completed")


def test_the_user_of_trading_reaches_its_streams_and_the_snapshot(trading):
    assert trading.xadd("alert.raised", {"event": "{}"})
    assert [] == trading.xrevrange("params.updated")
    assert trading.get("params:main:snapshot") is None
    assert b"" == trading.getrange("health:overview", 0, 9)
    with trading.pubsub() as channel:
        channel.subscribe("params.updated")
        assert "subscribe" == channel.get_message(timeout=5)["type"]


@pytest.mark.parametrize(
    "command",
    [
        "LPUSH rq:queue:learning x",
        "HSET rq:job:1 data x",
        "GET rq:job:1",
        "XADD params.proposed * event {}",
        "XADD proposal.reviewed * event {}",
        "SET params:main:snapshot {}",
        "SET health:overview {}",
        "XADD cycle.completed * event {}",
        "PUBLISH params.updated {}",
        "EVAL return 0",
        "FLUSHALL",
    ],
)
def test_the_user_of_trading_can_leave_no_job_and_no_version(trading, command):
    with pytest.raises(NoPermissionError):
        trading.execute_command(*command.split())
