"""The engine against the oracle, on real prices: every example of every fifth session.

``make faults`` takes four years of all 258 stocks, ``make test`` two years of two with each kind of known defect and of
some others.
"""

import time
from collections import Counter

import pytest

from schemas.parameters import Market, Registry
from store.store import Store
from tests.workers.brute_force import Terms, answer
from tests.workers.desk import Desk, Stream
from tests.workers.known_defects import kind_of, places, table, touching
from tests.workers.real_market import ABSENT, DEFECTS, HORIZONS, INDICES, NOW, STOCKS, RealMarket, join

pytestmark = pytest.mark.skipif(not all(file.is_file() for file in (STOCKS, INDICES, DEFECTS)), reason=ABSENT)

NUMBERS = {
    "entry_price": "entry_price",
    "exit_price": "exit_price",
    "return": "earned",
    "mfe": "mfe",
    "mae": "mae",
    "volatility": "volatility",
    "benchmark": "benchmark",
}
EXACT = {"peak_after": "peak_after", "outcome_class": "class", "entry_time": "entered_at", "exit_time": "left_at"}
"""The columns of an example, and what the oracle calls them."""


@pytest.fixture(scope="module", params=["some", pytest.param("all", marks=pytest.mark.at_length)])
def market(request):
    return RealMarket(whole=request.param == "all")


@pytest.fixture(scope="module")
def joined(market, migrated, tmp_path_factory):
    """All examples, joined once by the engine."""
    file = tmp_path_factory.mktemp("market") / "learning.db"
    file.write_bytes(migrated.read_bytes())
    store = Store.open(f"sqlite:///{file}", clock=lambda: NOW)
    yield join(market, store)
    store.close()


@pytest.fixture(scope="module")
def compared(market, joined):
    """Every example beside the oracle's answer."""
    settled = market.exchange.place[market.sessions[-1]]
    begun = time.perf_counter()
    found = [
        (alert, horizon, joined.rows[alert.name, horizon], oracle(market, alert, horizon, settled))
        for alert in market.alerts
        for horizon in HORIZONS
    ]
    print(f"\ntaken in {joined.taking:.1f} s, settled in {joined.settling:.1f} s, ", end="")
    print(f"answered by the oracle in {time.perf_counter() - begun:.1f} s")
    return found


def oracle(market, alert, horizon, settled):
    return answer(
        alert.question,
        horizon,
        series=market.stocks[alert.symbol],
        exchange=market.exchange,
        terms=Terms(),
        settled=settled,
        benchmark=market.benchmark,
    )


def differences(row, expected, sign):
    """The columns in which the engine's row is not what the oracle says."""
    for column, name in NUMBERS.items():
        if not near(row[column], expected.get(name)):
            yield column
    for column, name in EXACT.items():
        if row[column] != expected.get(name):
            yield column
    known = row["return"] is not None and row["benchmark"] is not None
    if not near(row["return"] - sign * row["benchmark"] if known else None, expected.get("relative")):
        yield "relative"


def near(ours, theirs):
    if ours is None or theirs is None:
        return ours is theirs
    return abs(ours - theirs) <= 1e-12 * max(1.0, abs(theirs))


def test_all_figures_are_those_of_plain_loops_over_the_bars(compared):
    wrong = [
        (alert.name, horizon, column)
        for alert, horizon, row, expected in compared
        for column in differences(row, expected, alert.question.sign)
    ]
    assert [] == wrong[:10], Counter(column for _, _, column in wrong)
    least = 240_000 if len(compared) > 200_000 else 0.8 * len(compared)
    assert least < sum(row.state == "matched" for _, _, row, _ in compared)
    assert {"before", "during", "after"} == {alert.when for alert, _, _, _ in compared}
    assert {"win", "neutral", "loss", None} == {row.outcome_class for _, _, row, _ in compared}


def test_all_states_reasons_and_marks_are_those_of_the_rules(compared):
    wrong = []
    for alert, horizon, row, expected in compared:
        ours = (row.state, kind_of(row), row.marks)
        theirs = (expected["state"], expected["kind"], "" if expected["jump"] is None else "jump")
        if ours != theirs:
            wrong.append((alert.name, horizon, ours, theirs))
    assert [] == wrong[:10], len(wrong)
    found = Counter((row.state, kind_of(row)) for _, _, row, _ in compared)
    print(f"\n{dict(found)}, {sum(row.marks == 'jump' for _, _, row, _ in compared)} with a jump")
    assert {"nothing came", "stopped", "no entry", "no exit"} <= {kind for _, kind in found}
    assert found["pending", None] > 0


def test_every_alert_has_every_example_once(market, joined):
    assert {(alert.name, horizon) for alert in market.alerts for horizon in HORIZONS} == joined.rows.keys()
    assert [] == joined.refused


def of_kind(market, kind):
    found = [defect for defect in market.defects if defect.kind == kind]
    assert found
    return found


def test_a_row_that_lacks_a_price_is_refused_and_its_bar_is_missing(market, joined):
    refusals = market.refusals()
    defects = of_kind(market, "missing_ohl")
    assert sorted((defect.symbol, defect.date) for defect in defects) == sorted(refusals)
    assert all("open" in reason for reason in refusals.values())
    for defect in defects:
        for alert, horizon, row, first, last in touching(market, joined.rows, defect):
            whole = missing(market, defect.symbol).isdisjoint((first, last))
            assert ("matched" if whole else "censored") == row.state, (alert, horizon)


