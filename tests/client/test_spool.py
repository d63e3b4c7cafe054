"""What waits on disk: in order, bounded, whole or not at all, and for one process at a time."""

import errno
import os
import threading
from collections import Counter
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from learning_client import Misuse, SpoolFolder
from learning_client.guard import Troubles
from learning_client.parcel import PRICE, Parcel
from learning_client.tally import Tally
from msgspec.structs import replace

ALERT, FILL = "alert.raised", "fill.reported"
KINDS = some.sampled_from([PRICE, ALERT, FILL])
MEGABYTE = 1 << 20


class Desk:
    """A folder, and the spools that are opened in it."""

    def __init__(self, path, most_bytes=8 * MEGABYTE):
        self.folder = SpoolFolder(path=str(path), most_bytes=most_bytes)
        self.dropped, self.unreadable, self.troubles = Tally(), Tally(), Troubles()

    def open(self, source="scanner", **more):
        return self.folder.opened(
            source, dropped=self.dropped, unreadable=self.unreadable, troubles=self.troubles, **more
        )


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "spool")


def parcels(*kinds, size=10, since=0):
    return [Parcel(place, kind, b"%d " % place + b"x" * size) for place, kind in enumerate(kinds, since)]


def said(found):
    return [(parcel.kind, parcel.body) for parcel in found]


def emptied(spool, batch=7):
    """All that waits, acknowledged."""
    found = []
    while taken := spool.take(batch):
        found += taken
        spool.settle(taken)
    return found


def open_in(path):
    """The files under ``path`` that this process has open."""
    places = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if os.path.lexists(link)]
    return [place for place in places if place.startswith(path)]


def files(path):
    return [file for file in path.rglob("*.*") if file.is_file()]


STEPS = some.lists(some.tuples(some.lists(KINDS, max_size=9), some.integers(0, 9), some.booleans()), max_size=9)


@settings(max_examples=50)
@given(STEPS)
def test_what_is_added_comes_out_in_order_and_leaves_no_file(tmp_path_factory, steps):
    desk = Desk(tmp_path_factory.mktemp("spool"))
    spool, waiting, number = desk.open(), [], 0
    for kinds, takes, settles in steps:
        new = parcels(*kinds, since=number)
        number += len(new)
        spool.append(new)
        waiting += new
        assert Counter(parcel.kind for parcel in waiting) == spool.counts()
        taken = spool.take(takes)
        assert said(waiting[:takes]) == said(taken)
        del waiting[:takes]
        spool.settle(taken if settles else [])
    assert said(waiting) == said(spool.take(1_000))
    assert {} == spool.counts() == desk.dropped.counts()
    spool.close()


@settings(max_examples=50)
@given(STEPS)
def test_the_next_process_finds_all_that_was_not_acknowledged_in_order(tmp_path_factory, steps):
    desk = Desk(tmp_path_factory.mktemp("spool"))
    spool, told, settled = desk.open(), [], []
    for kinds, takes, settles in steps:
        told += parcels(*kinds, since=len(told))
        spool.append(told[len(told) - len(kinds) :])
        for parcel in spool.take(takes):
            if settles:
                settled.append(parcel.body)
                spool.settle([parcel])
    spool.close()
    spool = desk.open()
    found = emptied(spool)
    assert [parcel.body for parcel in told if parcel.body not in settled] == [
        parcel.body for parcel in found if parcel.body not in settled
    ]
    assert said(found) == [one for one in said(told) if one in said(found)]
    assert [] == files(spool._slot.folder)
    assert {} == desk.dropped.counts()
    spool.close()


def test_what_was_taken_and_not_acknowledged_is_there_for_the_next_process(desk):
    spool = desk.open()
    wanted = parcels(*[ALERT, PRICE] * 20)
    spool.append(wanted)
    spool.take(15)
    spool.close()
    assert said(wanted) == said(emptied(desk.open()))


def test_what_the_broker_had_already_is_known_as_such_to_the_next_process(desk):
    spool = desk.open()
    first, second = parcels(ALERT, ALERT)
    spool.append([replace(first, again=True), second])
    spool.close()
    assert [(*said([first]), True), (*said([second]), False)] == [
        (*said([parcel]), parcel.again) for parcel in emptied(desk.open())
    ]


def test_prices_go_first_and_are_counted_when_the_bound_is_reached(desk):
    spool = desk.open()
    for place in range(0, 240, 2):
        spool.append(parcels(ALERT, PRICE, size=50_000, since=place))
    dropped = desk.dropped.counts()
    assert {PRICE} == dropped.keys()
    assert 120 == dropped[PRICE] + spool.counts()[PRICE]
    assert sum(file.stat().st_size for file in files(spool._slot.folder)) <= 8 * MEGABYTE
    found = emptied(spool)
    assert 120 == [parcel.kind for parcel in found].count(ALERT)
    assert sorted(int(parcel.body.split()[0]) for parcel in found) == [int(one.body.split()[0]) for one in found]


