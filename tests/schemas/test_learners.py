"""What a registry may say of its learners."""

import pytest

from schemas.cycles import kinds_after
from schemas.errors import InvalidRegistry
from schemas.registry import load_registry

PARAMETERS = """
[market]
horizons = ["1d", "5d"]
primary_horizon = "5d"
""" + "".join(
    f"""
[[parameter]]
name = "{name}"
category = "test"
affects = "score"
description = "For a test."
{fields}
"""
    for name, fields in {
        "w.a": "default = 0.4\nmin = 0\nmax = 1\nstep = 0.05\ngroup = 'w'",
        "w.b": "default = 0.6\nmin = 0\nmax = 1\nstep = 0.05\ngroup = 'w'",
        "least": "default = 0.5\nmin = 0\nmax = 1",
        "look": "default = 0.5\nmin = 0\nmax = 1\nreward = 'alert_return:5d'\ndecides_trade = false",
        "fixed": "default = 0.5\nlearnable = false",
        "word": "type = 'choice'\ndefault = 'a'\nchoices = ['a', 'b']",
        "target": "default = 4\nmin = 1\nmax = 9\nunit = 'percent'",
        "stop": "default = 0.02\nmin = 0.01\nmax = 0.09\nunit = 'fraction'",
        "whole": "default = 4\nmin = 1\nmax = 100\nunit = 'percent'",
        "hold": "default = 4\nmin = 1\nmax = 9\ntype = 'integer'\nunit = 'sessions'",
        "cap": "default = 0.2\nmin = 0.01\nmax = 0.5\nunit = 'fraction'",
    }.items()
)
MIX = {"kind": "weights", "weights": {"w.a": "a", "w.b": "b"}, "threshold": "least"}
EXITS = {"kind": "exits", "take_profit": "target", "stop_loss": "stop", "max_hold": "hold"}


def learner(id_="one", **fields):
    written = [f'id = "{id_}"', *(f"{name} = {toml(value)}" for name, value in fields.items() if value is not None)]
    return "\n[[learner]]\n" + "\n".join(written) + "\n"


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{name}" = "{text}"' for name, text in value.items()) + " }"
    return f'"{value}"' if isinstance(value, str) else str(value)


@pytest.fixture
def load(tmp_path):
    def written(*learners, rules=PARAMETERS):
        path = tmp_path / "x.toml"
        path.write_text(rules + "".join(learners))
        return load_registry(path)

    return written


def complaint(load, *learners, **more):
    with pytest.raises(InvalidRegistry) as refused:
        load(*learners, **more)
    [line] = str(refused.value).splitlines()
    return line.partition(", ")[2]


