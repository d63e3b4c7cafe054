import msgspec
import pytest
from sqlalchemy import func, select

from schemas.discovery import DiscoveryCompleted
from schemas.price import PriceObserved
from schemas.session import SessionClosed
from schemas.thesis import ThesisFormed
from schemas.vocabulary import Recommendation, Side
from store.tables import alerts, decisions, discovery_runs, fills, instruments, outcomes, prices, theses
from tests.workers.desk import Desk, Stream, registry


@pytest.fixture
def desk(store):
    return Desk(store, strategies=("main", "second"))


@pytest.fixture
def stream():
    return Stream()


def count(desk, table):
    with desk.store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def bar(stream, **wrong):
    good = {"symbol": "AAPL", "interval": "1d", "open": 2, "high": 3, "low": 1, "close": 2}
    return stream.event(PriceObserved(**good | wrong), "2023-01-05 21:00")


def test_an_unknown_strategy_is_refused_with_the_known_ones(desk, stream):
    [reason] = desk.take(stream.alert("a", "2023-01-04 15:00", strategy="mian"))
    assert "strategy 'mian' is unknown here; known: 'main', 'second'" == reason


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
@pytest.mark.parametrize("price", [0, -1])
def test_a_price_that_is_not_positive_is_refused(desk, stream, name, price):
    [reason] = desk.take(bar(stream, **{name: price}))
    assert reason.startswith(f"data.{name} is {price}; it must be above 0")
    assert 0 == count(desk, prices)


def test_prices_of_decisions_fills_and_outcomes_are_looked_at_too(desk, stream):
    reasons = desk.take(
        stream.alert("a", "2023-01-04 15:00", price=-1),
        stream.decision("d", "2023-01-04 15:00", stop=0),
        stream.fill("f", "2023-01-04 15:00", side=Side.BUY, quantity=1, price=0),
        stream.outcome("o", "2023-01-04 15:00", decision_id="d", exit_price=-0.5),
    )
    assert ["data.price is -1", "data.stop is 0", "data.price is 0", "data.exit_price is -0.5"] == [
        one.split(";")[0] for one in reasons
    ]


def test_where_the_registry_allows_it_a_price_may_be_negative(store, stream):
    desk = Desk(store, rules=registry(nonpositive_prices=True))
    assert [] == desk.take(bar(stream, low=-37.63))


def test_an_outcome_of_nothing_is_refused_with_the_right_form(desk, stream):
    [reason] = desk.take(stream.outcome("o", "2023-01-05 15:00", symbol="AAPL", net=0.1))
    assert "send decision_id, alert_id or position_id" in reason
    assert 0 == count(desk, outcomes)


@pytest.mark.parametrize(
    ("sort", "key", "table"),
    [("alert", "alert_id", alerts), ("decision", "decision_id", decisions), ("outcome", "outcome_id", outcomes)],
)
def test_a_name_that_belongs_to_another_event_is_refused(desk, stream, sort, key, table):
    more = {"decision_id": "d"} if sort == "outcome" else {}
    first, second = (getattr(stream, sort)("x", "2023-01-04 15:00", **more) for _ in range(2))
    assert [] == desk.take(first)
    for _ in range(2):
        [reason] = desk.take(second, first)
        assert f"{key} 'x' already belongs to event 'e1' of 'scanner'; give each its own" == reason
    assert 1 == count(desk, table)


def test_two_strategies_may_use_the_same_name(desk, stream):
    assert [] == desk.take(*(stream.alert("x", "2023-01-04 15:00", strategy=name) for name in ("main", "second")))
    assert 2 == count(desk, alerts)


def test_an_event_name_that_comes_again_with_other_content_is_a_repeat(desk, stream):
    alert = stream.alert("x", "2023-01-04 15:00")
    other = msgspec.structs.replace(alert, data=msgspec.structs.replace(alert.data, alert_id="y"))
    assert [] == desk.take(alert, other)
    assert 1 == count(desk, alerts)


def test_a_bar_under_the_name_of_another_bar_is_a_repeat(desk, stream):
    first, second = bar(stream), stream.bar("2023-01-06", 2, 3, 1, 2)
    twice = msgspec.structs.replace(stream.bar("2023-01-06", 7, 8, 6, 7), id=first.id)
    assert [] == desk.take(first, second)
    assert [] == desk.take(twice)
    assert 2 == count(desk, prices)


def test_a_time_that_the_calendar_does_not_reach_is_refused(desk, stream):
    far = [stream.alert("a", "1985-01-04 15:00"), stream.decision("d", "2035-12-31 15:00")]
    reasons = desk.take(*far, stream.alert("b", "2023-01-04 15:00"))
    assert 2 == len(reasons)
    assert all("outside of" in reason for reason in reasons)
    assert 1 == count(desk, alerts)


def test_a_session_on_which_nobody_trades_cannot_close(desk, stream):
    [reason] = desk.take(
        stream.closed("2023-01-04"),
        stream.event(SessionClosed(session="2023-01-07"), "2023-01-07 21:00"),
    )
    assert "session 2023-01-07 is not a session of XNYS" in reason


def test_a_session_that_has_not_begun_cannot_close(desk, stream):
    [reason] = desk.take(
        stream.event(SessionClosed(session="2023-01-05"), "2023-01-05 14:30"),
        stream.event(SessionClosed(session="2023-12-29"), "2023-01-05 21:00"),
    )
    assert "session 2023-12-29 begins at 2023-12-29T14:30:00Z, after this event, of 2023-01-05T21:00:00Z" in reason


