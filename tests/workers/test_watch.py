"""What two sides see is one picture, also while one of them hangs."""

import pytest

from schemas.reports import HealthState
from workers.checks.reading import Reading, Reason
from workers.watch import DIRECT_AFTER_US, MOST_WAITING, Watch

HEALTHY, DEGRADED, CRITICAL = HealthState
SILENT = 3_000_000


class Scene:
    def __init__(self, **known):
        self.now = 1_700_000_000_000_000
        self.watch = Watch(
            known=known,
            away={"broker": ("broker", "the broker is away"), "store": ("store", "the store is away")},
            silent_us=SILENT,
            clock=lambda: self.now,
            steady=lambda: self.now,
        )

    def look(self, side, *readings):
        self.watch.begin(side)
        self.watch.take(side, [Reading(side), *readings])
        self.watch.end(side)

    def states(self):
        return {part.part: part.state for part in self.watch.overview().parts}

    def reasons(self, name):
        return next(part.reasons for part in self.watch.overview().parts if part.part == name)


@pytest.fixture
def scene():
    scene = Scene()
    scene.look("broker", Reading("thompson"))
    scene.look("store", Reading("outbox"))
    return scene


def test_what_both_sides_found_is_in_the_overview(scene):
    assert dict.fromkeys(("broker", "outbox", "store", "thompson"), HEALTHY) == scene.states()
    assert scene.now == scene.watch.overview().at


def test_a_side_that_cannot_look_says_so_and_names_what_it_is_blind_for(scene):
    scene.watch.fail("store", "locked")
    assert {"broker": HEALTHY, "store": CRITICAL, "thompson": HEALTHY} == scene.states()
    assert ["the store is away: locked; of outbox nothing is known meanwhile"] == scene.reasons("store")
    scene.look("store", Reading("outbox"))
    assert HEALTHY is scene.states()["outbox"]


def test_a_side_that_hangs_is_told_by_the_other_one(scene):
    scene.watch.begin("store")
    scene.now += SILENT
    scene.look("broker", Reading("thompson"))
    assert HEALTHY is scene.states()["store"]
    scene.now += 1
    scene.look("broker", Reading("thompson"))
    assert CRITICAL is scene.states()["store"]
    assert "has not answered for 3.0 s (limit 3.0 s)" in scene.reasons("store")[0]
    assert "store" in {one.told.reported.part for one in scene.watch.unsent(store="store")}
    scene.watch.take("store", [Reading("store"), Reading("outbox")])
    scene.watch.end("store")
    assert HEALTHY is scene.states()["store"]


def test_whoever_asks_hears_that_a_side_hangs_also_when_both_do(scene):
    scene.watch.begin("store")
    scene.watch.begin("broker")
    scene.now += SILENT + 1
    assert {"broker": CRITICAL, "store": CRITICAL} == scene.states()
    assert {"broker", "store"} == set(scene.watch.shown())


def test_a_side_that_hangs_is_told_once_however_often_it_is_judged(scene):
    scene.watch.recorded(scene.watch.unrecorded())
    scene.watch.begin("store")
    for _ in range(5):
        scene.now += SILENT
        scene.watch.overview()
    assert ["store"] == [one.told.reported.part for one in scene.watch.unrecorded()]


def test_the_store_has_a_second_to_take_a_word_before_it_is_sent_without_it(scene):
    assert [] == scene.watch.unsent(store="store")
    scene.now += DIRECT_AFTER_US
    words = scene.watch.unsent(store="store")
    assert 4 == len(words)
    scene.watch.sent(words)
    assert [] == scene.watch.unsent(store="store")
    assert [True] * 4 == [one.sent for one in scene.watch.unrecorded()]
    scene.watch.recorded(scene.watch.unrecorded())
    assert [] == scene.watch.unrecorded()


def test_while_the_store_is_away_nothing_waits_for_it(scene):
    scene.watch.fail("store", "locked")
    assert "store" in {one.told.reported.part for one in scene.watch.unsent(store="store")}


def test_before_the_store_was_ever_seen_nothing_waits_for_it():
    scene = Scene()
    scene.look("broker")
    assert ["broker"] == [one.told.reported.part for one in scene.watch.unsent(store="store")]


def test_what_the_store_took_is_not_sent_again(scene):
    scene.watch.recorded(scene.watch.unrecorded())
    scene.now += DIRECT_AFTER_US
    assert [] == scene.watch.unsent(store="store")


def test_words_for_a_store_that_stays_away_are_bounded_and_the_oldest_go(scene):
    for number in range(MOST_WAITING):
        scene.now += 1
        scene.look("broker", Reading("thompson", (Reason(str(number), "x"),)))
    waiting = scene.watch.unrecorded()
    assert MOST_WAITING == len(waiting)
    assert scene.now == waiting[-1].told.at


def test_a_restart_keeps_since_when():
    scene = Scene(thompson=(DEGRADED, 5))
    scene.look("broker", Reading("thompson", (Reason("a", "b"),)))
    _, since = scene.watch.shown()["thompson"]
    assert 5 == since
