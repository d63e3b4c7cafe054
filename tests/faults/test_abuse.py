"""What is no event goes the whole way through a worker: refused with its reason, bounded, and in nobody's way."""

import base64
import math
import random
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from events.group import ConsumerGroup
from schemas.catalogue import EVENTS
from schemas.registry import load_registry
from store.dead_letters import DeadLetters
from store.tables import alerts
from tests.events.test_refusals import frame, golden_bodies, mutated, survives
from workers.attribution import Attribution
from workers.burial import KEPT_BYTES, TOLD_BYTES
from workers.tally import Tally
from workers.turn import Limits, Turns

ROOT = Path(__file__).parents[2]
NOW = 1_706_800_000_000_000
ALERT = {"alert_id": "a-1", "symbol": "ACME", "score": 0.83}
DEEP = 10_000
MINUTES = 2
MARK = "the-place"


def written(said, **attributes):
    """An alert in both encodings."""
    whole = frame({**ALERT, **said}, **attributes)
    return msgspec.json.encode(whole), msgspec.msgpack.encode(whole)


def with_value(json, msgpack, *, field="score"):
    """An alert whose field holds these bytes, in both encodings."""
    as_json, as_msgpack = written({field: MARK})
    return as_json.replace(f'"{MARK}"'.encode(), json), as_msgpack.replace(msgspec.msgpack.encode(MARK), msgpack)


def packed(number):
    return msgspec.msgpack.encode(number)


def abuses(size):
    """By name: an entry, and what its reason says."""
    flat = {name: str(value) for name, value in ALERT.items()}
    long = {"theme": "x" * size}
    pairs = {
        "long": (written(long), "expected at most 1048576"),
        "empty": ((b"", b""), "event is empty"),
        "no fields": (
            tuple(write(frame({})) for write in (msgspec.json.encode, msgspec.msgpack.encode)),
            "are missing",
        ),
        "deep": (with_value(b"[" * DEEP + b"]" * DEEP, b"\x91" * DEEP + b"\xc0", field="x"), "nested too deeply"),
        "deep, where a number belongs": (with_value(b"[" * DEEP + b"]" * DEEP, b"\x91" * DEEP + b"\xc0"), "nested too"),
        "not UTF-8": (with_value(b'"A\xff"', b"\xa2A\xff", field="symbol"), "not UTF-8"),
        "NaN": (with_value(b"NaN", packed(math.nan)), ("invalid character", "data.score is nan")),
        "infinity": (with_value(b"Infinity", packed(math.inf)), ("invalid character", "data.score is inf")),
        "minus infinity": (with_value(b"-Infinity", packed(-math.inf)), ("invalid", "data.score is -inf")),
        "beyond every range": (with_value(b"1e400", packed(math.inf)), ("out of range", "data.score is inf")),
        "only unknown fields": (
            tuple(
                write(frame({f"unknown{number}": number for number in range(20)}))
                for write in (msgspec.json.encode, msgspec.msgpack.encode)
            ),
            "are missing",
        ),
    }
    found = {}
    for name, (bodies, said) in pairs.items():
        reasons = (said, said) if isinstance(said, str) else said
        for encoding, body, reason in zip(("JSON", "MessagePack"), bodies, reasons, strict=True):
            found[f"{name}, {encoding}"] = ({"event": body}, reason)
    for name, more, reason in (
        ("long", long, "expected at most 1048576"),
        ("empty", None, "data.alert_id, data.symbol, data.score are missing"),
        ("deep", {"features": "[" * DEEP + "]" * DEEP}, "nested too deeply"),
        ("not UTF-8", {"symbol": b"A\xff"}, "not UTF-8"),
        ("NaN", {"score": "nan"}, 'data.score is "nan"'),
        ("infinity", {"score": "Infinity"}, 'data.score is "Infinity"'),
        ("beyond every range", {"score": "1e400"}, 'data.score is "1e400"'),
        ("beyond every range, in a dictionary", {"features.x": "1e400"}, 'data.features.x is "1e400"'),
    ):
        found[f"{name}, flat"] = ({"": ""} if more is None else {**flat, **more}, reason)
    return found


class Place:
    """The worker ``attribution`` and a broker; entries go in as bytes."""

    def __init__(self, store, broker):
        self.store = store
        self.broker = broker
        rules = load_registry(ROOT / "parameters" / "scanner.toml")
        registries = {name: msgspec.structs.replace(rules, strategy=name) for name in ("main", "momentum")}
        self.tally = Tally("attribution", clock=lambda: NOW)
        worker = Attribution(store, registries=registries, clock=lambda: NOW, on_settled=lambda strategy, session: None)
        group = ConsumerGroup(broker, group=worker.name, consumer="one", streams=worker.reads, claim_after_ms=60_000)
        group.ensure()
        self.reads = worker.reads
        self.turns = Turns(
            worker,
            store=store,
            broker=broker,
            group=group,
            prefix="",
            limits=Limits(2**20, 300_000_000),
            clock=lambda: NOW,
            tally=self.tally,
        )

    def take(self):
        while self.turns.turn(count=500, block_ms=1):
            pass

    def letters(self):
        with self.store.read() as reading:
            return {(letter.stream, letter.entry): letter for letter in DeadLetters(reading).list(limit=10**6)}

    def told(self):
        found = (msgspec.json.decode(fields[b"event"])["data"] for _, fields in self.broker.xrange("dead.letter"))
        return {(letter["stream"], letter["entry"]): letter for letter in found}

    def pending(self):
        return sum(self.broker.xpending(stream, "attribution")["pending"] for stream in self.reads)


