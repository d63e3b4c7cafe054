"""Over which sessions a horizon is measured."""

import pytest

from schemas.calendar import Calendar
from schemas.spans import places_of

NYSE = Calendar.named("XNYS")


@pytest.mark.parametrize(
    ("horizon", "entry", "first", "last"),
    [
        ("1d", "2024-03-28", "2024-03-28", "2024-03-28"),
        ("5d", "2024-03-28", "2024-03-28", "2024-04-04"),
        ("390m", "2024-03-28", "2024-03-28", "2024-03-28"),
        ("391m", "2024-03-28", "2024-03-28", "2024-04-01"),
        ("2d", "2024-03-29", "2024-04-01", "2024-04-02"),
    ],
)
def test_a_horizon_begins_with_its_entry_session_or_the_next_one_there_is(horizon, entry, first, last):
    places = places_of(horizon, NYSE, entry_session=entry)
    assert (first, last) == tuple(NYSE.sessions[place] for place in places)