def test_takes_a_learner_of_every_kind(load):
    registry = load(
        learner("mix", **MIX),
        learner("entry", kind="threshold", threshold="least", weights=MIX["weights"], costs=0.001, sessions=120),
        learner("exits", **EXITS, threshold="least"),
        learner("sizes", kind="position_size", cap="cap", horizon="close", sessions=330),
    )
    assert [("w.a", "w.b"), ("least",), ("target", "stop", "hold"), ("cap",)] == [
        one.learned for one in registry.learners
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "threshold"}, "a learner of kind 'threshold' needs threshold: the name of the parameter"),
        ({**MIX, "threshold": None}, "a learner of kind 'weights' needs threshold"),
        ({**MIX, "weights": {"w.a": "a"}}, "a learner of weights needs at least two"),
        ({**MIX, "cap": "cap"}, "a learner of kind 'weights' has no cap; remove it"),
        ({**EXITS, "weights": MIX["weights"]}, "weights score what the threshold lets in; name the threshold"),
        ({"kind": "position_size", "cap": "cap", "weights": MIX["weights"]}, "a learner of position sizes scores"),
        ({"kind": "threshold", "threshold": "leats"}, "there is no parameter 'leats'; did you mean 'least'?"),
        ({"kind": "threshold", "threshold": "fixed"}, "'fixed' is not learnable"),
        ({"kind": "threshold", "threshold": "word"}, "'word' is a choice; only numbers and integers are learned"),
        ({"kind": "threshold", "threshold": "look"}, "'look' is judged by 'alert_return:5d', history by what units"),
        ({"kind": "threshold", "threshold": "least", "horizon": "close"}, "what was not bought has no close"),
        ({"kind": "threshold", "threshold": "least", "horizon": "3d"}, "the horizon '3d' is not in [market] horizons"),
        ({**EXITS, "horizon": "5d"}, "exits end a position by themselves; remove horizon"),
        ({**EXITS, "stop_loss": "least"}, "'least' needs the unit fraction or percent, and a min above 0"),
        ({**EXITS, "max_hold": "cap"}, "'cap' counts sessions: it needs type = 'integer', unit = 'sessions'"),
        ({**EXITS, "stop_loss": "target"}, "'target' has 2 parts to play; each needs a parameter of its own"),
        ({**MIX, "threshold": "w.a"}, "'w.a' has 2 parts to play"),
        ({**MIX, "weights": {"w.a": "a", "w.b": "a"}}, "the feature 'a' has 2 weights"),
        ({"kind": "position_size", "cap": "least"}, "'least' needs the unit fraction or percent"),
        (
            {"kind": "position_size", "cap": "cap"},
            "250 sessions are too few to judge outcomes of 30 sessions ([market] close_after); write sessions = 330",
        ),
        (
            {**EXITS, "sessions": 98},
            "98 sessions are too few to judge outcomes of 9 sessions (the max of 'hold'); write sessions = 99",
        ),
        ({**MIX, "weights": {"w.a": "a", "stop": "b"}}, "its weights are in the groups ['', 'w']"),
        ({"kind": "weight", "threshold": "least"}, "Invalid enum value 'weight' in kind; did you mean 'weights'?"),
        ({**EXITS, "stop_loss": "whole"}, "'whole' reaches 100: no price falls by all it has"),
        ({**MIX, "feature": "a"}, "unknown field 'feature'"),
    ],
)
def test_says_what_contradicts_itself(load, fields, said):
    assert complaint(load, learner(**fields)).startswith(f'[[learner]] "one": {said}')


def test_weights_need_all_members_of_their_group_on_one_step(load):
    three = PARAMETERS.replace("default = 0.6", "default = 0.5").replace("'w'", "'w'")
    more = '\n[[parameter]]\nname = "w.c"\ncategory = "t"\naffects = "score"\ndescription = "t"\ngroup = "w"\n'
    more += "default = 0.1\nmin = 0\nmax = 1\nstep = 0.025\n"
    assert "['w.c'] of group 'w' have no feature" in complaint(load, learner(**MIX), rules=three + more)
    all_three = {**MIX, "weights": {"w.a": "a", "w.b": "b", "w.c": "c"}}
    assert "the steps of its weights are [0.025, 0.05]" in complaint(load, learner(**all_three), rules=three + more)


def test_exits_need_daily_bars(load):
    rules = PARAMETERS.replace("[market]", "[market]\nbars = '1h'")
    assert "exits are learned on daily bars; [market] bars is '1h'" in complaint(load, learner(**EXITS), rules=rules)


def test_no_id_is_used_twice_and_no_parameter_has_two_learners(load):
    entry = {"kind": "threshold", "threshold": "least"}
    assert "the id is used twice" in complaint(load, learner(**entry), learner(**EXITS))
    assert "'least' is learned by 'one' too" in complaint(load, learner(**entry), learner("two", **entry))


@pytest.mark.parametrize(
    ("session", "kinds"),
    [
        ("2024-03-27", ["daily"]),
        ("2024-03-28", ["daily", "weekly"]),
        ("2024-04-05", ["daily", "weekly"]),
        ("2024-12-31", ["daily"]),
        ("2024-03-30", ["daily"]),
    ],
    ids=["Wednesday", "before Good Friday", "Friday", "a year's last day within a week", "no session"],
)
def test_the_last_session_of_an_iso_week_asks_for_the_weekly_cycle_where_there_are_learners(load, session, kinds):
    assert kinds == kinds_after(load(learner(**EXITS)), session)
    assert ["daily"] == kinds_after(load(), session)
