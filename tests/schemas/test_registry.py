from pathlib import Path

import msgspec
import pytest

from schemas.bounds import check_values
from schemas.errors import InvalidRegistry
from schemas.parameters import ParameterType, Registry, Reward, RewardKind, Scale
from schemas.registry import load_registry, outcome_thresholds, registry_hash

PARAMETERS = Path(__file__).parents[2] / "parameters"


def table(name: str, **fields) -> str:
    """One [[parameter]] table: a number of 0.5 within 0 to 1 unless ``fields`` say otherwise; None leaves one out."""
    written = {
        "name": f'"{name}"',
        "default": 0.5,
        "min": 0,
        "max": 1,
        "category": '"test"',
        "affects": '"score"',
        "description": '"For a test."',
        **fields,
    }
    return (
        "[[parameter]]\n" + "\n".join(f"{key} = {value}" for key, value in written.items() if value is not None) + "\n"
    )


def trial(name: str, offsets: str, **fields) -> str:
    written = {"id": f'"{name}"', "layer": f'"{name}"', "share": 0.05, "offsets": f"[{offsets}]", **fields}
    return "[[trial]]\n" + "\n".join(f"{key} = {value}" for key, value in written.items()) + "\n"


@pytest.fixture
def load(tmp_path):
    def written(*tables: str) -> Registry:
        path = tmp_path / "x.toml"
        path.write_text("\n".join(tables))
        return load_registry(path)

    return written


@pytest.fixture
def refusal(load, tmp_path):
    """What a user reads when a file of these tables is refused, every line of it after the file's name."""

    def told(*tables: str) -> list[str]:
        with pytest.raises(InvalidRegistry) as refused:
            load(*tables)
        lines = str(refused.value).splitlines()
        assert all(line.startswith(f"{tmp_path / 'x.toml'}, ") for line in lines)
        return [line.removeprefix(f"{tmp_path / 'x.toml'}, ") for line in lines]

    return told


WEIGHTS = table("a", group='"w"'), table("b", group='"w"', default=0.3), table("c", group='"w"', default=0.2)


def test_what_the_file_says_is_what_is_loaded(load):
    registry = load('strategy = "mine"\n[market]\ncalendar = "24/7"\n[gate]\nalpha = 0.01\n', table("x"), *WEIGHTS)
    assert ("mine", "24/7", 0.01) == (registry.strategy, registry.market.calendar, registry.gate.alpha)
    assert {"x": 0.5, "a": 0.5, "b": 0.3, "c": 0.2} == registry.defaults
    assert {"w": ["a", "b", "c"]} == registry.groups


def test_a_learnable_weight_moves_by_at_most_005_a_day_unless_it_says_otherwise(load):
    registry = load(*WEIGHTS[:2], table("c", group='"w"', default=0.2, max_change=0.01), table("x"))
    assert [0.05, 0.05, 0.01, None] == [parameter.max_change for parameter in registry.parameters.values()]


def test_a_number_is_a_float_and_an_integer_an_int_however_they_are_written(load):
    registry = load(table("x", default=1), table("n", default=3.0, type='"integer"', max=9))
    assert [(1.0, float), (3, int)] == [(value, type(value)) for value in registry.defaults.values()]