@pytest.mark.parametrize("first", ["Y", None])
@pytest.mark.parametrize("together", [True, False])
def test_a_second_change_of_a_symbol_and_session_that_says_something_else_is_refused(desk, stream, first, together):
    told, same, other = (stream.changed("X", "2023-01-05", renamed_to=name) for name in (first, first, "Z"))
    elsewhere = stream.changed("X", "2023-01-05", renamed_to="Z", venue="XETR")
    batches = [(told, same, other, elsewhere)] if together else [(told,), (same, other), (elsewhere,)]
    [reason] = [reason for batch in batches for reason in desk.take(*batch)]
    means = "is renamed to 'Y'" if first else "ends"
    assert f"'X' {means} on 2023-01-05, as event 'e1' of 'scanner' says; a symbol changes once a session" == reason


@pytest.mark.parametrize("told", [{"unit": "thesis/x"}, {"symbol": "thesis"}])
def test_a_unit_with_the_name_of_a_thesis_is_refused(desk, stream, told):
    reasons = desk.take(stream.alert("a", "2023-01-04 15:00", **told), stream.decision("d", "2023-01-04 15:00", **told))
    assert ["kept for theses" in reason for reason in reasons] == [True, True]
    assert [0, 0] == [count(desk, table) for table in (alerts, decisions)]


def test_what_is_refused_stops_nothing_else(desk, stream):
    [reason] = desk.take(
        stream.alert("a", "2023-01-04 15:00"), bar(stream, close=0), stream.alert("b", "2023-01-04 15:00")
    )
    assert reason.startswith("data.close is 0")
    assert 2 == count(desk, alerts)


def test_every_field_of_a_fact_is_kept(desk, stream):
    alert = stream.alert("a", "2023-01-04 15:00", features={"squeeze": 0.5}, theme="solar", rsi=55.0)
    desk.take(alert)
    with desk.store.read() as connection:
        body = connection.execute(select(alerts.c.body)).scalar_one()
    assert alert.data == msgspec.json.decode(body, type=type(alert.data))


def test_runs_theses_and_fills_are_kept(desk, stream):
    run = DiscoveryCompleted(run_id="r", universe_size=5, candidate_count=1)
    thesis = ThesisFormed(thesis_id="t", symbol="AAPL", recommendation=Recommendation.HOLD)
    desk.take(
        stream.event(run, "2023-01-04 15:00"),
        stream.event(thesis, "2023-01-04 15:00"),
        stream.fill("f", "2023-01-04 15:00", side=Side.BUY, quantity=1, price=5),
    )
    assert [1, 1, 1] == [count(desk, table) for table in (discovery_runs, theses, fills)]


def test_a_bar_whose_high_lies_below_its_low_is_refused(desk, stream):
    [reason] = desk.take(bar(stream, high=1, low=2))
    assert "data.high is 1" in reason
    assert "below data.low, 2" in reason


def test_of_a_batch_the_first_outcomes_wait_while_there_is_room(store, stream):
    desk = Desk(store, rules=registry(waiting_limit=3))
    known = stream.outcome("known", "2023-01-04 16:00", alert_id="a")
    early = [stream.outcome(f"o{n}", "2023-01-04 16:00", alert_id=f"later {n}") for n in range(5)]
    reasons = desk.take(stream.alert("a", "2023-01-04 15:00"), *early, known)

    said = "3 outcomes already wait for what they are the outcome of, in strategy 'main', and its registry allows 3"
    assert [said, said] == [reason.split(" (waiting_limit)")[0] for reason in reasons]
    with desk.store.read() as connection:
        assert {"o0", "o1", "o2", "known"} == set(connection.execute(select(outcomes.c.outcome_id)).scalars())
    assert [] == desk.take(*early[:3]), "a repeat needs no room"


def test_currencies_are_one_however_they_are_written(desk, stream):
    told = [
        stream.alert("a", "2023-01-04 15:00", currency="usd"),
        bar(stream, currency="Usd"),
        stream.decision("d", "2023-01-04 15:01", currency="USD"),
    ]
    assert [] == desk.take(*told)
    assert "USD" == desk.fact(instruments, symbol="AAPL")["currency"]
    [reason] = desk.take(stream.alert("b", "2023-01-04 15:00", currency="eur"))
    assert reason.startswith("currency is 'EUR', but 'AAPL' was told in 'USD' before")


def nameless(event, *, entry):
    """The same event, which brought no id and is named after its entry."""
    return msgspec.structs.replace(event, id=entry, entry=entry)


def test_another_event_without_an_id_in_an_entry_that_was_here_before_is_refused(desk, stream):
    first, other = stream.alert("a", "2023-01-04 15:00"), stream.alert("b", "2023-01-04 15:00")
    assert [] == desk.take(nameless(first, entry="alert.raised/7-0"))
    assert [] == desk.take(nameless(first, entry="alert.raised/7-0"))
    [reason] = desk.take(nameless(other, entry="alert.raised/7-0"))
    assert reason.startswith("entry alert.raised/7-0 of 'scanner' was here before with alert_id 'a', now with 'b'")
    assert 1 == count(desk, alerts)


def test_another_close_without_an_id_in_an_entry_that_was_here_before_is_refused(desk, stream):
    first, other = stream.closed("2023-01-04"), stream.closed("2023-01-05")
    assert [] == desk.take(nameless(first, entry="session.closed/7-0"))
    assert [] == desk.take(nameless(first, entry="session.closed/7-0"))
    [reason] = desk.take(nameless(other, entry="session.closed/7-0"))
    assert "with session '2023-01-04', now with '2023-01-05'" in reason
