"""What goes into the file is what stands in the books, each example once, with all that is known of it."""

import gzip
import json
import sys
from collections import defaultdict
from datetime import UTC
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from learning.uniqueness import average_uniqueness
from schemas.calendar import Calendar
from schemas.discovery import DiscoveryCompleted
from schemas.parameters import Market
from schemas.thesis import ThesisFormed
from schemas.vocabulary import Direction, Recommendation, Side
from store.selections import Selection, Stretch, Window
from tests.docs.pages import blocks
from tests.docs.pages import rows as rows_of_page
from workers.cli import app
from workers.export import plan as planning
from workers.export import uniqueness as weighing
from workers.export.column import Kind
from workers.export.columns import COLUMNS
from workers.export.export import Export
from workers.export.files import Unwritable, writing
from workers.export.plan import plan
from workers.export.uniqueness import Uniqueness

from .desk import NYSE, Desk, Stream, at, registry, version

RUN = DiscoveryCompleted(run_id="r1", universe_size=4000, candidate_count=3)
DAYS = ("2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09")


@pytest.fixture
def desk(store):
    return Desk(store)


@pytest.fixture
def stream():
    return Stream()


def events(stream):
    """Two alerts, a purchase with fills, a thesis, and the bars of a week."""
    return [
        stream.event(RUN, "2024-01-02 21:05"),
        stream.alert(
            "a1", "2024-01-02 21:10", run_id="r1", regime="bull", features={"rsi": 61.0}, rsi=61.0, volume=5.0
        ),
        stream.alert("a2", "2024-01-03 21:10", direction=Direction.SHORT),
        stream.decision("d1", "2024-01-02 21:11", alert_id="a1", size=0.05, stop=9.0, weights={"trend": 0.5}),
        stream.event(
            ThesisFormed(thesis_id="t1", symbol="AAPL", recommendation=Recommendation.HOLD, decision_id="d1"),
            "2024-01-02 21:12",
        ),
        stream.fill(
            "f1", "2024-01-03 14:31", decision_id="d1", position_id="p1", side=Side.BUY, quantity=1.0, price=10.0
        ),
        *(stream.bar(day, 10 + place, 12 + place, 9.5 + place, 11 + place) for place, day in enumerate(DAYS)),
    ]


def exported(desk, tmp_path, name="out.jsonl", **selection):
    """The file, written by the export."""
    with desk.store.read() as reading, writing(str(tmp_path / name), COLUMNS) as writer:
        Export(reading, Selection("main", **selection), market=Market()).into(writer, advance=lambda *_: None)
    return tmp_path / name


def lines(desk, tmp_path, **selection):
    """The lines of the file, as whoever reads it gets them."""
    return [json.loads(line) for line in exported(desk, tmp_path, **selection).read_text().splitlines()]


def row(desk, tmp_path, name):
    [found] = [line for line in lines(desk, tmp_path) if line["example_id"] == name]
    return found


@pytest.fixture
def busy(desk, stream):
    """A desk with books."""
    desk.take(*events(stream))
    return desk


def test_every_example_is_a_line_once_by_session_subject_horizon_and_origin(busy, tmp_path):
    found = lines(busy, tmp_path)
    assert sorted(busy.examples("state")) == sorted(line["example_id"] for line in found)
    order = [(line["session"], line["subject_id"], line["horizon"], line["origin"]) for line in found]
    assert sorted(order) == order
    assert 3 < len(order)


def test_every_line_has_every_column_in_its_order(busy, tmp_path):
    for line in lines(busy, tmp_path):
        assert [column.name for column in COLUMNS] == list(line)


