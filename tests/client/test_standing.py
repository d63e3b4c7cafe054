"""How sure it is that what is in memory is the newest: live, stale, from a file, or the caller's own."""

import asyncio
import errno
import os
import threading

import msgspec
import numpy as np
import pytest
from learning_client import ParameterClient, Switches, lock, unit_of
from learning_client.declared import Declared
from learning_client.errors import RefusedVersion
from learning_client.holding import Holding
from learning_client.last_known_good import LastKnownGood
from learning_client.update import Update
from learning_client.version import LARGEST, decode_version

from tests.client.brokers import ON_REDIS
from tests.client.damage import announcement, damaged, lie
from tests.client.test_parameters import split

UNIT = unit_of("AAPL", "2024-01-31")
DEFAULTS = {"threshold": 0.6, "hold": 10, "style": "calm"}


@pytest.fixture
def client(broker, tmp_path):
    """Makes clients that keep the last known good version in one file."""
    made = []

    def one(**more):
        words = {"defaults": DEFAULTS, "bounds": {"threshold": (0.5, 0.9)}, "switches": Switches(apply=True)}
        made.append(ParameterClient(broker.url, **{"last_known_good": tmp_path / "good", **words, **more}))
        return made[-1]

    yield one
    for each in made:
        each.close(2.0)


@pytest.fixture
def kept(broker, client, version, eventually, tmp_path):
    """The bytes of version 1-7, as a run before has kept them; the broker is dead."""
    broker.publish(version(7, threshold=0.8))
    before = client()
    before.start()
    eventually((tmp_path / "good").is_file)
    before.close(2.0)
    broker.kill()
    yield (tmp_path / "good").read_bytes()
    broker.start()


def standing(client):
    snapshot = client.snapshot(UNIT)
    return snapshot.standing, snapshot.version, snapshot["threshold"]


def test_before_anything_is_known_it_is_the_callers_own(client):
    assert ("default", None, 0.6) == standing(client())


def test_while_the_broker_is_heard_it_is_live_and_when_it_hangs_it_is_stale_until_it_is_heard_again(
    broker, client, version, eventually
):
    params = client(stale_after=0.5)
    broker.publish(version(1, threshold=0.7))
    params.start()
    eventually(lambda: standing(params) == ("live", "1-1", 0.7))
    broker.hang()
    eventually(lambda: standing(params) == ("stale", "1-1", 0.7))
    assert "there may be a newer one" in params.snapshot().reason
    assert params.stats().heard_seconds > 0.5
    broker.wake()
    eventually(lambda: standing(params) == ("live", "1-1", 0.7))
    eventually(lambda: params.stats().heard_seconds < 0.5)


def test_the_last_known_good_version_holds_at_once_until_the_broker_is_heard(broker, kept, client, eventually):
    params = client()
    params.start()
    assert ("last_known_good", "1-7", 0.8) == standing(params)
    assert 0.8 == params["threshold"] == params.value("threshold", UNIT)
    assert "an earlier run" in params.snapshot().reason
    broker.start()
    eventually(lambda: standing(params)[0] == "live")
    assert ("live", "1-7", 0.8) == standing(params)


def test_a_newer_version_of_the_broker_replaces_it_in_memory_and_on_disk(
    broker, kept, client, version, eventually, tmp_path
):
    params = client()
    params.start()
    broker.start()
    broker.publish(version(8, threshold=0.7))
    eventually(lambda: standing(params) == ("live", "1-8", 0.7))
    eventually(lambda: 8 == msgspec.json.decode((tmp_path / "good").read_bytes())["number"])
    assert [tmp_path / ".good.lock", tmp_path / "good"] == sorted(tmp_path.iterdir())


def test_it_is_not_used_where_applying_is_off(kept, client):
    params = client(switches=Switches())
    params.start()
    assert ("default", None, 0.6) == standing(params)
    assert 0.8 == params.snapshot().would_be["threshold"]


def test_it_is_held_to_the_bounds_of_today(kept, client):
    params = client(bounds={"threshold": (0.5, 0.75)})
    params.start()
    assert ("default", None, 0.6) == standing(params)
    assert 1 == params.stats().troubles["the last known good version cannot be used"]


def test_the_file_of_another_strategy_is_refused(kept, client):
    params = client(strategy="swing")
    params.start()
    assert ("default", None, 0.6) == standing(params)
    assert 1 == params.stats().troubles["the last known good version cannot be used"]


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[1]", b"{}" * 9, bytes(100), b" " * (LARGEST + 5)])
def test_a_file_that_holds_something_else_is_refused(kept, client, tmp_path, content):
    (tmp_path / "good").write_bytes(content)
    params = client()
    params.start()
    assert ("default", None, 0.6) == standing(params)


