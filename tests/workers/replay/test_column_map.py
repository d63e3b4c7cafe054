import pytest

from tests.workers.replay.archive import rows_of
from workers.replay.column_map import load_map
from workers.replay.errors import InvalidMap

GOOD = """
type = "alert.raised"
source = "scanner"
time = { column = "ts", zone = "America/New_York" }

[constants]
direction = "short"
features.beta = 1.5

[columns]
alert_id = "#id"
symbol = "ticker"
score = { column = "score", scale = "points" }
features.rsi = "rsi"
"features.squeeze" = { column = "sq", scale = "percent" }
"""


def refusal(folder, text):
    with pytest.raises(InvalidMap) as raised:
        rows_of(folder, text)
    return str(raised.value)


def test_a_map_names_the_columns_that_a_table_must_have(tmp_path):
    assert {"ts", "ticker", "score", "rsi", "sq"} == rows_of(tmp_path, GOOD).map.names


def test_dotted_fields_may_be_quoted_or_nested(tmp_path):
    assert {"features.rsi", "features.squeeze"} <= set(rows_of(tmp_path, GOOD).map.columns)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "alert.raised",
            "alert.rised",
            "type: there is no event 'alert.rised' to be told; did you mean 'alert.raised'?",
        ),
        ("alert.raised", "outcome.attributed", "there is no event 'outcome.attributed' to be told"),
        ('score = { column = "score", scale = "points" }', "", "[columns]: alert.raised must have score"),
        ('symbol = "ticker"', 'simbol = "ticker"', "simbol: alert.raised has no such field; did you mean 'symbol'?"),
        ("features.rsi", "feature.rsi", "feature.rsi: alert.raised has no such field"),
        ('direction = "short"', 'directon = "short"', "directon: alert.raised has no such field"),
        ('direction = "short"', 'symbol = "A"', "symbol: it is both a column and a constant"),
        ('"points"', '"percents"', "score: Invalid enum value 'percents' in scale"),
        ('scale = "points"', 'scal = "points"', "score: unknown field 'scal'; did you mean 'scale'?"),
        ('symbol = "ticker"', 'symbol = { column = "t", scale = "bps" }', "symbol: scale is for fractions"),
        ('symbol = "ticker"', 'symbol = { column = "t", at = "open" }', "symbol: at, zone and plus are for times"),
        ('symbol = "ticker"', 'symbol = { column = "t", positive = "A" }', "positive and negative are told together"),
        ('symbol = "ticker"', "symbol = 5", "symbol: "),
        ("America/New_York", "America/New_Yrk", "zone 'America/New_Yrk' is not known"),
        ("America/New_York", "../etc", "zone '../etc' is not known"),
        ('zone = "America/New_York"', 'at = "noon"', "time: "),
        ('zone = "America/New_York"', 'at = "25:00"', "time: "),
        ('zone = "America/New_York"', 'plus = "1d"', "time: "),
        ('zone = "America/New_York"', 'at = "open", zone = "UTC"', "leave zone out"),
        ('source = "scanner"', "", "missing required field `source`"),
        ('source = "scanner"', 'sauce = "scanner"', "top level: unknown field 'sauce'; did you mean 'source'?"),
        ("[columns]", "[columns", "is not TOML"),
    ],
)
def test_a_map_that_contradicts_itself_is_refused_with_the_place(tmp_path, old, new, reason):
    assert old in GOOD
    told = refusal(tmp_path, GOOD.replace(old, new, 1))
    assert told.startswith(f"{tmp_path / 'map.toml'}")
    assert reason in told


def test_a_map_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidMap, match=r"gone\.toml cannot be read: No such file"):
        load_map(tmp_path / "gone.toml")