def test_a_line_tells_what_stands_in_the_books(busy, tmp_path):
    name = "main/alert/a1/3d/prices"
    stands, line = busy.example(name), row(busy, tmp_path, name)
    for field in ("state", "unit", "return", "mfe", "mae", "volatility", "outcome_class", "entry_price", "exit_price"):
        assert stands[field] == line[field], field
    assert json.loads(stands["contributions"]) == line["contributions"]
    assert "2024-01-03T14:30:00Z" == line["entry_time"]
    assert "2024-01-05T21:00:00Z" == line["exit_time"]
    assert 2 * 86_400 + 6.5 * 3_600 == line["peak_seconds"]
    assert ("long", "bull", 0.7, "1-1") == (line["direction"], line["regime"], line["score"], line["params_version"])


def test_what_nobody_told_is_missing_and_never_a_zero(busy, tmp_path):
    line = row(busy, tmp_path, "main/alert/a2/3d/prices")
    missing = (
        "net",
        "benchmark_return",
        "relative_return",
        "run_id",
        "universe_size",
        "rsi",
        "size",
        "market",
        "account",
    )
    assert dict.fromkeys(missing) == {name: line[name] for name in missing}
    assert row(busy, tmp_path, "main/alert/a1/3d/prices")["filtered_size"] is None


def test_the_scanner_and_its_run_are_told_with_the_alert_its_decision_and_nothing_else(busy, tmp_path):
    for name in ("main/alert/a1/1d/prices", "main/decision/d1/1d/prices"):
        line = row(busy, tmp_path, name)
        assert (4000, 3, 61.0, {"rsi": 61.0}) == tuple(
            line[name] for name in ("universe_size", "candidate_count", "rsi", "features")
        )
    assert {} == row(busy, tmp_path, "main/alert/a2/1d/prices")["features"]
    assert row(busy, tmp_path, "main/thesis/t1/3d/prices")["features"] is None


def test_after_a_rename_each_has_the_symbol_of_its_time(desk, stream, tmp_path):
    rows = [
        stream.alert("before", "2024-01-02 21:10"),
        stream.changed("AAPL", "2024-01-03", renamed_to="PEAR"),
        stream.alert("after", "2024-01-03 21:10", symbol="PEAR"),
        stream.decision("bought", "2024-01-03 21:11", symbol="PEAR", alert_id="before"),
        stream.event(
            ThesisFormed(thesis_id="t", symbol="PEAR", recommendation=Recommendation.HOLD), "2024-01-04 21:10"
        ),
    ]
    desk.take(*rows)

    told = lines(desk, tmp_path)
    symbols = {line["subject_id"]: line["symbol"] for line in told}
    assert {"before": "AAPL", "after": "PEAR", "bought": "PEAR", "t": "PEAR"} == symbols
    assert 1 == len({line["instrument"] for line in told})


def test_a_decision_is_told_with_its_alert_and_the_position_of_its_fills(busy, tmp_path):
    line = row(busy, tmp_path, "main/decision/d1/close/prices")
    assert ("a1", "d1", "p1", "BUY", 0.05, 9.0) == tuple(
        line[name] for name in ("alert_id", "decision_id", "position_id", "action", "size", "stop")
    )
    assert {"trend": 0.5} == line["weights"]


def test_what_a_decision_says_itself_counts_more_than_what_its_alert_says(desk, stream, tmp_path):
    desk.take(
        stream.alert("a1", "2024-01-02 21:10", price=10.0, component_scores={"trend": 0.1}),
        stream.decision("d1", "2024-01-02 21:11", alert_id="a1", price=10.5),
    )
    line = row(desk, tmp_path, "main/decision/d1/1d/prices")
    assert (10.5, {"trend": 0.1}) == (line["price"], line["component_scores"])


def test_a_thesis_is_told_with_what_it_is_about(busy, tmp_path):
    line = row(busy, tmp_path, "main/thesis/t1/3d/prices")
    assert ("t1", "d1", "HOLD", "long", "thesis/t1") == tuple(
        line[name] for name in ("thesis_id", "decision_id", "recommendation", "direction", "unit")
    )
    assert line["values"] is None
    assert line["arms"] is None