@pytest.mark.parametrize(
    ("complaint", "tables"),
    [
        (
            '[[parameter]] "weight.a": default 0.5 is below min 0.6; raise default or lower min',
            [table("weight.a", min=0.6)],
        ),
        ('[[parameter]] "x": default 0.5 is above max 0.4; lower default or raise max', [table("x", max=0.4)]),
        ('[[parameter]] "x": the name is used twice; rename or remove one', [table("x"), table("x")]),
        (
            '[[parameter]] "x": a learnable number needs min and max, between which the engine may move it',
            [table("x", max=None)],
        ),
        (
            "[[parameter]] \"x\": default 'high' is not a number; write a number or give the parameter another type",
            [table("x", default='"high"')],
        ),
        (
            '[[parameter]] "n": default 2.5 of an integer must be a whole number',
            [table("n", type='"integer"', default=2.5, max=9)],
        ),
        (
            '[[parameter]] "n": max 9.5 of an integer must be a whole number',
            [table("n", type='"integer"', default=2, max=9.5)],
        ),
        (
            '[[parameter]] "x": step 0.3 does not lead from 0 to default 0.5; change step or default',
            [table("x", step=0.3, max=0.9)],
        ),
        (
            '[[parameter]] "x": max_change 0.05 allows no whole step of 0.1 on any day, so it could never move; '
            "raise max_change or write a smaller step",
            [table("x", step=0.1, max_change=0.05)],
        ),
        (
            '[[parameter]] "n": max_change 0.09 allows no whole step of 1 on any day, so it could never move; '
            "raise max_change or write a smaller step",
            [table("n", type='"integer"', default=5, max=10, max_change=0.09, relative="true")],
        ),
        (
            '[[parameter]] "x": step 0.25 does not lead from 0 to max 0.9; change step or max',
            [table("x", step=0.25, max=0.9)],
        ),
        ("[[parameter]] \"x\": scale = 'log' needs a min above 0", [table("x", scale='"log"')]),
        (
            "[[parameter]] \"x\": a number has no choices; remove them or write type = 'choice'",
            [table("x", choices='["a"]')],
        ),
        (
            "[[parameter]] \"x\": default 'c' is not among choices ['a', 'b']; add it there",
            [table("x", type='"choice"', choices='["a", "b"]', default='"c"', min=None, max=None)],
        ),
        (
            "[[parameter]] \"x\": choices name ['a'] twice; remove one",
            [table("x", type='"choice"', choices='["a", "a"]', default='"a"', min=None, max=None)],
        ),
        (
            '[[parameter]] "x": a choice has no min, max, step or max_change; remove them',
            [table("x", type='"choice"', choices='["a"]', default='"a"')],
        ),
        (
            "[[parameter]] \"x\": default ['z'] is not among choices ['y']; add it there",
            [table("x", type='"set"', choices='["y"]', default='["z"]', min=None, max=None)],
        ),
        ('[[parameter]] "x": default 0.5 is not a list of words', [table("x", type='"set"', min=None, max=None)]),
        (
            '[[parameter]] "x": the x of a curve\'s knots must rise',
            [table("x", type='"curve"', default="[[0.0, 0.0], [0.0, 1.0]]")],
        ),
        (
            '[[parameter]] "x": a knot\'s y lies outside of min 0 to max 1',
            [table("x", type='"curve"', default="[[0.0, 0.0], [1.0, 1.5]]")],
        ),
        (
            '[[parameter]] "x": every knot of a curve must be two numbers, [x, y]',
            [table("x", type='"curve"', default="[[0.0, 0.0], [1.0]]")],
        ),
        (
            '[[parameter]] "x": default of a curve must be at least two knots, such as [[0.0, 0.0], [1.0, 1.0]]',
            [table("x", type='"curve"')],
        ),
        (
            '[[parameter]] group "w": the defaults of a, b sum to 0.8; the members of a group must sum to 1',
            WEIGHTS[:2],
        ),
        (
            "[[parameter]] \"a\": only numbers sum to 1: the type 'integer' cannot be in group 'w'",
            [table("a", type='"integer"', default=1, group='"w"')],
        ),
    ],
)
def test_a_parameter_that_contradicts_itself_is_refused_with_table_and_advice(refusal, complaint, tables):
    assert [complaint] == refusal(*tables)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("field", ["default", "min", "max", "step", "max_change"])
def test_a_number_that_is_not_finite_is_refused(refusal, field, number):
    (told,) = refusal(table("x", **{field: number}))
    assert told.startswith('[[parameter]] "x": Expected `float`')
    assert told.endswith(f"in {field}")


