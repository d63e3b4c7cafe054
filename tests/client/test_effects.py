"""A new value takes effect at the moment that the trading side has named for it: not before, and always then."""

import os
from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from learning_client import Misuse, ParameterClient, Switches, unit_of

from schemas.allocation import Allocation, Arm, Purpose
from tests import lengths
from tests.client.brokers import Memory, a_version, wait_for

EFFECTS = {"decided": "next_decision", "daily": "next_session", "resting": "when_flat"}
DEFAULTS = {"plain": 0.5, "decided": 0.5, "daily": 0.5, "resting": 0.5}
UNITS = [unit_of(symbol, "2024-01-31") for symbol in ("AAPL", "MSFT", "IBM")]


@pytest.fixture
def params(broker, publisher):
    client = ParameterClient(broker.url, defaults=DEFAULTS, effects=EFFECTS, publisher=publisher)
    yield client
    client.close(2.0)


@pytest.fixture
def publish(broker, params, version, eventually):
    """Publishes the next version, whose values are all ``value``, and returns once it was taken."""
    numbers = iter(range(1, 100))

    def publish(value, **more):
        number = next(numbers)
        made = version(number, **dict.fromkeys(DEFAULTS, value), **more)
        broker.publish(made)
        params.start()
        eventually(lambda: params.stats().version == f"1-{number}")
        return made

    return publish


def read(params):
    return {name: params[name] for name in DEFAULTS}


def test_each_parameter_waits_for_its_own_moment(publish, params):
    publish(0.7)
    assert {"plain": 0.7, "decided": 0.5, "daily": 0.5, "resting": 0.5} == read(params)
    params.snapshot(UNITS[0])
    assert {"plain": 0.7, "decided": 0.7, "daily": 0.5, "resting": 0.5} == read(params)
    params.session("2024-01-31")
    assert {"plain": 0.7, "decided": 0.7, "daily": 0.7, "resting": 0.5} == read(params)
    params.flat()
    assert dict.fromkeys(DEFAULTS, 0.7) == read(params)


def test_a_session_begins_once(publish, params):
    params.session("2024-01-31")
    publish(0.7)
    for again in ("2024-01-31", date(2024, 1, 31), "2024-01-30", "soon", None):
        params.session(again)
        assert 0.5 == params["daily"]
    params.session(date(2024, 2, 1))
    assert 0.7 == params["daily"]
    assert 2 == params.stats().troubles["ParameterClient.session"]


def test_what_comes_between_two_moments_is_passed_over(publish, params):
    for value in (0.6, 0.7, 0.8):
        publish(value)
        assert 0.5 == params["resting"]
    params.flat()
    assert 0.8 == params["resting"]


def begin(params):
    """A session begins, and nothing is open."""
    params.session("2024-01-31")
    params.flat()


def test_a_snapshot_says_what_it_holds_and_until_when_and_names_no_version_that_it_is_not(publish, params):
    publish(0.6)
    begin(params)
    publish(0.7)
    snapshot = params.snapshot(UNITS[0])
    assert (0.7, 0.6, 0.7) == (snapshot["plain"], snapshot["resting"], snapshot.would_be["resting"])
    assert {"daily": "next_session", "resting": "when_flat"} == snapshot.held
    assert (None, None, "learned", {}) == (
        snapshot.version,
        snapshot.checksum,
        snapshot.origin,
        snapshot.assignments,
    )
    assert (
        "values of several versions; version 1-2 is known; daily waits (next_session), resting waits (when_flat)"
        == snapshot.reason
    )
    params.flat()
    params.session("2024-02-01")
    snapshot = params.snapshot(UNITS[0])
    assert ({}, "1-2", "version 1-2") == (snapshot.held, snapshot.version, snapshot.reason)


def rollout(name, value, *, share=10_000):
    arms = [Arm({name: value}, share), Arm({name: 0.55}, 10_000 - share)]
    return Allocation(id=f"roll.{name}", layer="l", purpose=Purpose.ROLLOUT, parameters=[name], arms=arms)


def test_a_snapshot_names_the_older_version_where_the_unit_has_all_values_of_it(publish, params):
    older = publish(0.6)
    begin(params)
    publish(0.6, allocations=[rollout("resting", 0.9)])
    snapshot = params.snapshot(UNITS[0])
    assert ("1-1", older.checksum, {}, 0.6) == (
        snapshot.version,
        snapshot.checksum,
        snapshot.assignments,
        snapshot["resting"],
    )
    assert "version 1-1; version 1-2 is known; resting waits (when_flat)" == snapshot.reason
    assert 0.6 == params.value("resting", UNITS[0])
    params.flat()
    assert ("1-2", 0.9) == (params.snapshot(UNITS[0]).version, params.value("resting", UNITS[0]))


def test_what_is_told_with_values_of_several_versions_is_credited_to_none(broker, publish, params, publisher):
    publish(0.7)
    publisher.decision(symbol="AAPL", action="BUY", snapshot=params.snapshot(UNITS[0]))
    assert publisher.flush(10)
    [told] = broker.told("decision.made")
    assert UNITS[0] == told["unit"]
    assert not {"params_version", "assignments"} & told.keys()


def test_to_look_at_how_things_are_is_no_decision(publish, params):
    seen = []
    params.on_update(lambda old, new: seen.append((old["decided"], new["decided"])))
    publish(0.7)
    publish(0.8)
    wait_for(lambda: len(seen) == 2)
    params.stats()
    assert 0.5 == params["decided"]
    assert [(0.5, 0.5), (0.5, 0.5)] == seen