def test_values_and_arms_are_those_that_the_version_gives_the_unit(busy, tmp_path):
    made = version(busy.rules)
    units = set()
    for line in lines(busy, tmp_path):
        if line["params_version"] is None:
            continue
        units.add(line["unit"])
        assert made.values_for(line["unit"]) == line["values"]
        assert {name: arm.key for name, arm in made.assigned(line["unit"]).items()} == {
            arm["allocation"]: arm["arm"] for arm in line["arms"]
        }
        for arm in line["arms"]:
            assert 5_000 == arm["propensity"]
            assert (json.loads(arm["arm"]).items() <= made.values.items()) is arm["baseline"]
    assert 2 == len(units)


def test_a_version_that_was_never_published_leaves_values_and_arms_missing(desk, stream, tmp_path):
    desk.take(stream.alert("a1", "2024-01-02 21:10", version="9-9"))
    line = row(desk, tmp_path, "main/alert/a1/1d/prices")
    assert ("9-9", None, None) == (line["params_version"], line["values"], line["arms"])


def test_a_short_position_is_compared_with_what_the_benchmark_would_have_earned_short(store, stream, tmp_path):
    desk = Desk(store, rules=registry(benchmark="SPY"))
    desk.take(*events(stream), *(stream.bar(day, 100, 130, 90, 125, symbol="SPY") for day in DAYS))
    long, short = (row(desk, tmp_path, f"main/alert/{name}/1d/prices") for name in ("a1", "a2"))
    assert [0.25, 0.25] == [long["benchmark_return"], short["benchmark_return"]]
    assert long["return"] - 0.25 == long["relative_return"]
    assert short["return"] + 0.25 == short["relative_return"]
    assert 0 > short["return"]


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        ({"horizons": ["1d"]}, lambda line: line["horizon"] == "1d"),
        ({"horizons": ["1d", "close"]}, lambda line: line["horizon"] in ("1d", "close")),
        ({"origin": "reported"}, lambda line: line["origin"] == "reported"),
        ({"states": ["pending"]}, lambda line: line["state"] == "pending"),
        ({"states": ["pending", "matched"], "origin": "prices"}, lambda line: line["origin"] == "prices"),
        ({"since": "2024-01-03"}, lambda line: line["session"] >= "2024-01-03"),
        ({"until": "2024-01-02"}, lambda line: line["session"] <= "2024-01-02"),
    ],
)
def test_only_what_was_chosen_is_written(busy, tmp_path, selection, chosen):
    everything = {line["example_id"] for line in lines(busy, tmp_path) if chosen(line)}
    assert everything == {line["example_id"] for line in lines(busy, tmp_path, **selection)}
    assert 0 < len(everything) < len(busy.examples("state"))


def test_the_order_in_which_facts_came_does_not_show(busy, stores, tmp_path):
    backwards = Desk(stores.fresh(lambda: 0))
    for event in reversed(events(Stream())):
        backwards.take(event)
    found = [lines(each, tmp_path) for each in (busy, backwards)]
    assert [without_arrival(line) for line in found[0]] == [without_arrival(line) for line in found[1]]


def without_arrival(line):
    return {name: value for name, value in line.items() if name not in ("instrument", "revision", "late")}


def test_what_is_written_meanwhile_is_not_in_the_file(busy, stream, tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "TOGETHER", 1)
    before = len(busy.examples("state"))
    late = iter([stream.alert("a9", "2024-01-04 21:10"), stream.alert("a8", "2024-01-02 21:10", symbol="MSFT")])

    def advance(*_):
        if event := next(late, None):
            busy.take(event)

    with busy.store.read() as reading, writing(str(tmp_path / "out.jsonl"), COLUMNS) as writer:
        count = Export(reading, Selection("main"), market=Market()).into(writer, advance=advance)
    assert before == count
    assert before == len((tmp_path / "out.jsonl").read_text().splitlines())
    assert before < len(busy.examples("state"))


