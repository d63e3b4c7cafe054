import math
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from learning_client import Snapshot

from examples import scanner
from examples.scanner import BOUNDS, DEFAULTS, FEATURES, HISTORY, LOGGING_FLOOR, SIZE, Bar, Exit, Position, Scanner
from schemas.registry import load_registry
from schemas.version import Version
from tests.client.brokers import Broker

VALUES = {"exit.take_profit": 0.04, "exit.stop_loss": 0.03, "exit.max_hold": 3}


def bar(*prices, date="2012-01-03", symbol="AAPL", volume=1e6):
    return Bar(symbol, date, *prices, volume)


def flat(price, **more):
    return bar(price, price, price, price, **more)


def walk(bars, values=VALUES):
    position = Position.opened(bars[0].open, values)
    for one in bars:
        position = position.after(one)
        if isinstance(position, Exit):
            return position
    return position


def history(symbol="AAPL", *, sessions=HISTORY, drift=0.001, start=datetime(2011, 1, 3, tzinfo=UTC)):
    bars, price = [], 100.0
    for day in range(sessions):
        close = price * (1 + drift + 0.01 * math.sin(day))
        date = (start + timedelta(days=day)).date().isoformat()
        bars.append(
            Bar(symbol, date, price, 1.01 * max(price, close), 0.99 * min(price, close), close, 1e6 + 1e4 * day)
        )
        price = close
    return bars


class Ears:
    """Hears what the scanner tells."""

    def __init__(self):
        self.heard = []

    def __getattr__(self, kind):
        return lambda **told: self.heard.append((kind, told))

    def of(self, kind):
        return [told for name, told in self.heard if name == kind]


class Params:
    def __init__(self, **values):
        self.values = {**DEFAULTS, **values}

    def snapshot(self, unit):
        return Snapshot(values=self.values, would_be=self.values, version="1-7", unit=unit)


def test_target_and_stop_in_one_bar_count_as_the_stop():
    ended = walk([bar(100, 110, 90, 105)])
    assert ("stop_loss", 97.0) == (ended.reason, ended.price)


def test_a_target_that_is_touched_is_what_was_got():
    ended = walk([bar(100, 101, 99, 100), bar(101, 107, 100, 106)])
    assert ("take_profit", pytest.approx(104)) == (ended.reason, ended.price)
    assert pytest.approx(0.04 - 0.001) == ended.net


@pytest.mark.parametrize(("opening", "reason"), [(95.0, "stop_loss"), (108.0, "take_profit")])
def test_a_gap_through_a_level_is_filled_at_the_open(opening, reason):
    ended = walk([flat(100.0), bar(opening, 120, 80, 100)])
    assert (reason, opening) == (ended.reason, ended.price)
    assert pytest.approx(opening / 100 - 1) == ended.gross


def test_time_closes_at_the_close_of_the_last_session_held():
    ended = walk([flat(100.0), flat(100.5), bar(100, 102, 99, 101)])
    assert ("time_exit", 101) == (ended.reason, ended.price)


def test_excursions_are_those_that_the_position_lived_through():
    ended = walk([bar(100, 103, 99, 100), bar(100, 101, 98, 99), bar(99, 120, 98.5, 118)])
    assert ("take_profit", pytest.approx(0.04), pytest.approx(-0.02)) == (ended.reason, ended.mfe, ended.mae)


prices = some.floats(50, 150)


@given(some.lists(some.tuples(prices, prices, prices, prices), min_size=3, max_size=8))
def test_a_position_always_ends_in_time_and_gross_lies_within_its_excursions(rows):
    bars = [bar(row[0], max(row), min(row), row[3]) for row in rows]
    ended = walk(bars)
    assert isinstance(ended, Exit)
    assert ended.mae <= ended.gross <= ended.mfe
    assert ended.mae <= 0 <= ended.mfe


def test_features_lie_between_0_and_1_and_there_are_six():
    [features] = scanner.candidates({"AAPL": history()}).values()
    assert tuple(features) == FEATURES
    assert all(0 <= value <= 1 for value in features.values())
    assert len(features) >= 6


def test_features_come_from_past_bars_only():
    bars, told = history(), []
    for tomorrow in (50.0, 200.0):
        ears = Ears()
        live([bars], ears, Params(), after=[[flat(tomorrow)]])
        told.append([one["features"] for one in ears.of("alert")])
    assert told[0][0] == told[1][0]
    assert told[0] != told[1]


def test_a_symbol_without_enough_history_is_no_candidate():
    assert {} == scanner.candidates({"AAPL": history(sessions=HISTORY - 1)})


def test_what_is_told_does_not_depend_on_what_was_learned():
    bars = [history("AAPL"), history("MSFT", drift=-0.002), history("IBM", drift=0.0)]
    told = []
    for threshold in (0.31, 0.79):
        ears = Ears()
        live(bars, ears, Params(**{"threshold.score": threshold}))
        told.append([(one["alert_id"], one["features"]) for one in ears.of("alert")])
    assert told[0] == told[1] != []


def test_symbols_are_ranked_against_each_other():
    found = scanner.candidates({"UP": history("UP", drift=0.01), "DOWN": history("DOWN", drift=-0.01)})
    assert 1.0 == found["UP"]["relative_strength"]


def live(histories, ears, params, *, after=()):
    trader = Scanner(ears, params)
    for bars in histories:
        trader.remember(bars[:-1])
    trader.trade([bars[-1] for bars in histories])
    for bars in after:
        trader.trade(bars)
    return trader


