import pytest

from events.errors import Unfit
from events.moments import moment_text
from tests.workers.replay.archive import NYSE
from workers.replay.column_map import Column
from workers.replay.moments import moment_reader


def read(text, **more):
    return moment_text(moment_reader(Column(column="c", **more), "time", calendar=NYSE)(text))


def refusal(text, **more):
    with pytest.raises(Unfit) as raised:
        read(text, **more)
    return str(raised.value)


@pytest.mark.parametrize("text", ["2024-01-31T21:00:00Z", "2024-01-31 16:00:00-05:00", "2024-01-31T22:00:00.000+01:00"])
def test_a_time_with_its_zone_is_that_moment(text):
    assert "2024-01-31T21:00:00Z" == read(text)
    assert "2024-01-31T21:00:00Z" == read(text, zone="Asia/Tokyo")


@pytest.mark.parametrize(
    ("day", "at", "moment"),
    [
        ("2024-01-31", "open", "2024-01-31T14:30:00Z"),
        ("2024-01-31", "close", "2024-01-31T21:00:00Z"),
        ("2024-07-03", "close", "2024-07-03T17:00:00Z"),
        ("2024-07-05", "close", "2024-07-05T20:00:00Z"),
        ("2024-01-31", "09:31", "2024-01-31T14:31:00Z"),
        ("2024-07-05", "09:31", "2024-07-05T13:31:00Z"),
        ("2024-02-03", "08:00", "2024-02-03T13:00:00Z"),
        ("20240131", "close", "2024-01-31T21:00:00Z"),
        ("2024-01-31 00:00:00+00:00", "close", "2024-01-31T21:00:00Z"),
        ("2024-01-31T00:00:00", "close", "2024-01-31T21:00:00Z"),
        ("2024-01-31 00:00:00-05:00", "close", "2024-01-31T21:00:00Z"),
    ],
)
def test_a_date_gets_its_time_from_the_calendar(day, at, moment):
    assert moment == read(day, at=at)


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2010-01-04 09:00", "America/New_York", "2010-01-04T14:00:00Z"),
        ("2010-07-06T09:00:00.5", "America/New_York", "2010-07-06T13:00:00.500000Z"),
        ("2024-11-03 01:30", "America/New_York", "2024-11-03T05:30:00Z"),
        ("2024-01-31", "UTC", "2024-01-31T00:00:00Z"),
    ],
)
def test_a_local_time_is_of_its_zone(text, zone, moment):
    assert moment == read(text, zone=zone)


def test_the_start_of_a_bar_becomes_its_end():
    assert "2018-01-10T05:00:00Z" == read("2018-01-10T04:55:00Z", plus="5m")
    assert "2010-01-04T15:00:00Z" == read("2010-01-04 09:00", zone="America/New_York", plus="1h")
    assert "2024-01-31T14:30:10Z" == read("2024-01-31", at="open", plus="10s")


@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        ("2024-01-31", {}, 'time is "2024-01-31", expected a time with its zone, such as 2024-01-31T21:00:00Z'),
        ("2024-01-31 15:00:00", {}, "expected a time with its zone"),
        ("1700000000", {}, "expected a time with its zone"),
        ("31.01.2024", {"at": "close"}, 'time is "31.01.2024", expected a date such as 2024-01-31'),
        ("2024-02-30", {"at": "09:30"}, "expected a date such as 2024-01-31"),
        ("2024-01-31 15:30:00", {"at": "close"}, "a time of day: expected a date alone"),
        ("2024-02-03", {"at": "close"}, "'2024-02-03' is not a session of XNYS"),
        ("soon", {"zone": "UTC"}, "expected a time such as 2024-01-31 15:30"),
        ("2024-03-10 02:30", {"zone": "America/New_York"}, "an hour that clocks in America/New_York left out"),
    ],
)
def test_what_is_no_time_is_refused_with_the_right_form(text, more, reason):
    assert reason in refusal(text, **more)