def test_a_parquet_file_holds_the_same(busy, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(exported(busy, tmp_path, "out.parquet"))
    assert [column.name for column in COLUMNS] == table.column_names
    expected = lines(busy, tmp_path)
    for column in COLUMNS:
        found = [as_json(column, value) for value in table[column.name].to_pylist()]
        assert [line[column.name] for line in expected] == found, column.name


def as_json(column, value):
    if value is None:
        return None
    if column.kind is Kind.TIME:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if column.kind is Kind.NUMBERS:
        return dict(value)
    return json.loads(value) if column.kind is Kind.VALUES else value


def test_no_example_is_an_empty_file_with_all_columns(desk, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(exported(desk, tmp_path, "out.parquet"))
    assert (0, len(COLUMNS)) == (table.num_rows, table.num_columns)
    assert [] == lines(desk, tmp_path)


def test_the_same_examples_give_the_same_bytes(busy, tmp_path):
    first = exported(busy, tmp_path, "first.jsonl.gz").read_bytes()
    assert first == exported(busy, tmp_path, "second.jsonl.gz").read_bytes()
    assert exported(busy, tmp_path).read_bytes() == gzip.decompress(first)


def test_portions_do_not_show(busy, tmp_path, monkeypatch):
    whole = exported(busy, tmp_path, "whole.jsonl").read_bytes()
    monkeypatch.setattr(planning, "TOGETHER", 1)
    assert whole == exported(busy, tmp_path, "portions.jsonl").read_bytes()


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet", "out.jsonl.gz"])
def test_a_file_that_was_there_stays_whole_when_writing_fails(tmp_path, name):
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_text("as it was")
    with pytest.raises(KeyError, match="half way"), writing(str(tmp_path / name), COLUMNS) as writer:
        writer.write([])
        raise KeyError("half way")
    assert ["as it was"] == [file.read_text() for file in tmp_path.iterdir()]


def test_a_file_without_a_known_ending_or_folder_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(Unwritable, match=r"'out.csv' ends in none of .parquet, .jsonl, .jsonl.gz; name the file so"):
        writing("out.csv", COLUMNS).__enter__()
    with pytest.raises(Unwritable, match="cannot be written: No such file or directory"):
        writing(str(tmp_path / "nowhere" / "out.jsonl"), COLUMNS).__enter__()


def test_without_pyarrow_a_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "workers.export.parquet", raising=False)
    with pytest.raises(
        Unwritable, match=r"needs pyarrow, which is not installed: pip install 'learning-engine\[files\]'"
    ):
        writing(str(tmp_path / "out.parquet"), COLUMNS).__enter__()
    assert [] == list(tmp_path.iterdir())


WINDOWS = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from(["1d", "5d"]), st.integers(0, 9), st.integers(-1, 9)), max_size=40
)


@given(WINDOWS, st.integers(1, 8), st.randoms(use_true_random=False))
def test_uniqueness_is_the_mean_share_of_each_session_whatever_is_weighed_together(windows, together, random):
    before, weighing.AT_ONCE = weighing.AT_ONCE, together
    try:
        given_ = [
            Window(
                "2024-01-02",
                fact,
                horizon,
                "prices",
                instrument,
                opens(first),
                None if hold < 0 else closes(first + hold),
            )
            for fact, (instrument, horizon, first, hold) in enumerate(windows)
        ]
        uniqueness = Uniqueness(defaultdict(lambda: NYSE))
        for window in random.sample(given_, len(given_)):
            uniqueness.add(window)
        uniqueness.weigh()
        for window in given_:
            share = uniqueness.of((window.fact, window.horizon, window.origin))
            assert alone(window, given_) == (share if share is None else pytest.approx(share, abs=1e-12))
    finally:
        weighing.AT_ONCE = before


def opens(place):
    return NYSE.open_of(NYSE.sessions[5_000 + place])


def closes(place):
    return NYSE.close_of(NYSE.sessions[5_000 + place])


def alone(window, others):
    """The mean over the window's sessions of 1 / how many of its kind run then, counted one by one."""
    if window.exit_time is None:
        return None
    sessions = [place for place in range(30) if window.entry_time < closes(place) <= window.exit_time]
    same = [
        one
        for one in others
        if one.exit_time is not None and (one.instrument, one.horizon) == (window.instrument, window.horizon)
    ]
    shares = [1 / sum(one.entry_time < closes(place) <= one.exit_time for one in same) for place in sessions]
    return float(np.mean(shares))


