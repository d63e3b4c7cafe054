"""The scanner in JavaScript: what it sends is taken in without a complaint, and it trades by the arms of the engine."""

import json
import os
import shutil
import subprocess

import msgspec
import pytest
from msgspec import structs

from events.codec import decode
from schemas.parameters import Trial
from schemas.version import Version
from tests.contract.validators import valid
from tests.contract.vectors import VERSIONS, assignment_vectors, checksum_vectors
from tests.docs.pages import ROOT
from tests.workers.desk import NOW, Desk, parameter, registry, version

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not on the PATH")

SCANNER = ROOT / "examples" / "scanner.js"
DAYS = ("2023-11-08", "2023-11-09")
SYMBOLS = [f"S{number}" for number in range(8)] + ["東京", "a b"]
STREAMS = ("alert.raised", "decision.made", "outcome.observed", "session.closed")


def rules():
    """One threshold, that for half of all units is 0.9 instead of 0.5."""
    score = parameter("threshold.score", 0.5, "unit_pnl:close", decides_trade=True)
    trial = Trial(id="threshold", layer="threshold", share=0.5, offsets=[{score.name: 0.4}])
    return structs.replace(registry(sources=["scanner-js"]), parameters={score.name: score}, trials=[trial])


def lines():
    """Candidates of two sessions, all of the score 0.7, and what was sold of them at the close of the second."""
    for day in DAYS:
        for symbol in SYMBOLS:
            features = {"squeeze": 0.9, "rsi.14": 0.5}
            time = f"{day}T21:00:00Z"
            yield {"time": time, "symbol": symbol, "session": day, "price": 12.5, "features": features}
        yield from ({"time": f"{day}T21:01:00Z", "symbol": symbol, "sold": 12.75} for symbol in SYMBOLS)
        yield {"time": f"{day}T21:05:00Z", "closed": day}


def run(url, **environ):
    said = "".join(json.dumps(line) + "\n" for line in lines())
    environ = {**os.environ, "RQ_REDIS_URL": url, **environ}
    words = ["node", str(SCANNER)]
    return subprocess.run(words, env=environ, input=said, check=False, capture_output=True, text=True, timeout=60)


def arrived(broker, prefix=""):
    """Every event that the engine reads, in the order in which they were sent; names that nobody declared are none."""
    found = [
        (entry, decode(fields, stream=stream, entry=entry.decode(), now=NOW, sample_unknown=True))
        for stream in STREAMS
        for entry, fields in broker.xrange(prefix + stream)
    ]
    assert all(not envelope.unknown for _, envelope in found)
    return [envelope for _, envelope in sorted(found, key=lambda pair: [int(part) for part in pair[0].split(b"-")])]


def of(envelopes, kind):
    return [envelope.data for envelope in envelopes if envelope.data.type == kind]


def publish(broker, known, prefix=""):
    broker.set(f"{prefix}params:main:snapshot", msgspec.json.encode(known))


def test_it_trades_by_the_arms_and_attribution_takes_all_of_it_in(broker, redis_url, sqlite_store):
    desk = Desk(sqlite_store, rules=rules())
    known = version(desk.rules)
    publish(broker, known)
    done = run(redis_url, LEARNING_APPLY_PARAMETERS="true")
    assert (0, "") == (done.returncode, done.stderr)
    envelopes = arrived(broker)
    assert [] == desk.take(*envelopes)
    units = [f"{symbol}/{day}" for day in DAYS for symbol in SYMBOLS]
    thresholds = [known.values_for(unit)["threshold.score"] for unit in units]
    assert {0.5, 0.9} == set(thresholds)
    decisions = of(envelopes, "decision.made")
    assert units == [decision.unit for decision in decisions] == [alert.unit for alert in of(envelopes, "alert.raised")]
    assert {"1-1"} == {decision.params_version for decision in decisions}
    bought = [decision.action.value == "BUY" for decision in decisions]
    assert [threshold == 0.5 for threshold in thresholds] == bought
    assert sum(bought) == len(of(envelopes, "outcome.observed"))
    assert list(DAYS) == [closed.session for closed in of(envelopes, "session.closed")]


def test_what_it_sends_passes_the_schemas_too(broker, redis_url):
    publish(broker, version(rules()))
    run(redis_url, LEARNING_APPLY_PARAMETERS="true")
    for stream in STREAMS:
        told = [json.loads(fields[b"event"]) for _, fields in broker.xrange(stream)]
        assert told
        assert all(valid(event, stream) for event in told)


@pytest.mark.parametrize("why", ["the switch is off", "there is no version", "its checksum is wrong"])
def test_without_a_version_that_it_may_use_it_goes_on_with_its_default_and_says_no_version(broker, redis_url, why):
    known = version(rules())
    if why != "there is no version":
        publish(broker, known if why == "the switch is off" else structs.replace(known, regime="other"))
    done = run(redis_url, **({} if why == "the switch is off" else {"LEARNING_APPLY_PARAMETERS": "1"}))
    assert (0, "") == (done.returncode, done.stderr)
    decisions = of(arrived(broker), "decision.made")
    assert {("BUY", None, None)} == {(one.action.value, one.params_version, one.unit) for one in decisions}


def test_streams_and_key_bear_the_prefix(broker, redis_url):
    publish(broker, version(rules()), prefix="paper:")
    run(redis_url, LEARNING_APPLY_PARAMETERS="on", LEARNING_PREFIX="paper:")
    assert {"1-1"} == {one.params_version for one in of(arrived(broker, "paper:"), "decision.made")}
    assert not any(broker.exists(stream) for stream in STREAMS)


def test_sent_twice_it_counts_once(broker, redis_url, sqlite_store):
    desk = Desk(sqlite_store, rules=rules())
    for _ in range(2):
        run(redis_url)
    envelopes = arrived(broker)
    assert [] == desk.take(*envelopes)
    assert len(envelopes) == 2 * len({(envelope.source, envelope.id) for envelope in envelopes})
    with sqlite_store.read() as reading:
        assert len(DAYS) * len(SYMBOLS) == reading.exec_driver_sql("SELECT count(*) FROM alerts").scalar_one()


def test_a_broker_that_refuses_or_is_not_there_ends_it_with_a_sentence(redis_url):
    wrong = run(f"redis://:wrong@{redis_url.rpartition('@')[2].removeprefix('redis://')}")
    assert 1 == wrong.returncode
    assert "WRONGPASS" in wrong.stderr
    away = run("redis://127.0.0.1:1/0")
    assert 1 == away.returncode
    assert "ECONNREFUSED" in away.stderr


def test_its_arithmetic_is_that_of_the_vectors():
    told = """
const { armOf, canonical } = require(process.argv[1]);
const { allocations, versions } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
console.log(JSON.stringify({
  arms: allocations.map(({ allocation, units }) => units.map(({ unit }) => armOf(allocation, unit))),
  texts: versions.map(canonical),
}));
"""
    allocations = assignment_vectors()["vectors"]
    said = json.dumps({"allocations": allocations, "versions": VERSIONS})
    words = ["node", "-e", told, str(SCANNER)]
    done = subprocess.run(words, input=said, check=True, capture_output=True, text=True, timeout=60)
    found = json.loads(done.stdout)
    assert [[case["values"] for case in vector["units"]] for vector in allocations] == found["arms"]
    assert [vector["canonical"] for vector in checksum_vectors()["vectors"]] == found["texts"]
    assert all(msgspec.convert(vector["version"], Version).intact for vector in checksum_vectors()["vectors"])
