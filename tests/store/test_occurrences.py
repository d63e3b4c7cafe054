"""Neither order nor batches, repeats or revisions can change how a pattern has done."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import func, select

from learning.pattern import Occurrence, contribution, merged
from store.errors import StoreRefused
from store.occurrences import (
    SCALE,
    OccurrenceRow,
    Occurrences,
    PatternSums,
    occurrences_at,
    patterns_of,
    standing_of,
)
from store.tables import occurrences, patterns
from store.tallies import Tallies, occurred
from tests import lengths
from tests.databases import long_on_postgresql

SLOT = ("alert", "5d", "prices")
SIGNATURES = ("gap=(-inf,0.5)", "gap=[0.5,inf)")


def row(fact, revision, *, sequence=None, strategy="main", session="2024-01-02", signature=SIGNATURES[0], **more):
    subject, horizon, origin = SLOT
    made = OccurrenceRow(
        fact=fact,
        horizon=horizon,
        origin=origin,
        revision=revision,
        strategy=strategy,
        sequence=fact if sequence is None else sequence,
        subject=subject,
        alert_id=f"a{fact}",
        symbol="S",
        session=session,
        signature=signature,
        regime="all",
        entry_time=None,
        exit_time=None,
        net=10_000,
        won=0,
        mae=-5_000,
        holding=5,
        confidence=None,
    )
    return made._replace(**more)


def record(store, *batches):
    for batch in batches:
        with store.begin() as work:
            Occurrences(work.connection).record(batch)
            work.commit()


def kept(store, strategy="main"):
    """The rows of the patterns, exactly as they lie there."""
    with store.read() as reading:
        found = reading.execute(select(patterns).where(patterns.c.strategy == strategy))
        return sorted(tuple(one) for one in found)


def at(store, cut, *, strategy="main", since="2024-01-01", most=1_000):
    with store.read() as reading:
        return occurrences_at(reading, strategy, slot=SLOT, since=since, until="2024-12-31", cut=cut, most=most)


def oracle(rows):
    """The sums of the highest revision of each occurrence, by ``learning.pattern``."""
    newest = {}
    for one in sorted(rows, key=lambda one: one.revision):
        newest[one.key] = one
    by_key = {}
    for one in newest.values():
        if one.pattern is not None:
            by_key.setdefault(one.pattern, []).append(one)
    return {key: merged(contribution(_occurrence(one), bound=1.0) for one in found) for key, found in by_key.items()}


def _occurrence(one):
    def fraction(number):
        return None if number is None else number / SCALE

    return Occurrence(
        net=fraction(one.net),
        won=bool(one.won),
        session=0,
        holding=one.holding,
        mae=fraction(one.mae),
        confidence=fraction(one.confidence),
    )


@st.composite
def histories(draw):
    """Occurrences with all of their revisions, numbered and dated as attribution does."""
    sequence = count(1)
    rows = []
    for fact in range(1, draw(st.integers(1, 5)) + 1):
        for revision in range(1, draw(st.integers(1, 4)) + 1):
            known = draw(st.booleans())
            rows.append(
                row(
                    fact,
                    revision,
                    sequence=next(sequence),
                    signature=draw(st.sampled_from([*SIGNATURES, None])),
                    regime=draw(st.sampled_from(["all", "bear"])),
                    net=draw(st.integers(-3 * SCALE, 3 * SCALE)) if known else None,
                    won=draw(st.integers(0, 1)) if known else None,
                    mae=draw(st.none() | st.integers(-SCALE, 0)) if known else None,
                    holding=draw(st.none() | st.integers(1, 30)) if known else None,
                    confidence=draw(st.none() | st.integers(0, SCALE)) if known else None,
                )
            )
    return rows


@st.composite
def deliveries(draw, rows):
    """The same in any order, some of them again, in batches of any size."""
    again = draw(st.lists(st.sampled_from(rows), max_size=5))
    shuffled = draw(st.permutations([*rows, *again]))
    batches, rest = [], list(shuffled)
    while rest:
        size = draw(st.integers(1, len(rest)))
        batches.append(rest[:size])
        rest = rest[size:]
    return batches


fresh = count()


@long_on_postgresql
@lengths.examples(60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_delivery_leaves_what_the_highest_revisions_add_up_to(store, data):
    number = next(fresh)
    strategy = f"strategy-{number}"
    rows = [
        one._replace(strategy=strategy, fact=one.fact + 1_000 * number, alert_id=f"{number}-{one.fact}")
        for one in data.draw(histories())
    ]

    record(store, *data.draw(deliveries(rows)))

    expected = oracle(rows)
    with store.read() as reading:
        found = {one[:6]: one for one in patterns_of(reading, strategy)}
        held = reading.execute(select(func.count()).where(occurrences.c.strategy == strategy)).scalar_one()
        assert len(rows) == held == Tallies(reading).value(occurred(strategy))
        for key, made in expected.items():
            sums = found[key]
            standing = standing_of(reading, sums)
            assert (made.returns.n, made.wins, made.returns.total, made.returns.squares) == sums[6:10]
            assert (made.held, made.holding, made.forecasts.n, made.forecasts.total) == sums[10:14]
            assert (made.hits, made.misses) == sums[14:]
            assert Counter(dict(made.nets.counts)) == Counter(one.net for one in standing)
            assert Counter(dict(made.maes.counts)) == Counter(one.mae for one in standing if one.mae is not None)
    assert found.keys() == expected.keys()
    for cut in range(len(rows) + 1):
        newest = {}
        for one in rows:
            if one.sequence <= cut:
                newest[one.fact] = one
        wanted = sorted(one for one in newest.values() if one.net is not None)
        assert wanted == at(store, cut, strategy=strategy)


def test_processes_that_take_in_revisions_of_one_occurrence_at_once_count_the_highest(store):
    rows = [row(fact, revision, net=1_000 * fact + revision) for fact in (1, 2) for revision in range(1, 21)]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(record, store, *([one] for one in rows[start::4])) for start in range(4)]:
            done.result()

    [made] = oracle(rows).values()
    [found] = kept(store)
    assert (2, made.returns.total, made.returns.squares) == (found[6], found[8], found[9])
    assert [1_020, 2_020] == [one.net for one in at(store, 2**60)]


def test_a_revised_outcome_leaves_the_table_as_if_the_wrong_one_had_never_come(stores):
    wrong = row(1, 1, net=400_000, won=1, mae=0, signature=SIGNATURES[1])
    right = row(1, 2, sequence=9, net=-20_000)
    other = row(2, 1, net=30_000, won=1)
    with_the_wrong_one, without = stores.fresh(lambda: 1), stores.fresh(lambda: 1)

    record(with_the_wrong_one, [wrong, other], [right])
    record(without, [other], [right])

    assert kept(without) == kept(with_the_wrong_one)
    assert at(without, 2**60) == at(with_the_wrong_one, 2**60)


def test_an_outcome_that_is_withdrawn_is_counted_no_longer(store):
    record(store, [row(1, 1)], [row(1, 2, net=None, won=None, mae=None, holding=None)])

    assert [] == kept(store)
    assert [] == at(store, 2**60)


def test_returns_are_winsorised_in_the_sums_alone(store):
    record(store, [row(1, 1, net=3 * SCALE, won=1)])

    with store.read() as reading:
        [sums] = patterns_of(reading, "main")
        assert (SCALE, SCALE**2) == (sums.total, sums.squares)
        assert [3 * SCALE] == [one.net for one in standing_of(reading, sums)]


def test_a_cut_leaves_out_what_was_dated_later(store):
    record(store, [row(1, 1, sequence=5, net=1), row(1, 2, sequence=9, net=2)])

    assert [[], [1], [1], [2]] == [[one.net for one in at(store, cut)] for cut in (4, 5, 8, 9)]


def test_what_a_revision_moved_out_of_the_sessions_is_not_looked_at(store):
    record(store, [row(1, 1, sequence=5, session="2024-01-03"), row(1, 2, sequence=9, session="2024-01-02")])

    assert [1, 0] == [len(at(store, cut, since="2024-01-03")) for cut in (8, 9)]


def test_revisions_and_what_has_no_outcome_leave_no_session_out(store):
    record(store, [row(1, revision, sequence=revision) for revision in range(1, 9)], [row(2, 1, net=None, won=None)])

    assert [8] == [one.revision for one in at(store, 99, most=1)]


def test_of_too_many_rows_whole_sessions_are_left_out_the_oldest_first(store):
    days = ["2024-01-02", "2024-01-03", "2024-01-04"]
    record(store, [row(fact, 1, session=days[fact // 10]) for fact in range(30)])

    assert range(30) == range(len(at(store, 99, most=30)))
    assert {"2024-01-03", "2024-01-04"} == {one.session for one in at(store, 99, most=29)}
    assert {"2024-01-04"} == {one.session for one in at(store, 99, most=10)}
    assert {"2024-01-03", "2024-01-04"} == {one.session for one in at(store, 99, since="2024-01-03")}


def test_strategies_do_not_mix(store):
    record(store, [row(1, 1), row(2, 1, strategy="other", net=1)])

    assert [10_000, 1] == [one[8] for name in ("main", "other") for one in kept(store, name)]


def test_a_sum_beyond_64_bits_is_refused_and_moves_nothing(store):
    most = PatternSums("main", SIGNATURES[0], *SLOT, "all", *(2**63 - 1,) * 10)
    with store.begin() as work:
        work.insert(patterns, [most._asdict()])
        work.commit()

    with pytest.raises(StoreRefused):
        record(store, [row(1, 1)])

    assert [tuple(most)] == kept(store)
    assert [] == at(store, 2**60)


def test_what_stood_is_in_an_order_that_does_not_hang_on_which_came_first(store):
    alerts = ["c", "a", "b", "d"]
    sessions = {"a": "2024-01-03", "b": "2024-01-02", "c": "2024-01-02", "d": "2024-01-03"}
    record(store, [row(place, 1, alert_id=name, session=sessions[name]) for place, name in enumerate(alerts, 1)])
    assert ["b", "c", "a", "d"] == [one.alert_id for one in at(store, 10)]
