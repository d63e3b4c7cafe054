"""``learning evaluate``: what other values would have earned, over several versions, and when nobody can tell."""

import msgspec
import numpy as np
import pytest
import typer
from msgspec import structs

from learning.rewards import quantise
from schemas.allocation import WHOLE, Arm
from schemas.attributed import Contribution
from schemas.calendar import Calendar
from schemas.parameters import LearningRules, Market, Registry, Trial
from store.sessions import Sessions
from store.tables import examples, instruments
from store.versions import Versions
from tests.workers.suggestion.field import FIRST, REWARD, parameter
from workers.commands.evaluate import evaluate
from workers.gate.publication import first_version
from workers.hindsight import look_back

FILE = """
strategy = "test"
[market]
horizons = ["1d"]
primary_horizon = "1d"

[[parameter]]
name = "x"
decides_trade = false
default = 0.3
min = 0.0
max = 1.0
max_change = 0.1
reward = "alert_return:1d"
category = "test"
affects = "test"
description = "For tests."

[[parameter]]
name = "y"
default = 0.3
min = 0.0
max = 1.0
category = "test"
affects = "test"
description = "For tests."
"""
NYSE = Calendar.named("XNYS")
GAIN = {0.3: 0.0, 0.4: 0.005, 0.2: -0.01}
RULES = Registry(
    strategy="test",
    market=Market(horizons=["1d"], primary_horizon="1d"),
    learning=LearningRules(budget=0.2),
    parameters={name: parameter(name, 0.3) for name in "xy"},
    trials=[Trial(id="t", layer="t", share=0.2, offsets=[{"x": 0.1}, {"x": -0.1}])],
)


FULLY = NYSE.shift(FIRST, 60)
"""When all is settled."""


class Log:
    """Units of three versions with other shares each; the market is best while the arms have the most units. The
    newest session that is settled is ``settled``, with those in ``pending`` not mature."""

    def __init__(self, store, *, units=160, sessions=8, tell=lambda arm: arm, settled=FULLY, pending=()):
        self.store = store
        self.units = []
        chance = np.random.default_rng(3)
        version = first_version(RULES)
        with store.begin() as work:
            work.insert(instruments, [{"id": 1, "strategy": "test", "venue": "", "symbol": "U"}])
            for number, (up, down) in enumerate([(500, 500), (1_500, 500), (400, 100)], 1):
                arms = [Arm({"x": 0.4}, up), Arm({"x": 0.2}, down), Arm({"x": 0.3}, WHOLE - up - down)]
                allocation = structs.replace(version.allocations[0], arms=arms)
                before = str(version.id) if number > 1 else None
                version = structs.replace(
                    version, number=number, previous=before, allocations=[allocation], checksum=""
                )
                Versions(work.connection).add(version, proposal_id=None, now=1)
                for at in range(sessions + (0, -1, 1)[number - 1]):
                    session = NYSE.shift(FIRST, 10 * number + at)
                    market = (0.05 if number == 2 else 0.0) + 0.01 * chance.standard_normal()
                    for place in range(units):
                        [arm] = version.assigned(f"U{place}/{session}").values()
                        reward = market + GAIN[arm.values["x"]] + 0.01 * chance.standard_normal()
                        self.units.append((session, number, tell(arm), quantise(reward, bound=1.0)))
            work.insert(examples, [self._row(place, *unit) for place, unit in enumerate(self.units)])
            waiting = {"1d/prices": list(pending), "1d/reported": [NYSE.shift(FIRST, 10)]}
            Sessions(work.connection).add("test", settled, cut=work.take(1), pending=waiting, now=work.now)
            work.commit()

    def _row(self, place, session, number, arm, reward):
        told = Contribution(
            allocation="t.1-1",
            arm=arm.key,
            regime="all",
            reward=REWARD,
            session=session,
            version=f"1-{number}",
            propensity=arm.share,
            n=1,
            total=reward.total,
            squares=reward.squares,
        )
        blank = {column.name: None for column in examples.columns}
        return blank | {
            "fact": place,
            "horizon": "1d",
            "origin": "prices",
            "strategy": "test",
            "subject": "alert",
            "subject_id": str(place),
            "instrument": 1,
            "unit": f"U/{session}",
            "session": session,
            "due": 0,
            "state": "matched",
            "marks": "",
            "late": 0,
            "revision": 1,
            "sequence": place,
            "contributions": msgspec.json.encode([told]).decode(),
        }

    def look_back(self, x):
        with self.store.read() as reading:
            version = Versions(reading).latest("test")
            return look_back(reading, RULES, version, {"x": x}, confidence=0.95)


@pytest.fixture
def place(store, tmp_path, monkeypatch):
    (tmp_path / "test.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEARNING_REGISTRIES", "test.toml")
    monkeypatch.setenv("LEARNING_STORE_URL", store.place)
    return store