def test_a_folder_in_its_place_costs_nothing_but_the_file(broker, client, version, eventually, tmp_path):
    (tmp_path / "good").mkdir()
    broker.publish(version(1, threshold=0.7))
    params = client()
    params.start()
    eventually(lambda: standing(params) == ("live", "1-1", 0.7))
    eventually(lambda: 2 == sum(params.stats().troubles.values()))


@ON_REDIS
@pytest.mark.parametrize("times", [300, pytest.param(10_000, marks=pytest.mark.at_length)])
def test_no_damage_of_the_file_gives_a_value_that_was_not_published(kept, client, tmp_path, times):
    chance = np.random.default_rng(1)
    published = {**LastKnownGood(tmp_path / "good", strategy="main").read().values}
    params = client()
    for _ in range(times):
        (tmp_path / "good").write_bytes(damaged(kept, chance))
        params._keeping.begin(params._begin_with)
        assert params.snapshot(UNIT).values in (DEFAULTS, published)
    assert params.stats().troubles["the last known good version cannot be used"] > 0.98 * times


@ON_REDIS
@pytest.mark.parametrize("times", [2_000, pytest.param(10_000, marks=pytest.mark.at_length)])
def test_no_damage_of_an_update_gives_a_value_that_was_not_published(broker, version, times):
    chance, old, new = np.random.default_rng(2), version(1), version(2, threshold=0.8)
    body = broker.body(new, after=old)
    known = decode_version(msgspec.json.encode(old))
    assert {**new.values} == {**Update(body).after(known).values}
    refused = 0
    for _ in range(times):
        try:
            found = Update(damaged(body, chance)).after(known)
        except RefusedVersion:
            found = None
        refused += found is None
        assert found is None or {**found.values} == {**new.values}
    assert refused > times / 2  # the rest are words that no checksum covers, such as the event's id


def assert_allowed(params):
    """Whatever is read, it is within the bounds of the caller, and of the kind of his defaults."""
    for snapshot in (params.snapshot(), params.snapshot(UNIT)):
        for values in (snapshot.values, snapshot.would_be):
            assert DEFAULTS.keys() == values.keys()
            assert (float, str) == (type(values["threshold"]), type(values["style"]))
            assert type(values["hold"]) in (int, float)
            assert 0.5 <= values["threshold"] <= 0.9
    assert 0.5 <= params["threshold"] <= 0.9
    assert 0.5 <= params.value("threshold", UNIT) <= 0.9


IN_MEMORY = pytest.mark.parametrize("broker", ["memory"], indirect=True)
"""For what needs no server."""


@IN_MEMORY
@pytest.mark.parametrize("times", [300, pytest.param(10_000, marks=pytest.mark.at_length)])
def test_no_lie_of_the_file_gives_a_value_beyond_the_callers_bounds(client, version, tmp_path, times):
    chance, params = np.random.default_rng(3), client()
    for turn in range(times):
        told = version(7, threshold=0.5 + turn % 40 / 100, allocations=[split(4_000, 6_000)])
        (tmp_path / "good").write_bytes(msgspec.json.encode(lie(told, chance)))
        params._keeping.begin(params._begin_with)
        assert_allowed(params)
    refused = params.stats().troubles["the last known good version cannot be used"]
    assert 0.3 * times < refused < 0.95 * times  # the rest are odd and allowed, such as another session


@IN_MEMORY
@pytest.mark.parametrize("times", [300, pytest.param(10_000, marks=pytest.mark.at_length)])
def test_no_lie_and_no_damage_of_updates_gives_a_value_beyond_the_callers_bounds(broker, client, version, times):
    chance, made = np.random.default_rng(4), []
    for turn in range(times):
        if not made or made[-1].version.number > 10**9:
            made.append(client(last_known_good=None))
            broker.publish(version(1))
            made[-1]._turn()
        params, (epoch, number) = made[-1], made[-1].version.id
        told = version(number + 1, epoch=epoch, threshold=0.5 + turn % 40 / 100, allocations=[split(4_000, 6_000)])
        said = msgspec.to_builtins(told) if turn % 4 == 0 else lie(told, chance)
        whole, update = msgspec.json.encode(said), announcement(said)
        if turn % 4 == 1:
            whole, update = damaged(whole, chance), damaged(update, chance)
        broker.redis.set("params:main:snapshot", whole)
        broker.redis.delete("params.updated")
        broker.redis.xadd("params.updated", {"event": update})
        params._turn()
        assert_allowed(params)
    taken, refused = (sum(getattr(one.stats(), what) for one in made) for what in ("taken", "refused"))
    assert min(taken, refused) > 0.25 * times


