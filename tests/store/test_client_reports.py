import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from schemas.client import ClientReported
from schemas.event import Envelope
from store.client_reports import ClientReports
from store.tables import client_reports
from tests import lengths


@pytest.fixture
def reports(store):
    with store.begin() as work:
        yield ClientReports(work.connection)


def said(time, client="bot", strategy="main", **more):
    data = ClientReported(client=client, strategy=strategy, **more)
    return Envelope(source="bot", id=f"{client}-{time}", time=time, data=data)


def test_the_newest_word_of_a_client_stands_and_a_repeat_or_an_older_one_changes_nothing(reports):
    for time, sent in ((5, 1), (9, 2), (9, 3), (7, 4)):
        reports.record(said(time, sent={"alert.raised": sent}), now=1)
    [report] = reports.latest()
    assert (9, {"alert.raised": 2}) == (report.time, report.said.sent)


def test_clients_of_two_strategies_are_two(reports):
    reports.record(said(1), now=1)
    reports.record(said(2, strategy="other"), now=1)
    assert ["other", "main"] == [report.strategy for report in reports.latest()]
    assert ["other"] == [report.strategy for report in reports.latest(since=1)]
    assert ["other"] == [report.strategy for report in reports.latest(limit=1)]


def test_remembers_when_more_was_dropped_also_after_a_client_began_anew(reports):
    found = []
    for time, dropped in enumerate(
        [{}, {"a": 2}, {"a": 2}, {"a": 2, "b": 1}, {}, {"a": 3}, {"a": 3}, {"a": 1}, {"a": 1}], start=1
    ):
        reports.record(said(time, dropped=dropped), now=1)
        found.append(reports.latest()[0].dropped_at)
    assert [None, 2, 2, 4, 4, 6, 6, 8, 8] == found


def test_forgets_those_that_were_not_heard_for_longest(reports):
    for number in range(6):
        reports.record(said(number + 1, client=f"c{number}"), now=1)
    reports.forget(keep=4)
    assert ["c5", "c4", "c3", "c2"] == [report.client for report in reports.latest()]
    reports.forget(keep=4)
    assert 4 == len(reports.latest())


@lengths.examples(40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations([(1, 0), (2, 3), (3, 3), (4, 1)]), st.randoms())
def test_the_end_does_not_depend_on_repeats(store, words, random):
    """Whatever order words come in, the newest of them stands."""
    with store.begin() as work:
        work.connection.execute(client_reports.delete())
        reports = ClientReports(work.connection)
        for time, dropped in [*words, random.choice(words)]:
            reports.record(said(time, dropped={"a": dropped}), now=1)
        [report] = reports.latest()
    assert (4, 1) == (report.time, report.dropped)