@pytest.mark.parametrize("of_an_earlier_process", [False, True])
def test_files_that_were_put_aside_count_and_the_oldest_of_them_go_first(desk, of_an_earlier_process):
    spool = desk.open()
    spool.append(parcels(*[FILL] * 20, size=100_000))
    damaged = sorted(file for file in files(spool._slot.folder) if file.suffix == ".facts")[:3]
    for file in damaged:
        file.write_bytes(b"x" * (2 * MEGABYTE))
    emptied(spool)
    assert 3 == len(desk.unreadable.counts())
    if of_an_earlier_process:
        spool.close()
        spool = desk.open()
    spool.append(more := parcels(*[FILL] * 30, size=100_000, since=20))
    left = sorted(file.name for file in files(spool._slot.folder) if file.suffix == ".unreadable")
    assert [f"{file.name}.unreadable" for file in damaged[1:]] == left
    assert sum(file.stat().st_size for file in files(spool._slot.folder)) <= 8 * MEGABYTE
    assert said(more) == said(emptied(spool))
    assert {} == desk.dropped.counts()
    assert 1 == desk.troubles.counts()["a file of the spool that cannot be read is deleted"]


def test_without_prices_the_oldest_of_the_rest_go(desk):
    spool = desk.open()
    for place in range(200):
        spool.append(parcels(FILL, size=100_000, since=place))
    left = [int(parcel.body.split()[0]) for parcel in emptied(spool)]
    assert 199 == left[-1]
    assert {"the spool is full"} == desk.troubles.counts().keys()
    assert list(range(left[0], 200)) == left
    assert {FILL: left[0]} == desk.dropped.counts()


def test_what_is_on_its_way_is_never_given_up(desk):
    spool = desk.open()
    spool.append(parcels(*[FILL] * 70, size=100_000))
    assert 70 == len(spool.take(1_000))
    spool.append(parcels(*[PRICE] * 70, size=100_000, since=70))
    dropped = desk.dropped.counts()
    assert {PRICE} == dropped.keys()
    spool.close()
    found = emptied(desk.open())
    assert 70 == sum(parcel.kind == FILL for parcel in found)
    assert 70 - dropped[PRICE] == sum(parcel.kind == PRICE for parcel in found)


@pytest.mark.parametrize("cut", [1, 7, 17, 30])
def test_a_torn_end_is_kept_and_said_and_what_was_before_it_is_whole(desk, cut):
    spool = desk.open()
    wanted = parcels(*[ALERT] * 5)
    spool.append(wanted)
    spool.close()
    [file] = files(spool._slot.folder)
    os.truncate(file, file.stat().st_size - cut)
    spool = desk.open()
    found = emptied(spool)
    assert said(wanted)[: len(found)] == said(found)
    assert len(found) in (3, 4)
    assert 1 == sum(desk.troubles.counts().values())
    spool.append(wanted)
    assert said(wanted) == said(emptied(spool))


@pytest.mark.parametrize("place", range(0, 5 * 44, 9))
def test_a_wrong_bit_puts_its_file_aside_and_never_gives_out_a_wrong_event(desk, place):
    spool = desk.open()
    wanted = parcels(*[ALERT] * 5)
    spool.append(wanted)
    [file] = files(spool._slot.folder)
    content = bytearray(file.read_bytes())
    content[min(place, len(content) - 1)] ^= 64
    file.write_bytes(content)
    spool.append(later := parcels(PRICE, since=5))
    found = emptied(spool)
    assert [*said(wanted)[: len(found) - 1], *said(later)] == said(found)
    aside = f"{file.name}.unreadable"
    assert {aside: 6 - len(found)} == desk.unreadable.counts()
    assert ({}, 1) == (desk.dropped.counts(), sum(desk.troubles.counts().values()))
    assert bytes(content) == file.with_name(aside).read_bytes()
    spool.close()
    assert 0 == len(desk.open())


@pytest.mark.parametrize("place", range(0, 4 * 44, 9))
def test_what_lies_behind_a_wrong_bit_that_a_process_left_is_kept(desk, place):
    spool = desk.open()
    wanted = parcels(*[ALERT] * 5)
    spool.append(wanted)
    spool.close()
    [file] = files(spool._slot.folder)
    content = bytearray(file.read_bytes())
    content[place] ^= 64
    file.write_bytes(content)
    found = emptied(desk.open())
    assert said(wanted)[: len(found)] == said(found)
    assert len(found) < 5
    [aside] = files(spool._slot.folder)
    assert content == aside.read_bytes()
    assert {aside.name: 0} == desk.unreadable.counts()