@pytest.mark.parametrize("name", ["outcome.win_threshold", "regime.bull.max_volatility", "reward.horizon"])
def test_what_defines_outcome_reward_or_regime_is_never_learned_by_its_name(refusal, load, name):
    kind = name.partition(".")[0]
    assert [f'[[parameter]] "{name}": it defines the {kind} and must never be learned; write learnable = false'] == (
        refusal(table(name, unit='"percent"'))
    )
    assert not load(table(name, unit='"percent"', learnable="false")).parameters[name].learnable


@pytest.mark.parametrize("field", ["affects", "category"])
@pytest.mark.parametrize("word", ["outcome_classification", "market_regime"])
def test_what_defines_outcome_or_regime_is_never_learned_whatever_its_name(refusal, field, word):
    assert [f'[[parameter]] "x": it defines the {word} and must never be learned; write learnable = false'] == (
        refusal(table("x", **{field: f'"{word}"'}))
    )


def test_what_decides_a_trade_is_never_judged_by_the_mean_return_of_a_trade(refusal, load):
    (told,) = refusal(table("x", reward='"alert_return:5d"'))
    assert told.startswith("[[parameter]] \"x\": it decides whether something is traded, so 'alert_return:5d' may not")
    assert load(table("x", reward='"alert_return:5d"', decides_trade="false"))
    assert load(table("x", reward='"unit_pnl:5d"'))


@pytest.mark.parametrize(
    ("complaint", "reward"),
    [
        ("reward 'profit:5d' is no reward: write 'unit_pnl:close' or 'alert_return:5d'", "profit:5d"),
        ("reward 'unit_pnl' is no reward: write 'unit_pnl:close' or 'alert_return:5d'", "unit_pnl"),
        (
            "reward 'unit_pnl:4d': the horizon is not in [market] horizons ['1d', '3d', '5d', '7d', '30d']; "
            "add it there",
            "unit_pnl:4d",
        ),
        ("reward 'alert_return:close': an alert has no close; write 'alert_return:5d'", "alert_return:close"),
    ],
)
def test_a_reward_that_nobody_can_measure_is_refused(refusal, complaint, reward):
    assert [f'[[parameter]] "x": {complaint}'] == refusal(table("x", reward=f'"{reward}"', decides_trade="false"))
    assert [f"[learning]: {complaint}"] == refusal(f'[learning]\nreward = "{reward}"\n', table("x"))


def test_a_parameter_without_a_reward_has_that_of_the_registry(load):
    registry = load('[learning]\nreward = "unit_pnl:3d"\n', table("x"), table("y", reward='"unit_pnl:close"'))
    assert Reward(RewardKind.UNIT_PNL, "3d") == registry.reward_of("x")
    assert "unit_pnl:close" == str(registry.reward_of("y"))


@pytest.mark.parametrize(
    ("complaint", "market"),
    [
        ("calendar 'XNSY' is not known; did you mean XNYS or XNAS or XTSX?", 'calendar = "XNSY"'),
        (
            "venues.LSE: calendar 'XLNO' is not known; did you mean XLON or XWBO or XTAL?",
            'venues = { LSE = "XLNO", HKEX = "XHKG" }',
        ),
        ("horizon 'close' is always kept, never listed; remove it", 'horizons = ["5d", "close"]'),
        (
            "horizon '4h' is shorter than a bar, '1d'; write bars = '4h', or less",
            'horizons = ["4h", "30h", "5d"]',
        ),
        (
            "horizon '30m' is shorter than a bar, '1h'; write bars = '30m', or less",
            'bars = "1h"\nthesis_horizon = "30m"',
        ),
        ("bars '5d': no bar is longer than a session; write '1d', or less than a day, '5m'", 'bars = "5d"'),
        ("bars '24h': no bar is longer than a session; write '1d', or less than a day, '5m'", 'bars = "24h"'),
        ("thesis_horizon 'close': a thesis has no close; write '5d', or leave it out", 'thesis_horizon = "close"'),
        (
            "benchmark_venue 'ARCX' has no benchmark; name the symbol too, benchmark = 'SPY'",
            'benchmark_venue = "ARCX"',
        ),
        ("primary_horizon 'close': alerts have no close; write '5d'", 'primary_horizon = "close"'),
        ("sources name ['feed'] twice; remove one", 'sources = ["feed", "feed"]'),
        ("price_sources name ['feed'] twice; remove one", 'price_sources = ["feed", "other", "feed"]'),
        ("Expected `str` of length >= 1 in benchmark", 'benchmark = ""'),
        ("Expected `int` >= 1 in infer_within_minutes", "infer_within_minutes = 0"),
        ("Expected `float` > 0.0 in grace_hours", "grace_hours = 0"),
        ("horizons ['5d', '5d'] name one twice; remove it", 'horizons = ["5d", "5d"]'),
        ("primary_horizon '5d' is not in horizons ['1d']; add it there", 'horizons = ["1d"]'),
        ("win -0.05 is not above loss -0.02; both are fractions, 0.02 and -0.02", "win = -0.05"),
        ("unknown field 'calender'; did you mean 'calendar'?", 'calender = "XNYS"'),
        ("Expected `int` >= 1 in close_after", "close_after = 0"),
    ],
)
def test_a_market_that_contradicts_itself_is_refused(refusal, complaint, market):
    assert [f"[market]: {complaint}"] == refusal(f"[market]\n{market}\n", table("x"))