def test_a_session_ends_with_its_closing_and_tells_every_bar():
    ears = Ears()
    live([history("AAPL"), history("MSFT")], ears, Params())
    assert "session_closed" == ears.heard[-1][0]
    assert ["AAPL", "MSFT"] == [told["symbol"] for told in ears.of("price")]


def test_a_bought_candidate_is_filled_at_the_next_open_and_reported_when_it_ends():
    ears, bars = Ears(), history("AAPL")
    first = flat(200.0, date="2012-01-03")
    second = bar(200.0, 300.0, 199.0, 300.0, date="2012-01-04")
    live([bars], ears, Params(**{"threshold.score": 0.3}), after=[[first], [second]])
    name = f"AAPL-{bars[-1].date}"
    [decision] = [told for told in ears.of("decision") if told["decision_id"] == name]
    assert ("BUY", SIZE) == (decision["action"], decision["size"])
    fills = [told for told in ears.of("fill") if told["decision_id"] == name]
    assert [("buy", 200.0), ("sell", pytest.approx(208.0))] == [(told["side"], told["price"]) for told in fills]
    [outcome] = [told for told in ears.of("outcome") if told["decision_id"] == name]
    assert "take_profit" == outcome["exit_reason"]
    assert pytest.approx(0.039) == outcome["net"] == outcome["gross"] - outcome["fees"]


def test_an_ignored_candidate_is_told_with_size_0_and_never_filled():
    ears = Ears()
    live([history("AAPL")], ears, Params(**{"threshold.score": 0.8}), after=[[flat(200.0)]])
    assert {("IGNORE", 0.0)} == {(told["action"], told["size"]) for told in ears.of("decision")}
    assert [] == ears.of("fill")


def test_a_position_keeps_the_values_that_it_was_decided_by():
    ears, params = Ears(), Params(**{"threshold.score": 0.3, "exit.take_profit": 0.04})
    trader = live([history("AAPL")], ears, params)
    params.values = {**params.values, "exit.take_profit": 0.10, "threshold.score": 0.8}
    trader.trade([bar(200.0, 209.0, 199.0, 209.0)])
    assert pytest.approx(208.0) == ears.of("fill")[-1]["price"]


def test_one_date_after_the_other_comes_out_of_a_file_and_of_a_pipe():
    rows = ["A,2012-01-03,1,1,1,1,5", "B,2012-01-03,1,1,1,1,5", "A,2012-01-04,1,1,1,1,5"]
    assert [2, 1] == [len(bars) for bars in scanner.sessions(rows)]
    piped = scanner.sessions(iter([*rows[:2], "\n"]))
    assert ["A", "B"] == [one.symbol for one in next(piped)]


def test_the_scanner_and_its_registry_agree():
    registry = load_registry(Path(__file__).parents[2] / "parameters" / "demo.toml")
    known = registry.parameters
    assert DEFAULTS == {name: one.default for name, one in known.items() if one.learnable}
    assert LOGGING_FLOOR == known["logging.floor"].default
    for name, (low, high) in BOUNDS.items():
        assert low <= known[name].min < known[name].max <= high
    assert registry.market.close_after > BOUNDS["exit.max_hold"][1]


ROOT = Path(__file__).parents[2]


@pytest.fixture
def scan(tmp_path):
    """Runs the scanner to its end on the last of some days."""

    def scan(url, days):
        for name, bars in (("history", days[:-1]), ("bars", days[-1:])):
            (tmp_path / name).write_text("\n".join(",".join(map(str, one)) for one in bars), encoding="utf-8")
        places = [f"--{name}={tmp_path / name}" for name in ("history", "bars", "state")]
        subprocess.run(
            [sys.executable, "-m", "examples.scanner", *places],
            cwd=ROOT,
            env={**os.environ, "RQ_REDIS_URL": url, "LEARNING_APPLY_PARAMETERS": "1"},
            capture_output=True,
            timeout=60,
            check=True,
        )

    return scan


@pytest.fixture
def know(tmp_path):
    """Keeps version 1-5 where the scanner does."""

    def know(**values):
        version = Version(
            strategy="demo",
            epoch=1,
            number=5,
            previous="1-4",
            session="2011-03-01",
            regime="all",
            registry="r",
            values={**DEFAULTS, **values},
            allocations=[],
        )
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "params.json").write_bytes(msgspec.json.encode(version))

    return know


@pytest.fixture
def broker(tmp_path):
    """A server that can die and come back."""
    broker = Broker(tmp_path)
    yield broker
    broker.kill()


def test_without_a_broker_it_trades_by_the_last_good_version_and_tells_of_it_later(scan, know, broker):
    days = history(sessions=HISTORY + 1)
    know(**{"threshold.score": 0.31})
    broker.kill()
    scan(broker.url, days[:-1])
    broker.start()
    deadline = time.monotonic() + 60
    while len(told := broker.told("decision.made")) < 2:
        assert time.monotonic() < deadline
        scan(broker.url, days)
    assert [("BUY", "1-5", f"AAPL/{day.date}") for day in days[-2:]] == [
        (one["action"], one["params_version"], one["unit"]) for one in told
    ]


def test_a_last_version_beyond_its_own_bounds_is_not_traded_by(scan, know, broker):
    know(**{"threshold.score": BOUNDS["threshold.score"][0] - 0.01})
    scan(broker.url, history())
    [told] = broker.told("decision.made")
    assert "params_version" not in told
