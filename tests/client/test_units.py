"""A program says its numbers as it has them, and they are what the wire has."""

import enum
from decimal import Decimal

import numpy as np
import pytest
from learning_client import EventPublisher, Misuse, ParameterClient, Switches, Units
from learning_client.compat import Learner

POINTS = Units(scores="0-100", confidences="0-100", returns="percent", changes="bps", sizes="bps", fractions="percent")


@pytest.fixture(params=[POINTS])
def teller(request, broker):
    publisher = EventPublisher(broker.url, source="points", switches=Switches(), units=request.param)
    yield publisher
    publisher.close(2.0)


@pytest.fixture
def told(broker, teller):
    def told(kind):
        assert teller.flush(10)
        return [{name: said for name, said in data.items() if name != "strategy"} for data in broker.told(kind)]

    return told


def test_an_alert_in_points_is_one_from_0_to_1(teller, told):
    teller.alert(
        symbol="AAPL",
        alert_id="a",
        score=73,
        confidence=57.0,
        component_scores={"squeeze": 57, "technical": None},
        features={"rsi": 61.0, "score": 80},
        short_interest_fraction=1.1,
        iv_percentile=29,
        spread_bps=12.0,
        price=190.2,
    )
    [alert] = told("alert.raised")
    assert {
        "alert_id": "a",
        "symbol": "AAPL",
        "score": 0.73,
        "confidence": 0.57,
        "component_scores": {"squeeze": 0.57},
        "features": {"rsi": 61.0, "score": 80},
        "short_interest_fraction": 0.011,
        "iv_percentile": 0.29,
        "spread_bps": 12.0,
        "price": 190.2,
    } == alert


def test_an_outcome_in_per_cent_is_one_in_fractions_and_so_are_its_fees(teller, told):
    teller.outcome(
        alert_id="a",
        outcome_id="o",
        return_=1.1,
        fees=0.07,
        net=None,
        mfe=float("nan"),
        returns={"1d": -0.3, "5d": 2.1},
    )
    [outcome] = told("outcome.observed")
    known = {"alert_id": "a", "outcome_id": "o", "horizon": "close"}
    assert {**known, "return": 0.011, "fees": 0.0007, "returns": {"1d": -0.003, "5d": 0.021}} == outcome


def test_the_fees_of_a_fill_are_an_amount(teller, told):
    teller.fill(symbol="AAPL", side="buy", quantity=10, price=190.2, fees=1.5)
    assert [1.5] == [fill["fees"] for fill in told("fill.reported")]


def test_a_decision_and_its_market_are_converted_each_in_its_unit(teller, told):
    teller.decision(
        symbol="AAPL",
        action="BUY",
        score=73,
        conviction=80,
        size=200,
        market={"spy_change": -35, "vix": 17.5},
        weights={"score": 0.2},
    )
    [decision] = told("decision.made")
    assert (0.73, 0.8, 0.02, {"score": 0.2}) == tuple(
        decision[name] for name in ("score", "conviction", "size", "weights")
    )
    assert {"spy_change": -0.0035, "vix": 17.5} == decision["market"]


def test_a_variance_is_converted_twice(teller, told):
    teller.discovery(universe_size=100, candidate_count=5, score_mean=55, score_variance=144.0)
    assert [(0.55, 0.0144)] == [(one["score_mean"], one["score_variance"]) for one in told("discovery.completed")]


@pytest.mark.parametrize("score", [np.float32(50), np.int64(50), Decimal("50.0"), True * 50])
def test_a_number_of_any_kind_is_a_number(teller, told, score):
    teller.alert(symbol="AAPL", score=score)
    assert [0.5] == [alert["score"] for alert in told("alert.raised")]


class Grade(enum.Enum):
    HIGH = 73


def test_an_enum_of_a_number_is_that_number(teller, told):
    teller.alert(symbol="AAPL", score=50, confidence=Grade.HIGH)
    assert [0.73] == [alert["confidence"] for alert in told("alert.raised")]


@pytest.mark.parametrize(
    "said",
    [
        {"score": True},
        {"score": np.True_},
        {"confidence": "73"},
        {"confidence": b"73"},
        {"confidence": np.str_("73")},
        {"component_scores": {"a": True}},
        {"component_scores": {"a": "57"}},
        {"short_interest_fraction": "1_1"},
    ],
)
def test_what_is_no_number_is_refused_as_without_units(teller, told, caplog, said):
    assert teller.alert(**{"symbol": "AAPL", "score": 50, **said})
    assert [] == told("alert.raised")
    assert 1 == teller.stats().dropped["alert.raised"]
    assert "has the wrong type" in caplog.text


def test_what_was_written_with_few_digits_is_the_nearest_double_of_what_it_means(teller, told):
    for hundredths in range(10_001):
        teller.alert(symbol="AAPL", score=hundredths / 100)
    assert [hundredths / 10_000 for hundredths in range(10_001)] == [alert["score"] for alert in told("alert.raised")]


def test_a_score_beyond_the_callers_scale_is_refused_in_its_terms(teller, told, caplog):
    assert teller.alert(symbol="AAPL", score=100.5) is None
    assert "a score of 100.5: scores are 0 to 100" in caplog.text
    assert [] == told("alert.raised")


@pytest.mark.parametrize("teller", [Units()], indirect=True)
def test_without_units_nothing_is_converted_and_points_are_refused(teller, told):
    assert teller.alert(symbol="AAPL", score=73) is None
    teller.alert(symbol="AAPL", score=0.73, confidence=0.5)
    assert [(0.73, 0.5)] == [(alert["score"], alert["confidence"]) for alert in told("alert.raised")]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"scores": "percent"}, "scores='percent' is no unit of scores: write '0-1' or '0-100'"),
        ({"returns": "%"}, "returns='%' is no unit of returns: write 'fraction' or 'percent' or 'bps'"),
        ({"sizes": 100}, "sizes=100 is no unit of sizes"),
        ({"sizes": []}, "sizes=.. is no unit of sizes"),
    ],
)
def test_a_unit_that_there_is_not_is_refused_at_once(wrong, why):
    with pytest.raises(Misuse, match=why):
        Units(**wrong)


def test_units_cannot_be_changed():
    with pytest.raises(AttributeError):
        POINTS.scores = "0-1"


def test_the_old_calls_have_units_of_their_own(teller, broker):
    with pytest.raises(Misuse, match="hand over a publisher without units"):
        Learner(teller, ParameterClient(broker.url, defaults={}))