def test_what_a_market_may_say_is_what_is_loaded(load):
    market = load(
        """
        [market]
        bars = "30m"
        horizons = ["30m", "4h", "5d"]
        thesis_horizon = "20d"
        benchmark = "SPY"
        benchmark_venue = "ARCX"
        infer_within_minutes = 120
        price_sources = ["exchange", "vendor"]
        [market.venues]
        LSE = "XLON"
        """,
        table("x"),
    ).market
    assert {"LSE": "XLON"} == market.venues
    assert ("20d", "5d") == (market.judged_at, msgspec.structs.replace(market, thesis_horizon=None).judged_at)
    assert ("30m", "SPY", "ARCX", 120) == (
        market.bars,
        market.benchmark,
        market.benchmark_venue,
        market.infer_within_minutes,
    )


@pytest.mark.parametrize(
    ("complaint", "tables"),
    [
        ("[[parameter]] \"x\": unknown field 'minimum'; did you mean 'min'?", [table("x", minimum=0)]),
        ('[[parameter]] "x": Object missing required field `description`', [table("x", description=None)]),
        (
            "[[parameter]] \"x\": Invalid enum value 'procent' in unit; did you mean 'percent'?",
            [table("x", unit='"procent"')],
        ),
        ("[[parameter]] \"x\": Invalid enum value 'z' in scale; known are linear, log", [table("x", scale='"z"')]),
        ("[[parameter]] number 2: Expected `str`, got `int` in name", [table("x"), "[[parameter]]\nname = 3"]),
        ("top level: unknown field 'parameters'; did you mean 'parameter'?", ["[parameters]"]),
        ("[learning]: Expected `float` <= 0.2 in budget", ["[learning]\nbudget = 0.5"]),
        ("[gate]: unknown field 'aplha'; did you mean 'alpha'?", ["[gate]\naplha = 0.1"]),
    ],
)
def test_a_misspelt_or_ill_formed_field_is_refused_with_its_table(refusal, complaint, tables):
    assert [complaint] == refusal(*tables)