def test_switching_off_holds_before_the_assignment_returns(broker, client, version, eventually):
    params = client()
    broker.publish(version(1, threshold=0.7))
    params.start()
    eventually(lambda: 0.7 == params["threshold"])
    broker.hang()
    params.switches.apply = False
    assert 0.6 == params["threshold"] == params.value("threshold", UNIT) == params.snapshot(UNIT)["threshold"]
    params.switches.apply = True
    assert 0.7 == params["threshold"] == params.value("threshold", UNIT) == params.snapshot(UNIT)["threshold"]
    params.switches.integration = False
    assert 0.6 == params["threshold"]
    with pytest.raises(AttributeError, match="there is no switch 'aply'"):
        params.switches.aply = True


@ON_REDIS
def test_while_switches_turn_and_versions_come_and_grow_stale_no_read_goes_back(broker, client, version, eventually):
    params = client(stale_after=0.0)
    params.start()
    seen, done = ([], []), threading.Event()

    def reads(mine):
        while not done.is_set():
            if (snapshot := params.snapshot(UNIT)).version is not None:
                mine.append(int(snapshot.version.partition("-")[2]))

    readers = [threading.Thread(target=reads, args=(mine,)) for mine in seen]
    for reader in readers:
        reader.start()
    for number in range(1, 60):
        broker.publish(version(number), after=version(number - 1) if number > 1 else None)
        params.switches.apply = bool(number % 5)
    eventually(lambda: params.stats().version == "1-59")
    done.set()
    for reader in readers:
        reader.join()
    assert "1-59" == params.snapshot(UNIT).version
    for mine in seen:
        assert mine == sorted(mine) != []


def test_an_event_loop_follows_versions_and_ends_when_the_client_is_closed(broker, client, version, eventually):
    params = client()
    broker.publish(version(1))

    async def follow():
        params.start()
        found = []
        async for snapshot in params.versions():
            found.append(snapshot.version)
            if snapshot.version == "1-1":
                broker.publish(version(2), after=version(1))
            if snapshot.version == "1-2":
                threading.Timer(0.05, params.close).start()
        return found

    assert ["1-1", "1-2"] == asyncio.run(asyncio.wait_for(follow(), 20))


def test_a_follower_whose_loop_is_gone_stops_nobody(broker, client, version, eventually):
    params = client()
    broker.publish(version(1))
    params.start()

    async def begin():
        follower = params.versions()
        await asyncio.wait_for(anext(follower), 20)
        return follower

    loop = asyncio.new_event_loop()
    left = loop.run_until_complete(begin())
    loop.close()
    broker.publish(version(2), after=version(1))
    eventually(lambda: "1-2" == params.snapshot().version)
    assert left is not None


def test_a_callback_that_blocks_holds_up_no_version(broker, client, version, eventually):
    params, go_on = client(), threading.Event()
    params.on_update(lambda old, new: go_on.wait(20))
    params.start()
    for number in (1, 2, 3):
        broker.publish(version(number), after=version(number - 1) if number > 1 else None)
        eventually(lambda number=number: params.snapshot().version == f"1-{number}")
    go_on.set()


@pytest.mark.parametrize("unit", [7, ["AAPL"], "\ud800"])
def test_a_unit_that_cannot_be_assigned_gives_the_default(broker, client, version, eventually, unit):
    params = client()
    broker.publish(version(1, threshold=0.7, allocations=[split(5_000, 5_000)]))
    params.start()
    eventually(lambda: "1-1" == params.snapshot().version)
    assert 0.6 == params.value("threshold", unit)


@ON_REDIS
def test_a_child_whose_switch_is_turned_before_it_reads_follows_too(broker, client, version, eventually):
    params = client()
    broker.publish(version(1, threshold=0.7))
    params.start()
    eventually(lambda: 0.7 == params["threshold"])
    if not (child := os.fork()):
        try:
            params.switches.collect = False
            params["threshold"]
            broker.publish(version(2, threshold=0.8), after=version(1, threshold=0.7))
            eventually(lambda: 0.8 == params["threshold"])
            os._exit(0)
        finally:
            os._exit(1)
    assert (child, 0) == os.waitpid(child, 0)