@pytest.mark.parametrize("begun", [False, True])
def test_a_file_that_cannot_be_opened_is_put_aside_and_the_rest_goes_on(desk, begun):
    spool = desk.open()
    first, second = parcels(ALERT, ALERT), parcels(FILL, FILL, since=2)
    spool.append(first)
    spool.close()
    [file] = files(spool._slot.folder)
    spool = desk.open()
    spool.append(second)
    taken = spool.take(1) if begun else []
    file.rename(file.with_name("elsewhere"))
    file.mkdir()
    spool._descriptors.close_all()
    found = spool.take(10)
    spool.settle([*taken, *found])
    assert said(second) == said(found)[-2:]
    assert {f"{file.name}.unreadable": 2 - len(found[:-2]) - len(taken)} == desk.unreadable.counts()
    assert 0 == len(spool)
    spool.close()
    assert 0 == len(desk.open())


def test_a_file_that_cannot_be_opened_does_not_keep_the_others_from_being_found(desk):
    spool = desk.open()
    spool.append(wanted := parcels(ALERT))
    spool.close()
    (spool._slot.folder / "00000000000000000001.facts").mkdir()
    spool = desk.open()
    assert said(wanted) == said(emptied(spool))
    assert {"00000000000000000001.facts.unreadable": 0} == desk.unreadable.counts()


def test_a_process_that_has_too_many_files_open_puts_nothing_aside(desk, monkeypatch):
    spool = desk.open()
    spool.append(wanted := parcels(ALERT))
    spool._descriptors.close_all()

    def refuse(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr("learning_client.descriptors.os.open", refuse)
        with pytest.raises(OSError, match="Too many"):
            spool.take(10)
    assert {} == desk.unreadable.counts()
    assert said(wanted) == said(emptied(spool))


def test_what_many_processes_left_comes_in_the_order_of_time_and_with_few_files_open(desk):
    clock = count(1_000_000)
    spools = [desk.open(clock=partial(next, clock)) for _ in range(40)]
    wanted = []
    for place, spool in enumerate([*spools[::2], *spools[1::2]]):
        wanted += (new := parcels(ALERT, PRICE, FILL, since=3 * place))
        spool.append(new)
    for spool in spools:
        spool.close()
    spool = desk.open(clock=partial(next, clock))
    spool.append(new := parcels(ALERT, PRICE, since=120))
    assert len(open_in(desk.folder.path)) <= 5
    assert said(wanted + new) == said(emptied(spool))
    assert len(open_in(desk.folder.path)) <= 5


def test_a_spool_that_cannot_be_opened_leaves_its_folder_to_the_next(desk, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("learning_client.spool.Spool.take_over", fail)
        with pytest.raises(OSError, match="Input"):
            desk.open()
    assert [] == open_in(desk.folder.path)
    assert "scanner-0" == desk.open()._slot.folder.name


def test_a_child_that_is_forked_while_a_folder_is_opened_does_not_hold_it(desk, monkeypatch):
    monkeypatch.setattr("learning_client.lock.FORK_SECONDS", 20)
    opened, go_on, found, usual = threading.Event(), threading.Event(), [], os.open

    def slow(path, *more):
        descriptor = usual(path, *more)
        if str(path).endswith("lock"):
            opened.set()
            go_on.wait(0.2)
        return descriptor

    with monkeypatch.context() as patched:
        patched.setattr("learning_client.lock.os.open", slow)
        opening = threading.Thread(target=lambda: found.append(desk.open()))
        opening.start()
        assert opened.wait(20)
        (ready, is_ready), (ends, end) = os.pipe(), os.pipe()
        if not (child := os.fork()):
            os.close(end)
            os.write(is_ready, b"x")
            os.read(ends, 1)
            os._exit(0)
        opening.join()
    os.read(ready, 1)
    found[0].close()
    again = desk.open()
    os.close(end)
    os.waitpid(child, 0)
    assert "scanner-0" == again._slot.folder.name


def test_processes_that_share_a_folder_hold_a_part_each_and_send_what_one_that_is_gone_has_left(desk):
    first, second = desk.open(), desk.open()
    first.append(parcels(ALERT, FILL))
    second.append(parcels(PRICE, since=2))
    assert (2, 1) == (len(first), len(second))
    second.close()
    third = desk.open()
    assert (2, 1) == (len(first), len(third))
    first.close()
    third.close()
    assert {(ALERT, b"0 " + b"x" * 10), (FILL, b"1 " + b"x" * 10), (PRICE, b"2 " + b"x" * 10)} == set(
        said(emptied(desk.open()))
    )


def test_another_source_leaves_it_alone(desk):
    spool = desk.open()
    spool.append(parcels(ALERT))
    spool.close()
    assert 0 == len(desk.open("executor"))


@pytest.mark.parametrize("wrong", [{"path": 5}, {"path": "a", "most_bytes": "x"}, {"path": "a", "most_bytes": None}])
def test_a_folder_that_is_none_is_refused(wrong):
    with pytest.raises(Misuse, match=r"=.*: write"):
        SpoolFolder(**wrong)


def test_a_spool_that_holds_hardly_anything_is_refused(tmp_path):
    with pytest.raises(Misuse, match="most_bytes=1000: write a number, 8,388,608 or more"):
        SpoolFolder(path=str(tmp_path), most_bytes=1_000)
