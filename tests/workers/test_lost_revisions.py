"""What the broker has lost of the examples comes from the store."""

import random
from collections import defaultdict

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from events.codec import decode, encode
from schemas.registry import load_registry
from store.outbox import Outbox
from store.statistics import statistics_at, unapplied
from store.tables import sessions
from store.versions import Versions
from tests.databases import sqlite_only
from tests.faults.scene import Scene
from workers.attribution import Attribution
from workers.gate.publication import first_version
from workers.lost_revisions import LOOK_EVERY_US, LostRevisions
from workers.thompson import Thompson

NOW = 1_700_000_000_000_000
LATER = 2**51
SESSIONS = 4
SYMBOLS = ("S0", "S1", "S2")


class Clock:
    now = NOW

    def __call__(self):
        return self.now


def revised(portion, number):
    """The same bars once more, each a little higher."""
    for envelope in portion:
        if envelope.data.type == "price.observed":
            data = replace(envelope.data, close=envelope.data.close + number / 8, revision=number)
            yield replace(envelope, id=f"{envelope.id}-{number}", data=data)


def heard(portion):
    return [
        decode({b"event": encode(one)}, stream=one.data.type, entry=f"{place}-0", now=LATER)
        for place, one in enumerate(portion)
        if one.data.type in Attribution.reads and getattr(one.data, "symbol", "S0") in SYMBOLS
    ]


@pytest.fixture
def letters(store, tmp_path):
    """What attribution told of a scene in which bars are revised again and again; it was sent, and nobody has it."""
    scene = Scene(SESSIONS)
    (tmp_path / "registry.toml").write_text(scene.registry.replace("unit_pnl:close", "unit_pnl:1d"))
    registry = load_registry(tmp_path / "registry.toml")
    attribution = Attribution(store, registries={"main": registry}, clock=lambda: NOW, on_settled=lambda *_: None)
    with store.begin() as work:
        Versions(work.connection).add(first_version(registry), proposal_id=None, now=NOW)
        work.commit()
    for number, portion in enumerate(scene.portions, start=1):
        for said in (portion, *([*revised(earlier, number)] for earlier in scene.portions[:number])):
            with store.begin() as work:
                assert not attribution.handle(work, heard(said))
                work.commit()
            attribution.rest(lambda: LATER)
    with store.begin() as work:
        found = Outbox(work.connection).waiting("attribution", LATER)
        Outbox(work.connection).published([letter.id for letter in found])
        work.commit()
    found = [letter for letter in found if letter.stream in Thompson.reads]
    told = [decode({b"event": one.body}, stream=one.stream, entry="0-0", now=LATER) for one in found]
    assert max(envelope.data.revision for envelope in told) > 3
    return told


def take(store, envelopes):
    with store.begin() as work:
        Thompson(mend=lambda _: None).handle(work, envelopes)
        work.commit()


def at_every_cut(store):
    """By settled session, how many revisions up to its cut are missing, and the statistics; at last as they are now."""
    with store.read() as reading:
        cuts = sorted(reading.execute(select(sessions.c.cut)).scalars())
        open_ = [unapplied(reading, strategy="main", cut=cut) for cut in cuts]
        return open_, [statistics_at(reading, strategy="main", cut=cut) for cut in (*cuts, LATER)]


def mend(store, *, looks, settled_before=LATER):
    clock = Clock()
    lost = LostRevisions(store, strategies=["main"], clock=clock)
    for _ in range(looks):
        lost.mend(lambda: settled_before)
        clock.now += LOOK_EVERY_US


def summed(letters, cut=LATER):
    """The statistics by adding up what was told up to a cut."""
    sums = defaultdict(lambda: (0, 0, 0))
    for letter in letters:
        for sign, movements in ((1, letter.data.contributions), (-1, letter.data.replaced)):
            for one in movements if letter.data.sequence <= cut else ():
                key = ("main", one.allocation, one.session, one.arm, one.regime, one.reward, one.version)
                moved = (one.n, one.total, one.squares)
                sums[key] = tuple(now + sign * more for now, more in zip(sums[key], moved, strict=True))
    return [(*key, *row) for key, row in sorted(sums.items()) if any(row)]


def test_whatever_is_lost_comes_and_no_session_waits_for_it(store, letters):
    dice = random.Random(3)
    take(store, [letter for letter in letters if dice.random() < 0.5])
    assert any(at_every_cut(store)[0])
    mend(store, looks=2)
    open_, found = at_every_cut(store)
    assert [0] * SESSIONS == open_
    assert summed(letters) == found[-1]
    take(store, letters)
    assert (open_, found) == at_every_cut(store)


@sqlite_only
def test_what_was_told_last_of_an_example_is_as_if_it_had_come(store, letters):
    newest = {letter.data.example_id: letter.data.revision for letter in letters}
    take(store, [letter for letter in letters if letter.data.revision < newest[letter.data.example_id]])
    mend(store, looks=2)
    open_, found = at_every_cut(store)
    with store.read() as reading:
        cuts = sorted(reading.execute(select(sessions.c.cut)).scalars())
    assert [0] * SESSIONS == open_
    assert [summed(letters, cut) for cut in (*cuts, LATER)] == found


@sqlite_only
def test_what_is_on_its_way_is_waited_for(store, letters):
    take(store, letters[::2])
    before = at_every_cut(store)
    mend(store, looks=1)
    mend(store, looks=5, settled_before=NOW // 1_000)
    with store.begin() as work:
        Outbox(work.connection).add("attribution", "outcome.attributed", b"{}", now=NOW)
        work.commit()
    mend(store, looks=5)
    assert before == at_every_cut(store)
