"""What is dropped for its type is what the engine would refuse."""

import time

import msgspec
import pytest
from learning_client import Misuse
from learning_client.fields import OPTIONAL, REQUIRED
from learning_client.shapes import check_shape

from events.codec import decode
from events.errors import BrokenEvent

RIGHT = {
    "alert.raised": {"alert_id": "a", "symbol": "AAPL", "score": 0.5},
    "decision.made": {"decision_id": "d", "symbol": "AAPL", "action": "BUY"},
    "fill.reported": {"fill_id": "f", "symbol": "AAPL", "side": "buy", "quantity": 1, "price": 1},
    "outcome.observed": {"outcome_id": "o", "decision_id": "d", "horizon": "1d", "return": 0.1},
    "price.observed": {"symbol": "AAPL", "interval": "1d", "open": 1, "high": 1, "low": 1, "close": 1},
    "discovery.completed": {"run_id": "r", "universe_size": 1, "candidate_count": 0},
    "thesis.formed": {"thesis_id": "t", "symbol": "AAPL", "recommendation": "HOLD"},
    "session.closed": {"session": "2024-01-31"},
    "symbol.changed": {"symbol": "FB", "session": "2022-06-09", "renamed_to": "META"},
}
VALUES = [0, 1, 0.5, 1.0, 1.5, True, "x", "1", "2024-01-31T21:00:00Z", 1_706_734_800_000_000, [], ["wide_spread"], [1]]
VALUES += [{}, {"a": 1}, {"a": 1.5}, {"a": "x"}, {"a": True}, {"a": {"b": 1}}, {"a": {"b": "x"}}]
VALUES += [{"vix": 1}, {"vix": "x"}, {"new_highs": 1.0}, {"new_highs": 1.5}]


def refuses(call, error):
    try:
        call()
    except error:
        return True
    return False


@pytest.mark.parametrize("kind", RIGHT)
def test_nothing_that_the_engine_takes_is_refused(kind):
    event = {"specversion": "1.0", "id": "i", "source": "s", "type": kind, "time": "2024-01-31T21:00:00Z"}
    now, refused = time.time_ns() // 1_000, 0
    for name in REQUIRED[kind] | OPTIONAL[kind] | {"strategy"}:
        for value in VALUES:
            body = msgspec.json.encode({**event, "data": {**RIGHT[kind], name.rstrip("_"): value}})
            if refuses(lambda body=body: check_shape(kind, body), Misuse):
                refused += 1
                assert refuses(
                    lambda body=body: decode({b"event": body}, stream=kind, entry="1-1", now=now), BrokenEvent
                ), (name, value)
    assert refused
