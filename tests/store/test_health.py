import pytest

from schemas.reports import HealthOverview, HealthReported, HealthState
from store.health import HealthRows


@pytest.fixture
def rows(store):
    with store.begin() as work:
        yield HealthRows(work.connection)


def healthy(part="broker"):
    return HealthReported(part=part, state=HealthState.HEALTHY)


def test_the_history_is_shortened_by_age_and_by_number(rows):
    for now in range(1, 9):
        rows.record(healthy(), since=1, now=now)
    assert 2 == rows.shorten(before=3)
    assert [8, 7, 6, 5, 4, 3] == [row.recorded_at for row in rows.history("broker")]
    assert 4 == rows.shorten(before=0, keep=2)
    assert [8, 7] == [row.recorded_at for row in rows.history("broker")]
    assert 0 == rows.shorten(before=0)


def test_an_empty_history_has_nothing_to_shorten(rows):
    assert 0 == rows.shorten(before=5)


def test_the_last_word_takes_the_place_of_the_one_before(rows):
    assert rows.overview() is None
    for at in (1, 2):
        rows.look(HealthOverview(at=at, parts=[healthy(f"part-{at}")]))
    assert HealthOverview(at=2, parts=[healthy("part-2")]) == rows.overview()
