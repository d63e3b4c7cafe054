"""Neither order nor batches, repeats or revisions can change what is learned."""

from collections import Counter
from itertools import count, pairwise

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from schemas.attributed import Contribution
from store.errors import StoreRefused, UnknownRow
from store.sessions import Sessions
from store.statistics import Journal, JournalRow, statistics_at, unapplied
from store.tallies import Tallies, told
from tests import lengths


def contribution(*, arm="a", session="2024-01-02", version="1-1", total=0, n=1):
    return Contribution(
        allocation="trial.1-1",
        arm=arm,
        regime="all",
        reward="alert_return:5d",
        session=session,
        version=version,
        propensity=5_000,
        n=n,
        total=total,
        squares=total * total,
    )


def row(example, revision, sequence, *, added=(), taken_back=(), strategy="main"):
    return JournalRow(example, revision, strategy, sequence, added, taken_back)


def record(store, *batches):
    for batch in batches:
        with store.begin() as work:
            Journal(work.connection).record(batch)
            work.commit()


def statistics(store, *, cut=2**62, strategy="main"):
    with store.read() as reading:
        return statistics_at(reading, strategy=strategy, cut=cut)


def sums(store, **where):
    return {(one.arm, one.session): (one.n, one.total, one.squares) for one in statistics(store, **where)}


fresh = count()


@st.composite
def histories(draw):
    """Revisions of examples, each of which takes back what the one before added; dated in any order."""
    rewards = st.integers(-1_000_000, 1_000_000)
    contributions = st.builds(
        lambda arm, session, total: contribution(arm=arm, session=session, total=total),
        st.sampled_from("abc"),
        st.sampled_from(["2024-01-02", "2024-01-03"]),
        rewards,
    )
    rows = []
    for number in range(draw(st.integers(1, 8))):
        stages = [[], *draw(st.lists(st.lists(contributions, max_size=2), min_size=1, max_size=4))]
        for revision, (old, new) in enumerate(pairwise(stages), start=1):
            rows.append(row(f"example-{number}", revision, draw(st.integers(1, 40)), added=new, taken_back=old))
    return rows


