import itertools
import random
import shutil

import pytest
from sqlalchemy import func, select

from schemas.settings import Settings
from store.dead_letters import DeadLetters
from store.store import Store
from store.tables import replays, sessions
from tests.workers.desk import NYSE, Desk, at, registry
from tests.workers.replay.archive import NOW, Silent, rows_of, written, zipped
from tests.workers.replay.books import FACTS, FIRST, SYMBOLS, bar, books, event, scene
from workers.attribution import Attribution
from workers.replay.errors import UnreadableFile
from workers.replay.patience import Company
from workers.replay.replay import Options, Replay
from workers.replay.sorting import Sorter
from workers.replay.sources import Source

PLAIN = Options()
SESSIONS = 12
RULES = registry()
HISTORY = list(scene(SESSIONS))


BARS = """
type = "price.observed"
source = "vendor"
time = { column = "date", at = "close" }
[constants]
interval = "1d"
[columns]
symbol = "symbol"
open = "open"
high = "open"
low = "open"
close = "open"
"""


class Books:
    """A store of its own, and replays into it."""

    def __init__(self, folder, migrated, *, rules=RULES):
        folder.mkdir()
        self.store = Store.open(f"sqlite:///{shutil.copy(migrated, folder)}", clock=lambda: NOW)
        self.rules = rules
        self.desk = Desk(self.store, rules=rules)

    def replay(self, *paths, options=PLAIN, rows=None, stopped=lambda: False, watcher=None):
        return Replay(
            [Source(path, rows) for path in paths],
            options,
            worker=lambda on_settled: Attribution(
                self.store, registries={"main": self.rules}, clock=lambda: NOW, on_settled=on_settled
            ),
            store=self.store,
            registries={"main": self.rules},
            settings=Settings(),
            company=Company(lambda: NOW, lambda seconds: None, lambda: 0.5, stopped),
        ).run(watcher or Silent())

    def refusals(self):
        with self.store.read() as reading:
            return sorted((grave.entry.partition("@")[0], grave.reason) for grave in DeadLetters(reading).list())


@pytest.fixture
def shop(tmp_path, migrated):
    """Makes stores."""
    made = []

    def make(**more):
        made.append(Books(tmp_path / f"store-{len(made)}", migrated, **more))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


@pytest.fixture
def history(tmp_path):
    return written(tmp_path / "history.jsonl", HISTORY)


def stops_after(count):
    """Asks to stop at the ``count``-th time that it is asked."""
    asked = itertools.count()
    return lambda: next(asked) >= count


def test_the_books_are_those_that_the_streams_would_have_made(shop, history):
    replayed, streamed = shop(), shop()
    ended = replayed.replay(history)
    for one in HISTORY:
        streamed.desk.take(one)
        streamed.desk.rest()
    assert books(streamed.store) == books(replayed.store)
    assert len(HISTORY) == ended.taken
    assert {} == ended.reasons
    assert [("main", NYSE.shift(FIRST, number)) for number in range(SESSIONS)] == ended.settled


def test_the_order_of_lines_files_and_packing_change_nothing(shop, history, tmp_path):
    straight, shuffled = shop(), shop()
    straight.replay(history)
    lines = random.Random(3).sample(HISTORY, len(HISTORY))
    parts = [written(tmp_path / f"{number}.jsonl", lines[number::3]) for number in range(3)]
    shuffled.replay(zipped(parts[0]), *parts[1:])
    assert books(straight.store) == books(shuffled.store)
    assert cuts(straight.store) == cuts(shuffled.store)


def cuts(store):
    with store.read() as reading:
        return reading.execute(select(sessions.c.session, sessions.c.cut).order_by(sessions.c.session)).all()


def leaks(store):
    """Sessions whose cut does not part what came up to their end from what came later; and how many facts there are."""
    found, looked_at = set(), 0
    for table in [table for table in FACTS if "sequence" in table.c]:
        with store.read() as reading:
            told = reading.execute(select(table.c.sequence, table.c.time)).all()
        looked_at += len(told)
        for session, cut in cuts(store):
            if any((row.time <= NYSE.close_of(session)) != (row.sequence <= cut) for row in told):
                found.add(session)
    return found, looked_at


def test_a_cut_has_below_it_what_came_up_to_the_end_of_its_session_and_nothing_else(shop, history):
    place = shop()
    place.replay(history)
    bars = SESSIONS * len(SYMBOLS)
    assert (set(), len(HISTORY) - bars) == leaks(place.store)


def test_replayed_before_nothing_is_done(shop, history):
    place = shop()
    place.replay(history)
    watcher = Silent()
    ended = place.replay(history, watcher=watcher)
    assert ended.before
    assert (0, []) == (ended.taken, watcher.parts)
    assert (len(HISTORY), 0) == (ended.standing.taken, ended.standing.refused)


def test_from_the_start_everything_is_done_again_and_nothing_changes(shop, history):
    place = shop()
    place.replay(history)
    before = books(place.store)
    ended = place.replay(history, options=Options(from_start=True))
    assert not ended.before
    assert len(HISTORY) == ended.standing.taken
    assert before == books(place.store)


