from schemas.alert import AlertRaised
from schemas.event import Envelope
from schemas.parameters import Market, Registry
from schemas.session import SessionClosed
from tests.workers.desk import at
from workers.replay.batches import batches
from workers.replay.events import Replayed
from workers.replay.session_ends import SessionEnds

REGISTRIES = {"main": Registry(market=Market()), "coin": Registry(strategy="coin", market=Market(calendar="24/7"))}
LATER = at("2024-12-31 00:00")


def alert(time, *, strategy="main"):
    data = AlertRaised(strategy=strategy, alert_id=time, symbol="A", score=0.5)
    return Replayed(0, data.type, 1, Envelope(source="s", id=f"{strategy} {time}", time=at(time), data=data))


def closed(session, time):
    data = SessionClosed(session=session)
    return Replayed(0, data.type, 1, Envelope(source="s", id=session, time=at(time), data=data))


def ended(*events, registries=REGISTRIES, now=LATER):
    """The ids of the events, and the sessions that are closed between them."""
    found = list(SessionEnds(registries, now=now).after(events))
    assert list(range(len(found))) == [one.number for one in found]
    return [_told(one.envelope) if one.envelope else None for one in found]


def _told(envelope):
    if isinstance(envelope.data, SessionClosed) and envelope.id != envelope.data.session:
        return f"{envelope.source}: {envelope.data.strategy} {envelope.data.session}"
    return envelope.id


def test_a_session_ends_behind_its_last_event_and_so_do_those_without_any():
    assert [
        "main 2024-01-04 15:00",
        "main 2024-01-04 23:00",
        "replay: main 2024-01-04",
        "main 2024-01-05 12:00",
        "replay: main 2024-01-05",
        "replay: main 2024-01-08",
        "main 2024-01-09 15:00",
        "replay: main 2024-01-09",
    ] == ended(*map(alert, ["2024-01-04 15:00", "2024-01-04 23:00", "2024-01-05 12:00", "2024-01-09 15:00"]))


def test_what_happens_on_a_weekend_belongs_to_the_session_after_it():
    assert [
        "main 2024-01-05 15:00",
        "replay: main 2024-01-05",
        "main 2024-01-06 15:00",
        "main 2024-01-08 15:00",
        "replay: main 2024-01-08",
    ] == ended(*map(alert, ["2024-01-05 15:00", "2024-01-06 15:00", "2024-01-08 15:00"]))


def test_what_happens_at_midnight_belongs_to_the_day_that_ends():
    events = [alert(time, strategy="coin") for time in ("2024-01-04 15:00", "2024-01-05 00:00", "2024-01-05 00:01")]
    assert [
        "coin 2024-01-04 15:00",
        "coin 2024-01-05 00:00",
        "replay: coin 2024-01-04",
        "coin 2024-01-05 00:01",
        "replay: coin 2024-01-05",
    ] == ended(*events)


def test_what_happens_at_midnight_at_the_exchange_belongs_to_the_day_that_ends_too():
    assert [
        "main 2024-01-04 15:00",
        "main 2024-01-05 05:00",
        "replay: main 2024-01-04",
        "main 2024-01-05 05:01",
        "replay: main 2024-01-05",
    ] == ended(*map(alert, ["2024-01-04 15:00", "2024-01-05 05:00", "2024-01-05 05:01"]))


def test_every_declared_source_closes_it():
    registries = {"main": Registry(market=Market(sources=["bot", "feed"]))}
    assert ["main 2024-01-04 15:00", "bot: main 2024-01-04", "feed: main 2024-01-04"] == ended(
        alert("2024-01-04 15:00"), registries=registries
    )


def test_each_strategy_has_its_own_sessions():
    assert [
        "main 2024-01-05 15:00",
        "coin 2024-01-05 15:00",
        "replay: coin 2024-01-05",
        "coin 2024-01-06 15:00",
        "replay: coin 2024-01-06",
        "replay: main 2024-01-05",
    ] == ended(
        alert("2024-01-05 15:00"),
        alert("2024-01-05 15:00", strategy="coin"),
        alert("2024-01-06 15:00", strategy="coin"),
    )


def test_a_session_that_is_not_over_stays_open():
    events = [alert("2024-01-04 15:00"), alert("2024-01-05 15:00")]
    still_open = ended(*events, now=at("2024-01-05 20:59"))
    assert ["main 2024-01-04 15:00", "replay: main 2024-01-04", "main 2024-01-05 15:00"] == still_open
    assert "replay: main 2024-01-05" == ended(*events, now=at("2024-01-05 21:00"))[-1]


def test_a_session_is_closed_at_its_close_under_a_name_that_stays():
    [_, end] = SessionEnds(REGISTRIES, now=LATER).after([alert("2024-07-03 15:00")])
    assert at("2024-07-03 17:00") == end.envelope.time
    assert "session.closed/main/2024-07-03" == end.envelope.id


def test_what_is_refused_passed_over_unknown_or_outside_of_the_calendar_ends_nothing():
    refused = Replayed(0, "alert.raised", 1, None)
    unknown, ancient = alert("2024-01-04 15:00", strategy="unknown"), alert("1980-01-04 15:00")
    assert [None, "unknown 2024-01-04 15:00", "main 1980-01-04 15:00"] == ended(refused, unknown, ancient)


def test_a_told_end_does_not_open_its_session():
    assert ["2024-01-04"] == ended(closed("2024-01-04", "2024-01-04 21:00"))


def sizes(*events, size):
    return [(len(batch.events), len(batch.ends)) for batch in batches(events, size=size)]


def test_a_batch_ends_behind_the_end_of_a_session_or_when_it_is_full():
    events = [alert("2024-01-04 15:00")] * 5 + [closed("2024-01-04", "2024-01-04 21:00")] * 2
    events += [alert("2024-01-05 15:00")] * 2 + [Replayed(0, "alert.raised", 1, None)]
    assert [(7, 2), (3, 0)] == sizes(*events, size=100)
    assert [(3, 0), (3, 1), (1, 1), (3, 0)] == sizes(*events, size=3)
    assert [] == sizes(size=3)