@pytest.fixture
def place(sqlite_store, broker):
    return Place(sqlite_store, broker)


@pytest.mark.parametrize("size", [2_000_000, pytest.param(50_000_000, marks=pytest.mark.at_length)])
def test_each_abuse_is_refused_with_its_reason_in_the_dead_letters_and_harms_nobody(place, size):
    wanted = abuses(size)
    entries = {}
    for number, (name, (fields, _)) in enumerate(wanted.items()):
        entries[name] = place.broker.xadd("alert.raised", fields).decode()
        good = written({"alert_id": f"good-{number}"}, id=f"good-{number}")[number % 2]
        place.broker.xadd("alert.raised", {"event": good})
    place.take()

    letters, told = place.letters(), place.told()
    for name, (fields, reason) in wanted.items():
        letter, word = letters.pop(("alert.raised", entries[name])), told.pop(("alert.raised", entries[name]))
        assert reason in letter.reason, name
        assert len(letter.reason) < 500, name
        assert letter.reason == word["reason"]
        assert letter.size == word["size"] >= len(fields.get("event", b"")), name
        assert len(letter.body) == min(letter.size, KEPT_BYTES), name
        assert base64.b64decode(word["body"]) == letter.body[:TOLD_BYTES], name
    assert ({}, {}, 0) == (letters, told, place.pending())
    assert len(wanted) == place.tally.counts["refused"] == place.tally.counts["taken"]
    with place.store.read() as reading:
        assert len(wanted) == len(reading.execute(alerts.select()).all())


def test_twenty_unknown_fields_are_not_kept_and_counted_by_name_and_the_event_is_taken_in(place):
    unknown = {f"unknown{number}": number for number in range(20)}
    for body in written(unknown):
        place.broker.xadd("alert.raised", {"event": body})
    place.take()
    assert ({}, 2) == (place.letters(), place.tally.counts["taken"])
    counted = [name for name in place.tally.counts if name.startswith("undeclared ")]
    assert sorted(f"undeclared {name}" for name in unknown) == sorted(counted)


@pytest.mark.at_length
@settings(max_examples=30_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    some.sampled_from(sorted(EVENTS)),
    some.binary(max_size=2_000),
    some.sampled_from([b"", b"{", b"\x85", b'{"data":{', b'{"type":', b"\x81\xa4data"]),
)
def test_random_bytes_are_refused_and_nothing_worse_at_length(stream, body, beginning):
    survives(stream, {b"event": beginning + body})


@pytest.mark.at_length
@settings(max_examples=15_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    some.sampled_from(sorted(EVENTS)),
    some.dictionaries(
        some.one_of(some.binary(max_size=20), some.sampled_from([b"symbol", b"score", b"features.x", b"time", b"id"])),
        some.one_of(some.binary(max_size=200), some.sampled_from([b"nan", b"1e400", b"[[", b"null", b"{}", b"-0"])),
    ),
)
def test_random_flat_entries_are_refused_and_nothing_worse_at_length(stream, fields):
    survives(stream, fields)


@pytest.mark.at_length
@pytest.mark.parametrize("seed", range(100, 104))
def test_mutations_of_golden_messages_go_through_a_worker_and_each_is_taken_in_or_refused(place, seed, monkeypatch):
    monkeypatch.setattr(place.turns._burial, "_an_hour", None)
    rng = random.Random(seed)
    golden = [(stream, body) for stream, body in golden_bodies() if stream in place.reads]
    deadline = time.monotonic() + MINUTES * 60 / 4
    sent = 0
    while time.monotonic() < deadline:
        with place.broker.pipeline(transaction=False) as pipe:
            for stream, body in golden:
                for _ in range(20):
                    pipe.xadd(stream, {"event": mutated(body, rng)})
            sent += len(pipe.execute())
        place.take()
        aside = sum(
            one["pending"]
            for stream in place.reads
            for one in place.broker.xinfo_consumers(stream, "attribution")
            if one["name"].startswith(b"schema-")
        )
        assert aside == place.pending()
    counts = place.tally.counts
    print(f"{sent:,} mutations: {counts['taken']:,} taken in, {counts['refused']:,} refused, {aside:,} newer")
    assert sent == counts["taken"] + counts["refused"] + aside
    assert 0 == counts.get("failed", 0)
    assert len(place.letters()) == counts["refused"]