def test_sessions_are_those_of_the_instruments_venue_and_what_is_entered_at_a_close_begins_after_it():
    always = Calendar.named("24/7")
    uniqueness = Uniqueness({1: NYSE, 2: always})
    for number in (1, 2):
        for fact, first, last in ((10, "2024-01-05", "2024-01-08"), (11, "2024-01-06", "2024-01-08")):
            entered, left = (at(f"{day} 00:00") for day in (first, last))
            uniqueness.add(Window(first, fact + 10 * number, "3d", "prices", number, entered, left))
    uniqueness.weigh()
    shares = {fact: uniqueness.of((fact, "3d", "prices")) for fact in (20, 21, 30, 31)}
    assert pytest.approx({20: (1 + 1 / 2) / 2, 21: 1 / 2, 30: (1 + 1 / 2 + 1 / 2) / 3, 31: 1 / 2}) == shares


def test_an_example_that_ends_before_it_begins_has_no_uniqueness():
    uniqueness = Uniqueness(defaultdict(lambda: NYSE))
    uniqueness.add(Window("2024-01-02", 1, "close", "reported", 1, at("2024-01-05 15:00"), at("2024-01-03 15:00")))
    uniqueness.weigh()
    assert uniqueness.of((1, "close", "reported")) is None
    assert uniqueness.of((1, "9d", "prices")) is None


def test_the_uniqueness_in_the_file_is_that_among_its_rows(busy, stream, tmp_path):
    busy.take(stream.alert("a3", "2024-01-03 21:20"))
    shares = {line["subject_id"]: line["uniqueness"] for line in lines(busy, tmp_path, horizons=["3d"])}
    windows = {"a1": (0, 2), "a2": (1, 3), "a3": (1, 3), "d1": (0, 2), "t1": (0, 2)}
    starts, stops = (np.array(column) for column in zip(*windows.values(), strict=True))
    expected = average_uniqueness(np.zeros(5, dtype=np.int64), starts, stops)
    assert dict(zip(windows, expected.tolist(), strict=True)) == shares
    fewer = {
        line["subject_id"]: line["uniqueness"] for line in lines(busy, tmp_path, horizons=["3d"], since="2024-01-03")
    }
    assert {"a2": 0.5, "a3": 0.5} == fewer


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 1_000)), max_size=60), st.integers(1, 12))
def test_stretches_hold_every_session_once_and_no_more_than_is_read_together(found, together):
    before, planning.TOGETHER = planning.TOGETHER, together
    try:
        windows = [Window(f"2024-01-{day + 1:02}", fact, "1d", "prices", 1, None, None) for day, fact in found]
        stretches = plan(windows, Uniqueness(defaultdict(lambda: NYSE)), advance=lambda _: None)
    finally:
        planning.TOGETHER = before
    assert sorted(windows) == sorted(window for stretch in stretches for window in windows if inside(window, stretch))
    for stretch in stretches:
        assert stretch.size == sum(inside(window, stretch) for window in windows)
        assert stretch.size <= together or stretch.first == stretch.last
    assert all(left.last < right.first for left, right in pairwise(stretches))


def inside(window, stretch: Stretch):
    return stretch.first <= window.session <= stretch.last and stretch.low <= window.fact <= stretch.high


# the page


def test_the_data_dictionary_names_every_column_as_it_is():
    told = rows_of_page("docs/data-dictionary.md", header="column")
    expected = [[f"`{one.name}`", one.kind.value, one.unit, one.meaning, one.missing] for one in COLUMNS]
    assert expected == told


def test_the_data_dictionary_names_every_kind():
    told = [row[0] for row in rows_of_page("docs/data-dictionary.md", header="type")]
    assert [kind.value for kind in Kind] == told


