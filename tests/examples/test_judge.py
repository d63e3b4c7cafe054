import numpy as np
import pytest
from learning_client import Snapshot

from examples.demo.bars import Bars
from examples.demo.judge import LONGEST, Candidate, judge, unit_pnl
from examples.demo.planted import BEST, BONUS, PlantedPublisher, bonus
from examples.scanner import BOUNDS, DEFAULTS, FEATURES, SIZE, Bar

COUNT = 60


def sessions(count=COUNT):
    return [str(day) for day in np.busday_offset("2012-01-03", range(count))]


def rising(by, count=COUNT):
    """A symbol that gains ``by`` within each session and nothing overnight."""
    bars, price = {}, 100.0
    for session in sessions(count):
        close = price * (1 + by)
        bars[session] = [Bar("A", session, price, max(price, close), min(price, close), close, 1e6)]
        price = close
    return Bars(bars)


def candidate(session, value=0.6):
    return Candidate(session, "A", dict.fromkeys(FEATURES, value))


def judged(bars, *, learned=DEFAULTS, best=None, value=0.6, traded=None):
    names = bars.sessions
    in_force = {name: {**DEFAULTS, **learned} for name in names}
    found = [candidate(session, value) for session in names]
    return judge(found, bars, in_force=in_force, defaults=DEFAULTS, traded=traded or {}, best=best or {}, seed=1)


def test_a_unit_earns_its_size_times_the_net_return_and_0_when_not_bought():
    bars = [bar for of_session in rising(0.02).by_session.values() for bar in of_session]
    assert pytest.approx(SIZE * (0.04 - 0.001)) == unit_pnl(candidate("x"), DEFAULTS, bars, best={})
    assert 0.0 == unit_pnl(candidate("x", value=0.4), DEFAULTS, bars, best={})


def test_defaults_that_were_never_replaced_are_not_distinguishable_from_no_effect():
    found = judged(rising(0.01))
    assert not (found.learned - found.default).any()
    assert f"not distinguishable from no effect, because in {COUNT - LONGEST} sessions" in found.verdict


def test_better_values_are_called_better():
    found = judged(rising(0.01), learned={"exit.max_hold": 6, "exit.take_profit": 0.10})
    assert found.learned[0] > found.default[0] > 0
    assert found.interval.low > 0
    assert "better" in found.verdict
    assert f"bp of equity a session over {COUNT - LONGEST} sessions, 95 % interval" in found.verdict


def test_worse_values_are_called_worse():
    assert "worse" in judged(rising(0.01), learned={"threshold.score": 0.7}).verdict


def test_a_difference_that_may_be_chance_is_called_so():
    moves = np.random.default_rng(5).normal(0, 0.02, COUNT)
    noisy = {}
    for session, move in zip(sessions(), moves, strict=True):
        close = 100 * (1 + move)
        noisy[session] = [Bar("A", session, 100, max(100, close), min(100, close), close, 1e6)]
    found = judged(Bars(noisy), learned={"exit.max_hold": 2})
    assert (found.learned != found.default).any()
    assert "not distinguishable from no effect (" in found.verdict


def test_too_few_sessions_are_too_few_to_tell():
    assert "10 sessions are too few to tell" in judged(rising(0.01, count=LONGEST + 10)).verdict


def test_each_session_is_judged_by_the_values_before_it():
    bars = rising(0.01)
    names = bars.sessions
    in_force = {name: {**DEFAULTS, "threshold.score": 0.7 if name >= names[10] else 0.5} for name in names}
    found = judge(
        [candidate(name) for name in names], bars, in_force=in_force, defaults=DEFAULTS, traded={}, best={}, seed=1
    )
    assert (found.learned[:10] == found.default[:10]).all()
    assert not found.learned[10:].any()


def test_sessions_whose_positions_may_still_be_open_are_left_out():
    assert sessions()[:-LONGEST] == list(judged(rising(0.01)).sessions)


def test_the_planted_bonus_is_greatest_at_the_best_value_and_falls_with_the_distance():
    [name] = BEST
    low, high = BOUNDS[name]
    steps = [bonus({name: value}, BEST) for value in np.linspace(low, BEST[name], 5)]
    assert BONUS == bonus({name: BEST[name]}, BEST)
    assert sorted(steps) == steps
    assert bonus({name: DEFAULTS[name]}, BEST) < bonus({name: high}, BEST) < BONUS


def test_the_planted_publisher_adds_the_bonus_of_the_values_decided_by(monkeypatch):
    told = []
    monkeypatch.setattr("learning_client.EventPublisher.decision", lambda _, **fields: None)
    monkeypatch.setattr("learning_client.EventPublisher.outcome", lambda _, **fields: told.append(fields))
    publisher = PlantedPublisher.__new__(PlantedPublisher)
    publisher._added = {}
    values = {**DEFAULTS, **BEST}
    publisher.decision(decision_id="d", snapshot=Snapshot(values=values, would_be=values))
    publisher.outcome(decision_id="d", gross=0.01, net=0.009)
    assert (pytest.approx(0.01 + BONUS), pytest.approx(0.009 + BONUS)) == (told[0]["gross"], told[0]["net"])


def test_the_judge_adds_the_planted_bonus_to_both_sides():
    plain, planted = judged(rising(0.01)), judged(rising(0.01), best=BEST)
    assert pytest.approx(SIZE * bonus(DEFAULTS, BEST)) == planted.default[0] - plain.default[0]


def test_what_was_traded_is_judged_beside_what_was_learned():
    bars = rising(0.0)
    earned = {session: 1e-4 * (1 + place % 3) for place, session in enumerate(bars.sessions)}
    found = judged(bars, value=0.4, traded=earned)
    assert list(earned.values())[:-LONGEST] == list(found.traded)
    figures = f"+2.00 bp of equity a session over {COUNT - LONGEST} sessions"
    assert f"with the units that tried other values, against default values: {figures}" in found.verdict_as_traded


def test_a_candidate_is_bought_after_the_session_that_it_was_found_in():
    bars = {}
    for place, session in enumerate(sessions()):
        opening = 80 if place == 0 else 100
        bars[session] = [Bar("A", session, opening, 100, opening, 100, 1e6)]
    found = judged(Bars(bars))
    assert pytest.approx(-SIZE * 0.001) == found.default[0]
