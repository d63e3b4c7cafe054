import json
from dataclasses import asdict, replace

import msgspec
import pytest

from learning.gate import Rules
from learning.history_evidence import HistoryEvidence, judge_history

RULES = Rules(minimum_units=100, minimum_sessions=20)
GOOD = HistoryEvidence(
    learner="entry",
    measure="of equity",
    incumbent={"threshold": 0.6},
    chosen={"threshold": 0.4},
    proposed={"threshold": 0.5},
    choices=[{"threshold": 0.4}, {"threshold": 0.45}],
    tried=17,
    folds=2,
    sessions=80,
    units=400,
    error_rate=0.05,
    mean=0.002,
    low=0.001,
    high=0.003,
    probability=0.999,
    confidence=0.99,
    effective_sessions=61.5,
    step_mean=0.001,
)


def verdict(**changed):
    return judge_history(replace(GOOD, **changed), RULES, alpha=0.05)


def test_what_holds_is_let_in_with_all_figures_in_the_sentence():
    accepted = verdict()
    assert accepted.accepted
    assert accepted.reason == (
        "better out of fold: +0.002000 [+0.001000, +0.003000] of equity a session, "
        "better with probability 0.999, at every look 0.990; "
        "400 units in 80 sessions (worth 62), 2 folds, 17 tried"
    )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"sessions": 19}, "too little was judged out of fold: 19 of 20 sessions"),
        ({"units": 99}, "too little was judged out of fold: 99 of 100 units"),
        ({"sessions": 1, "units": 9}, "too little was judged out of fold: 1 of 20 sessions, 9 of 100 units"),
        ({"error_rate": 0.1}, "it was judged at an error rate of 0.1; the gate allows 0.05"),
        ({"chosen": {"threshold": 0.6}}, "nothing tried was better than what is in force"),
        ({"confidence": 0.949}, "not distinguishable from no effect"),
        ({"low": 0.0}, "not distinguishable from no effect"),
        ({"confidence": None, "low": None, "high": None}, "not distinguishable from no effect: +0.002000 of equity"),
        ({"mean": None, "low": None, "high": None, "confidence": None}, "not distinguishable from no effect: nothing"),
        ({"proposed": {"threshold": 0.6}}, "the way there is shorter than a step of the values"),
        ({"step_mean": 0.0}, "better at the end of the way, but its first step lost out of fold"),
        ({"step_mean": None}, "better at the end of the way, but its first step lost out of fold"),
    ],
)
def test_whatever_is_missing_or_not_sure_means_stay(changed, reason):
    refused = verdict(**changed)
    assert not refused.accepted
    assert refused.reason.startswith(reason)


def test_a_stricter_error_rate_than_the_gates_asks_for_more():
    assert not verdict(error_rate=0.005).accepted
    assert verdict(error_rate=0.01, confidence=0.99).accepted


def test_figures_of_one_unit_are_those_of_a_session_over_its_mean_number_of_units():
    assert (pytest.approx(0.0004), pytest.approx(0.0002), pytest.approx(0.0006)) == GOOD.per_unit
    assert replace(GOOD, low=None).per_unit is None


def test_goes_through_json_and_back():
    written = msgspec.json.encode(GOOD)
    assert json.loads(written) == asdict(GOOD)
    assert msgspec.json.decode(written, type=HistoryEvidence) == GOOD