def test_a_file_that_is_missing_or_no_toml_is_refused_by_name(tmp_path):
    with pytest.raises(InvalidRegistry, match=r"none\.toml cannot be read: No such file"):
        load_registry(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[[parameter\n")
    with pytest.raises(InvalidRegistry, match=r"bad\.toml is not TOML: .*line 1"):
        load_registry(tmp_path / "bad.toml")


def test_all_contradictions_are_told_at_once(refusal):
    assert 2 == len(refusal(table("x", min=0.6), table("y", max=0.4)))


X = table("x", max_change=0.1)
HOLD = table("hold", type='"integer"', default=5, max=10)
MODE = table("mode", type='"choice"', choices='["a", "b"]', default='"a"', min=None, max=None)


@pytest.mark.parametrize(
    ("complaint", "tables"),
    [
        ("there is no parameter 'xx'; did you mean 'x'?", [X, trial("t", "{xx = 0.1}")]),
        ("there is no parameter 'y'; known are x", [X, trial("t", "{y = 0.1}")]),
        (
            "'x' is not learnable; remove it from the trial",
            [table("x", learnable="false"), trial("t", "{x = 0.1}")],
        ),
        ("'mode' is a choice; only numbers and integers have offsets", [MODE, trial("t", "{mode = 1}")]),
        (
            "the offset 0.2 of 'x' is more than its max_change of 0.1 a day; no gate would let the arm in",
            [X, trial("t", "{x = 0.2}")],
        ),
        (
            "the offset 0.2 of 'x' is more than its max_change of 0.05 a day; no gate would let the arm in",
            [table("x", max_change=0.1, relative="true"), trial("t", "{x = 0.2}")],
        ),
        ("the offset 0.5 of 'hold' is no whole number of steps of 1", [HOLD, trial("t", "{hold = 0.5}")]),
        (
            "the offset 0.15 of 'x' is no whole number of steps of 0.1",
            [table("x", step=0.1), trial("t", "{x = 0.15}")],
        ),
        (
            "the offsets {'a': 0.05, 'b': -0.04} sum to 0.01 in group 'w'; they must sum to 0, "
            "or its members no longer sum to 1",
            [*WEIGHTS, trial("t", "{a = 0.05, b = -0.04}")],
        ),
        (
            "its parameters are judged by ['unit_pnl:5d', 'unit_pnl:close']; one trial has one reward",
            [X, table("y", reward='"unit_pnl:5d"'), trial("t", "{x = 0.1, y = 0.1}")],
        ),
        (
            "only 1 of 2 arms differ from the defaults and from each other; bounds or steps stand in the way, "
            "or an arm is written twice",
            [X, trial("t", "{x = 0.1}, {x = 0.1}")],
        ),
        (
            "only 0 of 1 arms differ from the defaults and from each other; bounds or steps stand in the way, "
            "or an arm is written twice",
            [table("x", default=1), trial("t", "{x = 0.1}")],
        ),
        (
            "share 0.005 is less than 2 arms need, which keep [learning] floor 0.005 each; "
            "raise share, lower floor or try fewer arms",
            [X, trial("t", "{x = 0.1}, {x = -0.1}", share=0.005)],
        ),
        ("share 0.01005 is no whole number of 1/10000; round it", [X, trial("t", "{x = 0.1}", share=0.01005)]),
        (
            "a rollout is begun by the gate; write purpose = 'explore' or 'experiment'",
            [X, trial("t", "{x = 0.1}", purpose='"rollout"')],
        ),
    ],
)
def test_a_trial_that_cannot_be_run_is_refused_with_table_and_advice(refusal, complaint, tables):
    assert [f'[[trial]] "t": {complaint}'] == refusal(*tables)


def test_an_offset_that_is_not_finite_is_refused(refusal):
    (told,) = refusal(X, trial("t", "{x = nan}"))
    assert told.startswith('[[trial]] "t": Expected `float`')


def test_no_parameter_is_moved_by_two_trials(refusal):
    assert ["[[trial]] \"u\": 'x' is in trial 't' too; no parameter may be in two"] == refusal(
        X, trial("t", "{x = 0.1}", share=0.01), trial("u", "{x = -0.1}", share=0.01)
    )


def test_two_trials_of_one_id_are_refused(refusal):
    assert ['[[trial]] "t": the id is used twice; rename or remove one'] == refusal(
        X, HOLD, trial("t", "{x = 0.1}", share=0.01), trial("t", "{hold = 1}", share=0.01)
    )


def test_explorations_together_stay_within_the_budget(refusal, load):
    both = [X, HOLD, trial("t", "{x = 0.1}", share=0.03), trial("u", "{hold = 1}", share=0.03)]
    assert [
        "[[trial]]: the explorations share 6.00% of the units, [learning] budget is 5.00%; "
        "lower their shares or raise budget (at most 20%)"
    ] == refusal(*both)
    assert load("[learning]\nbudget = 0.06\n", *both)
    assert load(X, trial("t", "{x = 0.1}", share=0.5, purpose='"experiment"'))


BAYESIAN = {"proposes": '"bayesian"', "share": 0.05}


def test_a_trial_whose_arms_are_proposed_needs_no_offsets(load):
    [one] = load(X, trial("t", "", parameters='["x"]', **BAYESIAN)).trials
    assert (["x"], [], 8, 2) == (one.names, one.offsets, one.arms, one.batch)


@pytest.mark.parametrize(
    ("reason", "tables"),
    [
        ("it has no offsets, so there is nothing to try", [X, trial("t", "")]),
        ("parameters are for a learner that proposes arms", [X, trial("t", "{x = 0.1}", parameters='["x"]')]),
        ("there is nothing that bayesian may move", [X, trial("t", "", **BAYESIAN)]),
        ("there is no parameter 'y'; known are x", [X, trial("t", "", parameters='["y"]', **BAYESIAN)]),
        (
            "a learner may not change the arms of an experiment; write purpose = 'explore'",
            [X, trial("t", "", parameters='["x"]', purpose='"experiment"', **BAYESIAN)],
        ),
        (
            "there are 2 offsets, and arms = 1 at most; raise arms or remove some",
            [X, trial("t", "{x = 0.1}, {x = -0.1}", arms=1, **BAYESIAN)],
        ),
        (
            "share 0.05 is less than 12 arms need, which keep [learning] floor 0.005 each",
            [X, trial("t", "{x = 0.1}", arms=12, **BAYESIAN)],
        ),
        ("'a' cannot move alone: group 'w' sums to 1", [*WEIGHTS, trial("t", "", parameters='["a"]', **BAYESIAN)]),
        (
            "the members of group 'w' have different steps",
            [
                *WEIGHTS[:2],
                table("c", group='"w"', default=0.2, step=0.05),
                trial("t", "", parameters='["a", "c"]', **BAYESIAN),
            ],
        ),
        (
            "['c'] of group 'w' have scale = 'log'",
            [
                *WEIGHTS[:2],
                table("c", group='"w"', default=0.2, min=0.1, scale='"log"'),
                trial("t", "", parameters='["a", "c"]', **BAYESIAN),
            ],
        ),
    ],
)
def test_a_trial_that_no_learner_can_propose_arms_of_is_refused(reason, tables, refusal):
    assert any(line.startswith(f'[[trial]] "t": {reason}') for line in refusal(*tables))


@pytest.mark.parametrize(
    ("fraction", "unit", "value"), [(0.02, "percent", 2), (0.7, "points", 70), (0.3, "fraction", 0.3)]
)
def test_percent_and_points_are_turned_into_fractions(load, fraction, unit, value):
    registry = load(table("x", unit=f'"{unit}"', max=100))
    assert fraction == registry.fraction("x", {"x": value})
    assert 0.5 / (1 if unit == "fraction" else 100) == registry.fraction("x")


def test_what_is_no_fraction_is_not_turned_into_one(load):
    with pytest.raises(InvalidRegistry, match="'n': 5 in the unit 'bars' is no fraction"):
        load(table("n", unit='"bars"', max=100)).fraction("n", {"n": 5})
    with pytest.raises(InvalidRegistry, match="strategy 'main' has no parameter 'y'"):
        load(table("x")).fraction("y")


def test_win_and_loss_are_the_parameters_in_force_or_else_those_of_the_market(load):
    assert (0.03, -0.01) == outcome_thresholds(load("[market]\nwin = 0.03\nloss = -0.01\n", table("x")), {"x": 0.5})
    scanner = load_registry(PARAMETERS / "scanner.toml")
    assert (0.02, -0.02) == outcome_thresholds(scanner, scanner.defaults)
    assert (0.03, -0.02) == outcome_thresholds(scanner, {**scanner.defaults, "outcome.win_threshold": 3.0})


def test_a_win_threshold_below_the_loss_threshold_is_refused(refusal):
    win = table("outcome.win_threshold", default=-3, min=-9, max=9, unit='"percent"', learnable="false")
    (told,) = refusal(win, table("x"))
    assert told.startswith('[[parameter]] "outcome.win_threshold": an example would win from -3.00% on')


def test_the_hash_is_of_the_content_and_not_of_how_it_is_written(load):
    plain = load(table("x"))
    assert registry_hash(plain) == registry_hash(
        load("# a remark\n[learning]\nbudget = 0.05\n", table("x", default="5e-1"))
    )
    assert registry_hash(plain) != registry_hash(load(table("x", default=0.6)))


@pytest.mark.parametrize("file", sorted(PARAMETERS.glob("*.toml")), ids=lambda file: file.stem)
def test_every_registry_that_comes_along_is_sound_and_survives_a_journey_as_json(file):
    registry = load_registry(file)
    again = msgspec.json.decode(msgspec.json.encode(registry), type=Registry)
    assert registry == again
    assert registry_hash(registry) == registry_hash(again)
    check_values(registry, registry.defaults)


def test_the_scanner_has_124_parameters_and_learns_none_that_defines_success():
    registry = load_registry(PARAMETERS / "scanner.toml")
    assert 124 == len(registry.parameters)
    assert {"weights": 7, "signal_weights": 4} == {group: len(names) for group, names in registry.groups.items()}
    fixed = [name for name, parameter in registry.parameters.items() if not parameter.learnable]
    assert 12 == len(fixed)
    assert all(name.startswith(("outcome.", "regime.")) for name in fixed)
    assert [] == registry.trials
    weights = [parameter for parameter in registry.parameters.values() if parameter.group]
    assert {0.05} == {parameter.max_change for parameter in weights}


def test_the_discovery_registry_begins_with_the_cautious_values():
    registry = load_registry(PARAMETERS / "discovery.toml")
    names = ("volume_momentum", "squeeze", "catalyst", "sentiment", "options", "technical")
    assert [0.25, 0.20, 0.15, 0.15, 0.12, 0.13] == [registry.defaults[f"weight.{name}"] for name in names]
    cautious = ("threshold.discovery", "multiplier.confidence", "limit.position_size")
    assert [0.75, 0.8, 0.02] == [registry.defaults[name] for name in cautious]


def test_the_exits_move_within_their_ranges_on_a_log_scale():
    exits = load_registry(PARAMETERS / "exits.toml").parameters
    for name in ("exit.take_profit", "exit.stop_loss"):
        assert (0.002, 0.05, Scale.LOG) == (exits[name].min, exits[name].max, exits[name].scale)
    hold = exits["exit.holding_bars"]
    assert (ParameterType.INTEGER, 5, 50) == (hold.type, hold.min, hold.max)


def test_the_ranges_of_patterns_are_what_the_file_says(load):
    rules = load("[patterns]\nedges = { rsi = [30, 70] }\ndays = 180\n", table("x")).patterns
    assert ({"rsi": [30.0, 70.0]}, 180, 30, 0.05) == (rules.edges, rules.days, rules.cases, rules.alpha)
    assert {} == load(table("x")).patterns.edges


@pytest.mark.parametrize("edges", ["[70, 30]", "[30, 30]"])
def test_the_edges_of_a_feature_must_rise(refusal, edges):
    [line] = refusal(f"[patterns]\nedges = {{ rsi = {edges} }}\n", table("x"))
    assert line.startswith("[patterns]: edges of 'rsi' must rise")


def test_a_feature_of_a_pattern_has_the_name_of_a_feature(refusal):
    [line] = refusal('[patterns]\nedges = { "r s i" = [30] }\n', table("x"))
    assert line == "[patterns]: edges: the name 'r s i' of a feature may have letters, digits and _ . : -"