def test_switches_act_at_once_whatever_waits(publish, params):
    publish(0.7)
    params.flat()
    publish(0.8)
    params.switches.apply = False
    assert (DEFAULTS, {}) == (read(params), params.snapshot().held)
    params.switches.apply = True
    assert (0.8, 0.7) == (params["plain"], params["resting"])


def test_a_process_begins_with_the_last_known_good_version_whole(broker, publish, params, tmp_path):
    (tmp_path / "good").write_bytes(msgspec.json.encode(publish(0.7)))
    words = {"defaults": DEFAULTS, "effects": EFFECTS, "last_known_good": tmp_path / "good"}
    begun = ParameterClient(broker.url, switches=Switches(apply=True), **words)
    begun.start()
    assert dict.fromkeys(DEFAULTS, 0.7) == read(begun)
    assert ("1-1", {}) == (begun.snapshot().version, begun.snapshot().held)
    begun.close(2.0)


def test_what_waits_waits_in_a_forked_child_too(publish, params):
    publish(0.7)
    child = os.fork()
    if child == 0:
        before = params["resting"]
        params.flat()
        os._exit(0 if (before, params["resting"]) == (0.5, 0.7) else 1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert 0.5 == params["resting"]


@pytest.mark.parametrize(
    ("effects", "why"),
    [
        ({"restin": "when_flat"}, "an effect for 'restin', which has no default; is 'resting' meant?"),
        ({"resting": "when flat"}, "resting takes effect 'when flat'; it must be one of now, next_decision"),
    ],
)
def test_an_effect_that_can_never_be_right_is_refused_at_the_start(effects, why):
    with pytest.raises(Misuse, match=why):
        ParameterClient("redis://localhost:1/0", defaults=DEFAULTS, effects=effects)


VALUES = some.sampled_from([0.5, 0.6, 0.7])
PUBLISHED = some.fixed_dictionaries(dict.fromkeys(DEFAULTS, VALUES))
SPLIT = some.none() | some.builds(
    rollout, some.sampled_from(sorted(DEFAULTS)), VALUES, share=some.sampled_from([0, 3_000, 10_000])
)
STEPS = (
    some.tuples(some.just("publish"), PUBLISHED, SPLIT)
    | some.tuples(some.just("snapshot"), some.none() | some.sampled_from(UNITS))
    | some.tuples(some.just("session"), some.integers(1, 28))
    | some.tuples(some.just("flat"))
    | some.tuples(some.just("apply"), some.booleans())
)
MOMENT = {"snapshot": "next_decision", "session": "next_session", "flat": "when_flat"}


class Model:
    """Which version holds for the names of each effect: the newest that was there at its last moment."""

    def __init__(self):
        self.versions = {}
        self.newest = None
        self.holds = dict.fromkeys([*EFFECTS.values(), "now"])
        self.begun = 0
        self.apply = True

    def take(self, version):
        self.newest = self.holds["now"] = version
        self.versions[str(version.id)] = version

    def step(self, what, *words):
        if what == "apply":
            [self.apply] = words
        elif what != "session" or words[0] > self.begun:
            self.begun = words[0] if what == "session" else self.begun
            self.holds[MOMENT[what]] = self.newest

    def values(self, unit):
        return {name: self.value(name, unit) for name in DEFAULTS}

    def value(self, name, unit):
        version = self.holds[EFFECTS.get(name, "now")]
        if version is None or not self.apply:
            return DEFAULTS[name]
        return (version.values if unit is None else version.values_for(unit))[name]


@lengths.examples(100, deadline=None)
@given(some.lists(STEPS, max_size=12))
def test_whatever_comes_in_which_order_a_value_changes_at_its_moment_and_only_then(steps):
    broker, model = Memory(), Model()
    params = ParameterClient(broker.url, defaults=DEFAULTS, effects=EFFECTS, switches=Switches(apply=True))
    params.start()
    try:
        for what, *words in steps:
            if what == "publish":
                values, split = words
                number = len(model.versions) + 1
                model.take(a_version(number, **values, allocations=[split] if split else []))
                broker.publish(model.newest)
                wait_for(lambda number=number: params.stats().version == f"1-{number}")
            elif what == "apply":
                [params.switches.apply] = words
                model.step(what, *words)
            else:
                model.step(what, *words)
                said = [date(2024, 2, words[0])] if what == "session" else words
                answer = getattr(params, what)(*said)
                if what == "snapshot":
                    check(answer, model, *words)
            assert model.values(None) == read(params)
            for unit in UNITS:
                assert model.values(unit) == {name: params.value(name, unit) for name in DEFAULTS}
    finally:
        params.close(0.0)


def check(snapshot, model, unit):
    """A snapshot has what holds, and names a version only where the engine finds the same values in it."""
    assert model.values(unit) == snapshot.values
    newest = model.newest and (model.newest.values if unit is None else model.newest.values_for(unit))
    if model.apply and newest is not None:
        assert {name for name in DEFAULTS if snapshot[name] != newest[name]} == set(snapshot.held)
    if snapshot.version is not None:
        named = model.versions[snapshot.version]
        given = named.values if unit is None else named.values_for(unit)
        assert snapshot.values == {name: given[name] for name in DEFAULTS}
        arms = {} if unit is None else {name: arm.values for name, arm in named.assigned(unit).items()}
        assert (named.checksum, arms) == (snapshot.checksum, snapshot.assignments)
    if not snapshot.held and model.apply and model.newest is not None:
        assert str(model.newest.id) == snapshot.version
