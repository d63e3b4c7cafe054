from datetime import datetime

import exchange_calendars
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from schemas.calendar import Calendar, NoSession
from schemas.errors import InvalidRegistry

NYSE = Calendar.named("XNYS")
ALWAYS = Calendar.named("24/7")
HONG_KONG = Calendar.named("XHKG")
MINUTE = 60_000_000


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("session", "moment", "why"),
    [
        ("2024-01-31", "2024-01-31T12:00:00-05:00", "while the exchange is open"),
        ("2024-01-31", "2024-01-31T00:00:00-05:00", "before the open"),
        ("2024-01-31", "2024-01-31T23:59:59.999999-05:00", "after the close, already the next day in UTC"),
        ("2024-02-01", "2024-02-01T00:00:00-05:00", "at midnight of the exchange"),
        ("2024-02-05", "2024-02-03T12:00:00-05:00", "on a Saturday"),
        ("2024-01-02", "2024-01-01T12:00:00-05:00", "on a holiday"),
        ("2024-07-01", "2024-06-30T23:00:00-04:00", "in daylight saving time"),
    ],
)
def test_a_moment_belongs_to_the_session_of_its_date_at_the_exchange_or_else_to_the_next(session, moment, why):
    assert session == NYSE.session_of(at(moment)), why


def test_a_market_that_never_closes_dates_its_sessions_in_utc():
    assert "2024-02-03" == ALWAYS.session_of(at("2024-02-03T23:59:59.999999+00:00"))
    assert "2024-02-04" == ALWAYS.session_of(at("2024-02-04T00:00:00+00:00"))
    assert at("2024-02-04T00:00:00+00:00") == ALWAYS.close_of("2024-02-03")


def test_the_first_open_is_the_one_at_that_very_moment_or_the_next_one():
    opening = at("2024-01-31T09:30:00-05:00")
    assert opening == NYSE.open_of("2024-01-31")
    assert "2024-01-31" == NYSE.first_open_at_or_after(opening)
    assert "2024-02-01" == NYSE.first_open_at_or_after(opening + 1)


@pytest.mark.parametrize(
    ("session", "moment"),
    [
        ("2024-01-30", "2024-01-31T15:59:59.999999-05:00"),
        ("2024-01-31", "2024-01-31T16:00:00-05:00"),
        ("2024-02-02", "2024-02-05T12:00:00-05:00"),
        ("2035-12-31", "2077-01-01T00:00:00-05:00"),
        (None, "1990-01-02T15:59:59-05:00"),
    ],
)
def test_the_last_closed_session_is_the_newest_whose_close_has_come(session, moment):
    assert session == NYSE.last_closed(at(moment))


@pytest.mark.parametrize(
    ("calendar", "begin"),
    [
        (NYSE, "2024-01-31T00:00:00-05:00"),
        (NYSE, "2024-07-01T00:00:00-04:00"),
        (ALWAYS, "2024-02-03T00:00:00+00:00"),
        (HONG_KONG, "2024-01-31T00:00:00+08:00"),
    ],
)
def test_a_session_begins_at_midnight_of_its_exchange(calendar, begin):
    assert at(begin) == calendar.begin_of(begin[:10])
    assert begin[:10] == calendar.session_of(at(begin))


@pytest.mark.parametrize(
    ("end", "moment", "minutes", "why"),
    [
        ("2024-01-31T14:00:00-05:00", "2024-01-31T10:00:00-05:00", 240, "within a session"),
        ("2024-01-31T13:30:00-05:00", "2024-01-31T08:00:00-05:00", 240, "before the open nothing counts"),
        ("2024-02-01T10:30:00-05:00", "2024-01-31T15:00:00-05:00", 120, "carried over into the next session"),
        (
            "2024-01-31T16:00:00-05:00",
            "2024-01-31T15:00:00-05:00",
            60,
            "it ends with the session, not at the next open",
        ),
        ("2024-01-31T16:00:00-05:00", "2024-01-30T16:00:00-05:00", 390, "from a close on, a whole session"),
        ("2024-02-05T10:00:00-05:00", "2024-02-03T12:00:00-05:00", 30, "from a Saturday"),
        ("2024-12-02T09:31:00-05:00", "2024-11-29T12:59:00-05:00", 2, "over an early close"),
        ("1990-01-02T11:00:00-05:00", "1990-01-02T10:00:00-05:00", 60, "within the first session of all"),
        ("2024-02-03T12:00:00-05:00", "2024-02-03T12:00:00-05:00", 0, "nothing has passed at once"),
    ],
)
def test_a_span_counts_only_time_in_which_the_exchange_is_open(end, moment, minutes, why):
    assert at(end) == NYSE.after(at(moment), minutes * MINUTE), why


def test_the_pause_at_noon_is_not_open_time():
    assert at("2024-01-31T13:30:00+08:00") == HONG_KONG.after(at("2024-01-31T11:30:00+08:00"), 60 * MINUTE)
    assert at("2024-01-31T12:00:00+08:00") == HONG_KONG.after(at("2024-01-31T11:30:00+08:00"), 30 * MINUTE)
    assert at("2024-01-31T13:01:00+08:00") == HONG_KONG.after(at("2024-01-31T12:10:00+08:00"), MINUTE)