@st.composite
def deliveries(draw, rows):
    """The rows as a broker may bring them: shuffled, some of them again, cut into batches anywhere."""
    repeated = draw(st.lists(st.sampled_from(rows), max_size=10))
    order = draw(st.permutations([*rows, *repeated]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    return [order[start:end] for start, end in pairwise([0, *cuts, len(order)])]


def straight_sum(rows):
    n, total, squares = Counter(), Counter(), Counter()
    for one in rows:
        for sign, contributions in ((1, one.added), (-1, one.taken_back)):
            for each in contributions:
                key = (each.arm, each.session)
                n[key] += sign * each.n
                total[key] += sign * each.total
                squares[key] += sign * each.squares
    found = {key: (n[key], total[key], squares[key]) for key in n}
    return {key: value for key, value in found.items() if any(value)}


@lengths.examples(60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_statistics_are_the_straight_sum_at_every_cut_however_the_rows_arrive(store, data):
    strategy = f"strategy-{next(fresh)}"
    rows = [one._replace(strategy=strategy, example_id=strategy + one.example_id) for one in data.draw(histories())]
    batches = data.draw(deliveries(rows))

    record(store, *batches)

    for cut in (0, 1, 10, 20, 39, 40):
        expected = straight_sum([one for one in rows if one.sequence <= cut])
        assert expected == sums(store, cut=cut, strategy=strategy)


def test_adds_what_is_new_and_ignores_what_is_repeated(store):
    first = row("e1", 1, 1, added=[contribution(total=20_000)])
    with store.begin() as work:
        journal = Journal(work.connection)
        assert [True, False] == journal.record([first, first])
        assert [False, True] == journal.record([first, row("e2", 1, 2, added=[contribution(total=-5_000)])])
        work.commit()

    assert {("a", "2024-01-02"): (2, 15_000, 425_000_000)} == sums(store)


def test_a_revision_takes_back_exactly_what_it_replaces(store):
    old, new = contribution(arm="a", total=333_333), contribution(arm="b", total=-1)
    record(store, [row("e1", 1, 1, added=[old])], [row("e1", 2, 2, added=[new], taken_back=[old])])

    assert {("b", "2024-01-02"): (1, -1, 1)} == sums(store)


def test_a_revision_may_come_before_what_it_revises(store):
    old, new = contribution(total=333_333), contribution(total=7)
    record(store, [row("e1", 2, 2, added=[new], taken_back=[old])], [row("e1", 1, 1, added=[old])])

    assert {("a", "2024-01-02"): (1, 7, 49)} == sums(store)


def test_a_cut_does_not_see_what_was_dated_later(store):
    old, new = contribution(total=10), contribution(total=20)
    record(store, [row("e1", 1, 5, added=[old]), row("e1", 2, 9, added=[new], taken_back=[old])])

    assert {} == sums(store, cut=4)
    assert {("a", "2024-01-02"): (1, 10, 100)} == sums(store, cut=5)
    assert {("a", "2024-01-02"): (1, 10, 100)} == sums(store, cut=8)
    assert {("a", "2024-01-02"): (1, 20, 400)} == sums(store, cut=9)


def test_strategies_do_not_mix(store):
    record(store, [row("e1", 1, 1, added=[contribution(total=1)]), row("e2", 1, 2, strategy="other")])

    assert [] == statistics(store, strategy="other")
    assert 1 == len(statistics(store))


def test_a_sum_beyond_64_bits_is_refused_and_moves_nothing(store):
    big = contribution(total=0)
    big = [Contribution(**{name: getattr(big, name) for name in big.__struct_fields__} | {"squares": 2**62})]
    record(store, [row("e1", 1, 1, added=big)])

    with pytest.raises(StoreRefused):
        record(store, [row("e2", 1, 2, added=big)])
    with pytest.raises(StoreRefused):
        record(store, [row("e3", 1, 3, added=[*big, *big])])

    assert [2**62] == [one.squares for one in statistics(store)]


def tell(store, revisions, *, strategy="main"):
    """As if so many revisions of examples had been told."""
    with store.begin() as work:
        Tallies(work.connection).add(told(strategy), revisions)
        work.commit()


def settle(store, session, *, cut, **pending):
    with store.begin() as work:
        new = Sessions(work.connection).add("main", session, cut=cut, pending=pending, now=1)
        work.commit()
    return new


def missing(store, cut):
    with store.read() as reading:
        return unapplied(reading, strategy="main", cut=cut)


def test_knows_how_many_revisions_of_a_settled_session_are_still_on_their_way(store):
    tell(store, 3)
    tell(store, 9, strategy="other")
    settle(store, "2024-01-02", cut=8)
    tell(store, 1)
    settle(store, "2024-01-03", cut=10)

    assert 3 == missing(store, 8)
    record(store, [row("e4", 1, 9), row("e1", 2, 4)])
    assert 2 == missing(store, 8)
    assert 2 == missing(store, 10)
    record(store, [row("e1", 1, 2), row("e1", 2, 4), row("e2", 1, 8)])
    assert 0 == missing(store, 8)
    assert 0 == missing(store, 10)


def test_does_not_know_what_is_missing_at_a_cut_that_nothing_was_settled_at(store):
    with pytest.raises(UnknownRow, match="no settled session with the cut 3"):
        missing(store, 3)


def test_a_settled_session_keeps_what_it_was_settled_with(store):
    assert settle(store, "2024-01-02", cut=4, close=["2023-12-28", "2024-01-02"])
    assert not settle(store, "2024-01-02", cut=9, close=[])

    with store.read() as reading:
        kept = Sessions(reading).get("main", "2024-01-02")
    assert (4, {"close": ["2023-12-28", "2024-01-02"]}) == (kept.cut, kept.pending)