def test_the_lines_for_a_notebook_do_what_the_page_says(busy, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    exported(busy, tmp_path, "examples.parquet")
    monkeypatch.chdir(tmp_path)
    names = {}
    [lines_of_page] = blocks("docs/data-dictionary.md", "python")
    exec(lines_of_page, names)
    told = lines(busy, tmp_path)
    rsi = names["features"]["feature.rsi"].replace({np.nan: None}).tolist()
    assert [(line["features"] or {}).get("rsi") for line in told] == rsi
    stated = {place: line["values"]["look"] for place, line in enumerate(told) if line["values"]}
    assert stated == names["in_force"]["look"].to_dict()


def test_column_names_are_used_once():
    names = [column.name for column in COLUMNS]
    assert sorted(set(names)) == sorted(names)


# the command


@pytest.fixture
def place(tmp_path, desk, monkeypatch):
    """A folder with a registry and the desk's store."""
    (tmp_path / "main.toml").write_text('strategy = "main"\n')
    (tmp_path / "learning.toml").write_text(f'registries = ["main.toml"]\nstore_url = "{desk.store.place}"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, ["export", *arguments])


def test_the_command_writes_the_file_and_says_how_many(place, desk, stream):
    desk.take(*events(stream), stream.alert("a9", "2024-01-09 21:10"))
    ran = run("out.jsonl", "--horizon", "1d", "--horizon", "3d", "--state", "matched", "--since", "2024-01-02")
    assert 0 == ran.exit_code, ran.output
    written = [json.loads(line)["example_id"] for line in (place / "out.jsonl").read_text().splitlines()]
    stand = desk.examples("horizon", "state")
    chosen = [name for name, row in stand.items() if row["horizon"] in ("1d", "3d") and row["state"] == "matched"]
    assert chosen == sorted(written)
    assert f"{len(chosen)} examples of strategy main in out.jsonl" in ran.stderr
    assert "" == ran.stdout
    assert {"1d", "3d", "close"} == {row["horizon"] for row in stand.values()}
    assert {"pending", "matched"} == {row["state"] for row in stand.values() if row["horizon"] == "3d"}


def test_a_stretch_that_ends_before_it_begins_is_refused(place, desk, stream):
    desk.take(*events(stream))
    ran = run("out.jsonl", "--since", "2024-01-04", "--until", "2024-01-03")
    assert 1 == ran.exit_code
    assert "--since 2024-01-04 is later than --until 2024-01-03" in " ".join(ran.stderr.split())
    assert not (place / "out.jsonl").exists()


def test_a_horizon_that_no_example_has_is_said_with_those_that_there_are(place, desk, stream):
    desk.take(*events(stream))
    ran = run("out.jsonl", "--horizon", "7d", "--horizon", "1d")
    assert 0 == ran.exit_code
    assert "no example has the horizon 7d; there are: close, 1d, 3d" in ran.stderr
    assert "horizon 1d" not in ran.stderr


def test_a_hyphen_writes_lines_to_standard_output_and_nothing_else_there(place, desk, stream):
    desk.take(*events(stream))
    ran = run("-")
    assert 0 == ran.exit_code, ran.output
    assert sorted(desk.examples("state")) == sorted(json.loads(line)["example_id"] for line in ran.stdout.splitlines())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["out.csv"], "ends in none of"),
        (["out.jsonl", "--horizon", "5"], "'5' is no horizon; write such as 5d, 4h, 30m or close"),
        (["out.jsonl", "--since", "yesterday"], "'yesterday' is no date; write such as 2024-01-31"),
        (["out.jsonl", "--strategy", "other"], "Say --strategy with one of ['main']"),
        (["out.jsonl", "--origin", "guesses"], "'guesses'"),
    ],
)
def test_what_cannot_be_exported_is_said_and_nothing_is_written(place, arguments, sentence):
    ran = run(*arguments)
    assert 0 != ran.exit_code
    assert sentence in " ".join(ran.stderr.replace("│", " ").split())
    assert not (place / "out.jsonl").exists()