@pytest.fixture(scope="module", params=["XNYS", "XHKG", "24/7", "CMES"])
def exchange(request):
    """Ours, and every minute of 2023 and 2024 in which it is open: its begin."""
    theirs = exchange_calendars.get_calendar(request.param, start="2023-01-01", end="2024-12-31", side="left")
    return Calendar.named(request.param), theirs.minutes_nanos // 1_000


@given(some.data())
def test_a_span_of_whole_minutes_ends_with_the_last_of_them(exchange, data):
    calendar, minutes = exchange
    first = data.draw(some.integers(0, len(minutes) - 2_001))
    count = data.draw(some.integers(1, 2_000))
    moment = data.draw(
        some.integers(int(minutes[first - 1]) + MINUTE if first else int(minutes[0]), int(minutes[first]))
    )
    assert minutes[first + count - 1] + MINUTE == calendar.after(moment, count * MINUTE)


@given(some.sampled_from([NYSE, HONG_KONG, ALWAYS]), some.integers(0, 10**15), *[some.integers(0, 10**12)] * 2)
def test_two_spans_one_after_the_other_are_their_sum(calendar, since, one, other):
    moment = at("1991-01-01T00:00:00+00:00") + since
    assert calendar.after(moment, one + other) == calendar.after(calendar.after(moment, one), other)


def test_a_span_that_leaves_the_calendar_is_refused():
    closing = NYSE.close_of(NYSE.sessions[-1])
    assert closing == NYSE.after(closing - MINUTE, MINUTE)
    with pytest.raises(NoSession, match="is outside of XNYS"):
        NYSE.after(closing - MINUTE, MINUTE + 1)
    with pytest.raises(NoSession, match="is outside of XNYS"):
        NYSE.after(at("1989-12-31T12:00:00+00:00"), MINUTE)


def test_a_place_leads_to_the_moments_of_its_session_and_nobody_can_change_them():
    place = NYSE.place("2024-11-29")
    assert "2024-11-29" == NYSE.sessions[place]
    assert (NYSE.open_of("2024-11-29"), NYSE.close_of("2024-11-29")) == (NYSE.opens[place], NYSE.closes[place])
    assert (np.int64, np.int64) == (NYSE.opens.dtype, NYSE.closes.dtype)
    with pytest.raises(ValueError, match="read-only"):
        NYSE.closes[place] = 0


def test_early_closes_are_known():
    assert at("2024-11-29T13:00:00-05:00") == NYSE.close_of("2024-11-29")


@pytest.mark.parametrize(
    ("later", "session", "by"), [("2024-04-01", "2024-03-28", 1), ("2024-03-28", "2024-04-01", -1)]
)
def test_shifting_counts_sessions_and_leaves_out_holidays(later, session, by):
    assert later == NYSE.shift(session, by)


@given(some.integers(0, len(NYSE.sessions) - 1), some.integers(0, len(NYSE.sessions) - 1))
def test_a_session_shifted_by_the_distance_is_the_other(one, other):
    earlier, later = NYSE.sessions[one], NYSE.sessions[other]
    assert other - one == NYSE.distance(earlier, later)
    assert later == NYSE.shift(earlier, NYSE.distance(earlier, later))


@given(some.sampled_from(NYSE.sessions), some.floats(0, 1))
def test_from_open_to_close_every_moment_belongs_to_the_session(session, part):
    opening, closing = NYSE.open_of(session), NYSE.close_of(session)
    assert session == NYSE.session_of(opening + int(part * (closing - opening)))
    assert session == NYSE.first_open_at_or_after(opening)


def test_a_date_without_a_session_is_refused_with_the_right_form():
    assert not NYSE.is_session("2024-12-25")
    with pytest.raises(NoSession, match=r"'2024-12-25' is not a session of XNYS"):
        NYSE.shift("2024-12-25", 1)


@pytest.mark.parametrize("moment", [at("1989-12-31T12:00:00+00:00"), at("2036-01-01T12:00:00+00:00"), 2**62, -(2**62)])
def test_a_moment_outside_of_the_calendar_is_refused(moment):
    with pytest.raises(NoSession, match="is outside of XNYS"):
        NYSE.session_of(moment)
    with pytest.raises(NoSession, match="is outside of XNYS"):
        NYSE.first_open_at_or_after(moment)


def test_a_shift_beyond_the_calendar_is_refused_and_does_not_wrap_around():
    with pytest.raises(NoSession, match="-1 sessions from 1990-01-02"):
        NYSE.shift("1990-01-02", -1)
    with pytest.raises(NoSession):
        NYSE.shift("2035-12-31", 1)


def test_an_unknown_exchange_is_refused_with_the_nearest_names():
    with pytest.raises(InvalidRegistry, match=r"'XNSY' is not known; did you mean .*XNYS"):
        Calendar.named("XNSY")
    with pytest.raises(InvalidRegistry, match="such as XNYS"):
        Calendar.named("???")


def test_an_exchange_whose_holidays_are_known_for_fewer_years_covers_those_years():
    shanghai = Calendar.named("XSHG")
    assert "Asia/Shanghai" == shanghai.timezone
    assert shanghai.is_session("2024-01-31")
    assert shanghai.sessions[-1] < "2035"


def test_a_calendar_is_made_once():
    assert Calendar.named("XNYS") is NYSE