def test_a_version_that_comes_while_a_child_wakes_is_what_is_read(version):
    def decoded(number, threshold):
        return decode_version(msgspec.json.encode(version(number, threshold=threshold)))

    class Looked:
        """A view of which somebody is just reading the values when a newer version comes."""

        def __init__(self, view):
            self._view = view

        def __getattr__(self, name):
            if name == "live" and not comes.is_alive():
                comes.start()
                comes.join(0.2)
            return getattr(self._view, name)

    shown = []
    holding = Holding(
        Declared(DEFAULTS, {}),
        Switches(apply=True),
        stale_after=10.0,
        stood=lambda *_: None,
        shown=lambda live, known: shown.append(live),
    )
    comes = threading.Thread(target=lambda: holding.take(decoded(2, 0.8), "live", since=0))
    holding.take(decoded(1, 0.7), "live", since=0)
    holding.sleep()
    holding.view = Looked(holding.view)
    holding.wake()
    comes.join(20)
    assert 0.8 == shown[-1]["threshold"]


def test_of_two_that_keep_a_version_at_the_same_instant_the_newer_one_wins(tmp_path, version, eventually, monkeypatch):
    good, writes, go_on = LastKnownGood(tmp_path / "good", strategy="main"), threading.Event(), threading.Event()
    usual, asks, asked = LastKnownGood._write, lock.locked, []

    def late(self, path, body):
        if not writes.is_set():
            writes.set()
            go_on.wait(20)
        usual(self, path, body)

    def ask(*words, **more):
        asked.append(words)
        return asks(*words, **more)

    monkeypatch.setattr(LastKnownGood, "_write", late)
    monkeypatch.setattr("learning_client.last_known_good.locked", ask)
    older, newer = (
        threading.Thread(target=good.keep, args=[decode_version(msgspec.json.encode(version(number)))])
        for number in (2, 3)
    )
    older.start()
    assert writes.wait(20)
    newer.start()
    eventually(lambda: len(asked) == 2 or not newer.is_alive())
    go_on.set()
    older.join(20)
    newer.join(20)
    assert 3 == good.read().number


def test_a_disk_without_locks_keeps_a_version_all_the_same(tmp_path, version, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("learning_client.lock.fcntl.flock", refuse)
    good = LastKnownGood(tmp_path / "good", strategy="main")
    good.keep(decode_version(msgspec.json.encode(version(2))))
    assert 2 == good.read().number


def test_an_older_version_never_replaces_a_newer_one_on_disk(tmp_path, version):
    def decoded(number):
        return decode_version(msgspec.json.encode(version(number)))

    good = LastKnownGood(tmp_path / "good", strategy="main")
    for kept, newest in ((8, 8), (7, 8), (9, 9)):
        good.keep(decoded(kept))
        assert newest == good.read().number
    (tmp_path / "good").write_bytes(b"torn")
    good.keep(decoded(3))
    assert 3 == good.read().number


def test_processes_that_keep_at_once_leave_the_newest_version_whole_and_nothing_but_their_lock(tmp_path, version):
    def keeps(numbers):
        for number in numbers:
            LastKnownGood(tmp_path / "good", strategy="main").keep(
                decode_version(msgspec.json.encode(version(number, threshold=number / 1_000)))
            )

    children = []
    for first in range(3):
        if not (child := os.fork()):
            try:
                keeps(range(1 + first, 120, 3))
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    while children:
        child, status = os.waitpid(children[0], os.WNOHANG)
        assert 0 == status
        children = children[1:] if child else children
        found = LastKnownGood(tmp_path / "good", strategy="main").read()
        assert found is None or found.values["threshold"] == found.number / 1_000
    assert 119 == LastKnownGood(tmp_path / "good", strategy="main").read().number
    assert [tmp_path / ".good.lock", tmp_path / "good"] == sorted(tmp_path.iterdir())


def test_a_disk_that_hangs_holds_up_neither_the_start_nor_any_version(
    broker, kept, client, version, eventually, monkeypatch, tmp_path
):
    free, usual = threading.Event(), (LastKnownGood.read, LastKnownGood.keep)
    monkeypatch.setattr("learning_client.disk.PATIENCE_SECONDS", 0.1)
    for name, method in zip(("read", "keep"), usual, strict=True):
        monkeypatch.setattr(LastKnownGood, name, lambda *words, method=method: free.wait(60) and method(*words))
    params = client()
    params.start()
    assert ("default", None, 0.6) == standing(params)
    broker.start()
    for number in (8, 9):
        broker.publish(version(number, threshold=0.7), stream=False)
        params._follower.hang_up()
        eventually(lambda number=number: standing(params) == ("live", f"1-{number}", 0.7))
    assert 7 == msgspec.json.decode((tmp_path / "good").read_bytes())["number"]
    free.set()
    eventually(lambda: 9 == msgspec.json.decode((tmp_path / "good").read_bytes())["number"])
    assert ("live", "1-9", 0.7) == standing(params)