@pytest.mark.parametrize("count", [0, 1, 2, 7, SESSIONS - 1])
def test_stopped_anywhere_it_goes_on_from_there(shop, history, count):
    whole, broken = shop(), shop()
    whole.replay(history)
    first = broken.replay(history, stopped=stops_after(count))
    assert first.standing.finished_at is None
    watcher = Silent()
    second = broken.replay(history, watcher=watcher)
    assert (count == 0) == (first.taken == 0)
    assert first.taken + second.taken == len(HISTORY)
    assert second.standing.finished_at == NOW
    assert books(whole.store) == books(broken.store)
    assert set() == leaks(broken.store)[0]


def test_a_session_that_had_ended_but_not_settled_settles_before_anything_else(shop, history, monkeypatch):
    whole, broken = shop(), shop()
    whole.replay(history)
    with monkeypatch.context() as patched:
        patched.setattr(Attribution, "rest", lambda self, settled_before: None)
        broken.replay(history, stopped=stops_after(5))
    assert [] == cuts(broken.store)
    broken.replay(history)
    assert {NYSE.shift(FIRST, number) for number in range(4)} == leaks(broken.store)[0]
    assert books(whole.store, without=["sessions"]) == books(broken.store, without=["sessions"])


def test_what_is_refused_is_kept_with_its_reason_and_the_rest_is_not_hindered(shop, tmp_path):
    clean, spoilt = shop(), shop()
    clean.replay(written(tmp_path / "clean.jsonl", HISTORY))
    lines = ["no event", *HISTORY, event("bad", at("2024-01-04 15:00"), bar("AAPL", -5.0))]
    ended = spoilt.replay(written(tmp_path / "spoilt.jsonl", lines))
    assert books(clean.store) == books(spoilt.store)
    assert [
        (
            "spoilt.jsonl:1",
            "event begins with byte 0x6e (byte 0), expected a JSON object, which begins with {, "
            "or a MessagePack map, which begins with 0x80 to 0x8f, 0xde or 0xdf",
        ),
        (
            f"spoilt.jsonl:{len(lines)}",
            "data.open is -5.0; it must be above 0, unless the registry of 'main' says nonpositive_prices = true",
        ),
    ] == spoilt.refusals()
    assert (len(HISTORY), 2, 2) == (ended.taken, sum(ended.reasons.values()), ended.standing.refused)


def test_sessions_are_closed_by_the_calendar_where_nobody_told_their_ends(shop, tmp_path, history):
    told, calendar = shop(), shop()
    told.replay(history)
    silent = written(tmp_path / "silent.jsonl", scene(SESSIONS, closed=False))
    ended = calendar.replay(silent, options=Options(close_sessions=True))
    assert cuts(told.store) == cuts(calendar.store)
    assert SESSIONS == len(ended.settled)
    assert books(told.store, without=["closings"]) == books(calendar.store, without=["closings"])


def test_another_map_another_option_or_another_byte_is_another_replay(shop, tmp_path, history):
    place = shop()
    place.replay(history)
    assert not place.replay(history, options=Options(close_sessions=True)).before
    assert not place.replay(history, options=Options(strategy="main")).before
    assert not place.replay(written(tmp_path / "more.jsonl", [*HISTORY, ""])).before
    shutil.copy(history, tmp_path / "copy.jsonl")
    assert place.replay(tmp_path / "copy.jsonl").before
    with place.store.read() as reading:
        assert 4 == reading.execute(select(func.count()).select_from(replays)).scalar()


def test_the_same_table_by_another_map_is_another_replay(shop, tmp_path):
    place = shop()
    table = written(tmp_path / "bars.csv", ["symbol,date,open", "AAPL,2024-01-02,5"])
    assert not place.replay(table, rows=rows_of(tmp_path, BARS)).before
    assert not place.replay(table, rows=rows_of(tmp_path, BARS.replace("vendor", "feed"))).before
    assert place.replay(table, rows=rows_of(tmp_path, BARS)).before
    assert ["feed", "vendor"] == [row["source"] for row in books(place.store)["prices"]]


def test_a_damaged_file_leaves_the_books_as_they_are(shop, history, tmp_path):
    place = shop()
    before = books(place.store)
    packed = zipped(written(tmp_path / "a.jsonl", HISTORY))
    packed.write_bytes(packed.read_bytes()[:-50])
    with pytest.raises(UnreadableFile):
        place.replay(history, packed)
    assert before == books(place.store)


def test_a_file_without_events_is_done_at_once(shop, tmp_path):
    ended = shop().replay(written(tmp_path / "empty.jsonl", []))
    assert (False, 0, NOW) == (ended.before, ended.taken, ended.standing.finished_at)


def test_more_than_memory_holds_gives_the_same_books(shop, history, monkeypatch):
    straight, spilled = shop(), shop()
    straight.replay(history)
    monkeypatch.setattr("workers.replay.replay.Sorter", lambda: Sorter(memory=5_000, fan_in=3))
    spilled.replay(history)
    assert books(straight.store) == books(spilled.store)
    assert cuts(straight.store) == cuts(spilled.store)