def run(capsys, *assignments):
    """What was shown, and the exit code."""
    try:
        evaluate(list(assignments), strategy=None, confidence=0.95)
    except typer.Exit as ended:
        return capsys.readouterr().out, ended.exit_code
    return capsys.readouterr().out, 0


@pytest.mark.parametrize("x", [0.4, 0.2])
def test_every_estimate_finds_what_was_planted_though_shares_moved_with_the_market(store, x):
    """Within 4 standard errors, and 3 for the sizes of bias of cut weights; plain means per arm are off by 0.01."""
    found = Log(store).look_back(x)
    assert (3, 24, 0) == (found.versions, found.sessions, found.alone)
    assert {"ips", "snips", "dr", "switch_dr", "shrunk_dr"} == set(found.evaluation.estimates)
    for name, one in found.evaluation.estimates.items():
        assert GAIN[x] == pytest.approx(one.value, abs=4 * one.standard_error + 3 * abs(one.bias)), name
        assert one.low < one.value < one.high


def test_ips_is_the_mean_over_units_of_weight_and_reward_beside_the_baseline(store):
    """Recomputed here, unit by unit, with the share of the arm in the mixture of versions."""
    log = Log(store)
    level = {}
    for session, _, arm, reward in log.units:
        if arm.values["x"] == 0.3:
            level.setdefault(session, []).append(reward.total / 1e6)
    share = np.mean([{1: 0.05, 2: 0.15, 3: 0.04}[number] for _, number, _, _ in log.units])
    total = sum(
        (reward.total / 1e6 - np.mean(level[session])) / share
        for session, _, arm, reward in log.units
        if arm.values["x"] == 0.4
    )
    assert total / len(log.units) == pytest.approx(log.look_back(0.4).evaluation.estimates["ips"].value, abs=1e-12)


def test_cohorts_of_which_more_may_come_are_left_out(place, capsys):
    """Of what is pending, the part that is there is no fair sample: stops come before targets."""
    late, last = NYSE.shift(FIRST, 36), NYSE.shift(FIRST, 37)
    log = Log(place, settled=last, pending=[late])
    found = log.look_back(0.4)
    after = {session for session, *_ in log.units if session > last}
    assert 1 == len(after)
    assert (22, 2 * 160) == (found.sessions, found.immature)
    assert 22 * 160 == found.evaluation.weighing.n
    assert "320 units are left out: more of their session may come" in " ".join(run(capsys, "x=0.4")[0].split())


def test_the_table_shows_every_estimate_with_its_interval(place, capsys):
    found = Log(place).look_back(0.4).evaluation
    said, code = run(capsys, "x=0.4")
    assert 0 == code
    assert '{"x":0.4} instead of {"x":0.3}, in alert_return:1d a unit, by allocation t.1-1' in said
    assert f"effective {found.weighing.effective:,.1f}" in said
    for one in found.estimates.values():
        assert f"{one.low:+.6f} to {one.high:+.6f}" in said


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("x=0.45", '{"x":0.45} was never an arm of t.1-1; it has tried {"x":0.2}, {"x":0.4}'),
        ("x=0.3", '{"x":0.3} are the values in force'),
        ("y=0.4", "no allocation in force tries y together"),
    ],
)
def test_what_was_never_tried_cannot_be_told(place, capsys, wanted, said):
    Log(place, units=20, sessions=2)
    shown, code = run(capsys, wanted)
    assert (1, True) == (code, f"cannot be told: {said}" in shown)


def test_too_few_units_are_refused_in_words_with_the_figures(place, capsys):
    Log(place, units=20, sessions=3)
    shown, code = run(capsys, "x=0.2")
    assert (1, True) == (code, "cannot be told: too little overlap: 180 units count as" in shown)
    assert "doubly robust" not in shown


def test_a_log_that_contradicts_its_propensities_is_refused(place, capsys):
    """A third of the baseline's units say that they had another arm."""
    chance = np.random.default_rng(1)
    up = Arm({"x": 0.4}, 400)
    Log(place, tell=lambda arm: up if arm.values["x"] == 0.3 and chance.random() < 0.3 else arm)
    shown, code = run(capsys, "x=0.4")
    assert (1, True) == (code, "arms were not drawn by the propensities that were logged" in shown)


def test_without_a_version_or_units_nothing_was_tried(place, capsys):
    assert ("no version is in force yet, so nothing was tried\n", 1) == run(capsys, "x=0.4")
    with place.begin() as work:
        Versions(work.connection).add(first_version(RULES), proposal_id=None, now=1)
        work.commit()
    shown, code = run(capsys, "x=0.4")
    assert (1, True) == (code, "has units of the baseline in 0 mature sessions; wait until there are 2" in shown)
    with pytest.raises(typer.BadParameter, match="write NAME=VALUE"):
        run(capsys, "x")