def missing(market, symbol):
    """The places of the data's sessions on which a symbol has no bar."""
    there = {market.exchange.within(end) for end in market.stocks[symbol].ends}
    return {market.exchange.place[session] for session in market.sessions} - there


def test_rows_without_volume_are_all_refused_for_their_prices(market):
    assert {(one.symbol, one.date) for one in of_kind(market, "zero_volume")} <= market.refusals().keys()


def test_bars_that_miss_between_entry_and_exit_are_passed_over_and_those_at_the_ends_censor(market, joined):
    for defect in of_kind(market, "gap_before_this_bar"):
        gap = set(places(market, defect))
        assert gap <= missing(market, defect.symbol)
        for alert, horizon, row, first, last in touching(market, joined.rows, defect):
            if not gap.isdisjoint((first, last)):
                assert "censored" == row.state, (alert, horizon)
            elif missing(market, defect.symbol).isdisjoint((first, last)):
                assert "matched" == row.state, (alert, horizon)


def test_what_was_told_long_before_the_first_bar_is_lost_and_shortly_before_is_censored(market, joined):
    lost_after = Terms().lost_after
    for defect in of_kind(market, "late_start"):
        begins = market.exchange.within(market.stocks[defect.symbol].ends[0])
        seen = Counter()
        for alert, horizon, row in examples_of(market, joined, defect.symbol):
            first = market.exchange.entered(alert.question.time)
            given_up = first + int(horizon[:-1]) - 1 + lost_after
            if first < begins:
                expected = "lost" if given_up < begins else "censored"
                if given_up <= market.exchange.place[market.sessions[-1]]:
                    assert expected == row.state, (alert, horizon)
                    seen[expected] += 1
        assert seen["lost"] > 0
        assert seen["censored"] > 0


def examples_of(market, joined, symbol):
    for alert in market.alerts:
        if alert.symbol == symbol:
            for horizon in HORIZONS:
                yield alert, horizon, joined.rows[alert.name, horizon]


def test_opens_and_closes_beyond_the_highs_and_lows_count_as_extremes(market, joined):
    for defect in of_kind(market, "open_or_close_outside_high_low"):
        bar = bar_on(market, defect)
        assert min(bar.open, bar.close) < bar.low or max(bar.open, bar.close) > bar.high
        for alert, _, row, _, _ in touching(market, joined.rows, defect):
            if row.state == "matched":
                best, worst = row.entry_price * (1 + row.mfe), row.entry_price * (1 + row.mae)
                if alert.question.sign < 0:
                    best, worst = row.entry_price * (1 - row.mae), row.entry_price * (1 - row.mfe)
                assert best >= max(bar.open, bar.close) - 1e-9
                assert worst <= min(bar.open, bar.close) + 1e-9


def bar_on(market, defect):
    series = market.stocks[defect.symbol]
    return series.bars[series.ending(market.exchange.closes[market.exchange.place[defect.date]])]


JUMP = "abs_return_over_25pct"


def test_moves_beyond_the_guard_are_marked_and_counted_as_they_are(market, joined):
    for defect in of_kind(market, JUMP):
        on = market.exchange.place[defect.date]
        marked = 0
        for alert, horizon, row, first, last in touching(market, joined.rows, defect):
            if first < on and missing(market, defect.symbol).isdisjoint((first, last)):
                assert ("matched", "jump") == (row.state, row.marks), (alert, horizon)
                marked += 1
        assert marked > 0


def test_the_hold_after_a_move_beyond_the_guard_ends_with_the_third_session_after_it(market, migrated, tmp_path):
    hold = Terms().hold
    for number, defect in enumerate(of_kind(market, JUMP)):
        file = tmp_path / f"{number}.db"
        file.write_bytes(migrated.read_bytes())
        store = Store.open(f"sqlite:///{file}", clock=lambda: NOW)
        states = standing_by_session(market, defect, store, upto=hold + 1)
        assert [("pending", "jump")] * hold + [("matched", "jump")] * 2 == states, defect
        store.close()


def standing_by_session(market, defect, store, *, upto):
    """State and mark of an alert of the session before, at 2d, after the session of the move and each one following."""
    desk = Desk(store, rules=Registry(market=Market(horizons=["2d"], primary_horizon="2d", sources=["scanner"])))
    stream, exchange, series = Stream(), market.exchange, market.stocks[defect.symbol]
    on = exchange.place[defect.date]
    desk.take(stream.alert("it", exchange.opens[on - 1], symbol=defect.symbol))
    states = []
    for place in range(on - 1, on + upto + 1):
        bar = series.bars[series.ending(exchange.closes[place])]
        desk.take(
            stream.bar(exchange.names[place], *bar[2:6], symbol=defect.symbol), stream.closed(exchange.names[place])
        )
        desk.rest()
        row = desk.example("main/alert/it/2d/prices")
        states.append((row["state"], row["marks"]))
    assert "pending" == states[0][0]
    return states[1:]


def test_every_known_defect_has_a_row_in_the_table(market, joined):
    rows = list(table(market, joined.rows))
    print("", *(" | ".join(row) for row in rows), sep="\n")
    assert len(market.defects) == len(rows)
    assert all(came_out for _, _, _, came_out in rows)
