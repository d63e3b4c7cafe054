from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.replay.archive import NYSE
from workers.replay.cells import cell_reader
from workers.replay.column_map import Column, load_map

MAP = """
type = "{type}"
source = "s"
time = "t"
[columns]
{columns}
"""
REQUIRED = {
    "alert.raised": ("alert_id", "symbol", "score"),
    "fill.reported": ("fill_id", "symbol", "side", "quantity", "price"),
    "decision.made": ("decision_id", "symbol", "action"),
    "outcome.observed": ("outcome_id",),
    "price.observed": ("symbol", "interval", "open", "high", "low", "close"),
}


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    for kind, names in REQUIRED.items():
        columns = "\n".join(f'{name} = "{name}"' for name in names)
        (folder / kind).write_text(MAP.format(type=kind, columns=columns))
    return {kind: load_map(folder / kind) for kind in REQUIRED}


@pytest.fixture
def read(maps):
    def reading(text, field, *, kind="alert.raised", **more):
        column = Column(column="c", **more)
        return cell_reader(field, column, maps[kind].target(field), calendar=NYSE)(text)

    return reading


@pytest.mark.parametrize(
    ("scale", "text", "expected"),
    [
        ("percent", "2.1", 0.021),
        ("percent", "-49", -0.49),
        ("percent", "1e1", 0.1),
        ("points", "83", 0.83),
        ("points", "100", 1.0),
        ("bps", "25", 0.0025),
        ("bps", "-0.5", -0.00005),
    ],
)
def test_a_scale_makes_fractions_as_somebody_would_have_written_them(read, scale, text, expected):
    assert expected == read(text, "score", scale=scale)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=4))
def test_a_scale_is_exact_to_the_last_bit(maps, number):
    target = maps["alert.raised"].target("score")
    read = cell_reader("score", Column(column="c", scale="percent"), target, calendar=NYSE)
    assert float(number / Decimal(100)) == read(str(number))


def test_words_are_mapped_and_others_stay(read):
    words = {"enter": "BUY", "n/a": ""}
    assert "BUY" == read("enter", "action", kind="decision.made", words=words)
    assert "SELL" == read("SELL", "action", kind="decision.made", words=words)
    assert read("n/a", "action", kind="decision.made", words=words) is None


def test_a_word_may_stand_for_a_number(read):
    assert 0.9 == read("hot", "score", words={"hot": "90"}, scale="points")


@pytest.mark.parametrize(
    ("text", "side"), [("448", "buy"), ("-1e3", "sell"), ("0", None), ("-0.0", None), ("many", "many")]
)
def test_the_sign_of_an_amount_tells_the_side(read, text, side):
    assert side == read(text, "side", kind="fill.reported", positive="buy", negative="sell")


@pytest.mark.parametrize(("text", "quantity"), [("-448", 448.0), ("448", 448.0), ("-1e3", 1000.0)])
def test_an_amount_without_its_sign_is_the_quantity(read, text, quantity):
    assert quantity == read(text, "quantity", kind="fill.reported", absolute=True)


@pytest.mark.parametrize("text", ["abc", "nan", "inf", "-Infinity", "1_000", "1,000"])
def test_what_is_no_number_stays_the_text_that_the_decoder_refuses(read, text):
    assert text == read(text, "score")
    assert text == read(text, "score", scale="percent")
    assert text == read(text, "max_hold", kind="decision.made")


def test_a_number_beyond_every_range_stays_text(read):
    assert "1e999" == read("1e999", "score")
    assert isinstance(read("1e999", "score", scale="percent"), str)


@pytest.mark.parametrize(
    ("text", "number"), [("5", 5), ("5.0", 5), ("9007199254740993", 9007199254740993), ("5.5", "5.5")]
)
def test_whole_numbers_are_whole_however_they_are_written(read, text, number):
    assert number == read(text, "max_hold", kind="decision.made")
    assert type(number) is type(read(text, "max_hold", kind="decision.made"))


@pytest.mark.parametrize(
    ("text", "truth"), [("True", True), ("0", False), ("false", False), ("1.0", True), ("yes", "yes")]
)
def test_truths_are_read_as_tables_write_them(read, text, truth):
    assert truth == read(text, "final", kind="price.observed")


def test_a_number_that_is_text_stays_as_it_is_written(read):
    assert "007" == read("007", "alert_id")


def test_lists_and_objects_are_read_as_on_a_stream(read):
    assert ["wide_spread", "low_volume"] == read("wide_spread, low_volume", "risk_flags")
    assert ["wide_spread"] == read('["wide_spread"]', "risk_flags")
    assert {"1d": 0.5} == read('{"1d": 0.5}', "returns", kind="outcome.observed")


def test_a_time_in_the_data_is_told_with_its_zone(read):
    told = read("2024-07-03", "entry_time", kind="outcome.observed", at="close")
    assert "2024-07-03T17:00:00Z" == told
