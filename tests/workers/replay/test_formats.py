import gzip
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.workers.replay.archive import envelopes, rows_of, written, zipped
from workers.replay.csv_rows import csv_records
from workers.replay.errors import InvalidMap, UnreadableFile
from workers.replay.formats import Format, format_of
from workers.replay.packed import PackedFile

BAR = {
    "source": "feed",
    "id": "1",
    "type": "price.observed",
    "time": "2024-01-31T21:00:00Z",
    "data": {"symbol": "A", "interval": "1d", "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0},
}
TABLE = 'type = "session.closed"\nsource = "s"\ntime = "t"\n[columns]\nsession = "r"\n'


def told(path):
    with PackedFile(path) as file:
        return format_of(file)


def refusal(path, **more):
    with pytest.raises(UnreadableFile) as raised:
        envelopes(path, **more)
    return str(raised.value)


def zstd(path):
    path.write_bytes(pa.compress(path.read_bytes(), codec="zstd", asbytes=True) * 2)
    return path


def table(path):
    pq.write_table(pa.table({"r": ["2024-01-31"], "t": ["2024-01-31T21:00:00Z"]}), path)
    return path


@pytest.mark.parametrize("packed", [lambda path: path, zipped, zstd])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json.gz", "a.csv", "a", "a.parquet.zst"])
def test_json_lines_are_known_by_their_content_whatever_the_file_is_called_or_packed_with(tmp_path, packed, name):
    file = packed(written(tmp_path / name, [BAR]))
    assert Format.JSON_LINES is told(file)
    assert {"1"} == {envelope.id for envelope in envelopes(file)}


def test_every_member_of_a_packed_file_is_read(tmp_path):
    file = tmp_path / "a.jsonl"
    lines = [written(tmp_path / "one", [BAR | {"id": name}]).read_bytes() for name in "12"]
    file.write_bytes(b"".join(map(gzip.compress, lines)))
    assert ["1", "2"] == [envelope.id for envelope in envelopes(file)]


def test_parquet_is_known_by_its_content(tmp_path):
    file = table(tmp_path / "a.csv")
    assert Format.PARQUET is told(file)
    assert [1] == [len(envelopes(file, rows=rows_of(tmp_path, TABLE)))]


@pytest.mark.parametrize("name", ["a.csv", "A.CSV", "a.csv.gz", "a.b.csv.zst"])
def test_a_table_is_csv_by_its_name(tmp_path, name):
    assert Format.CSV is told(written(tmp_path / name, ["r,t", "1,2024-01-31T21:00:00Z"]))


def test_a_log_that_was_cut_off_at_its_beginning_is_read_from_its_first_whole_line(tmp_path):
    file = written(tmp_path / "a.jsonl", ['"data": {"symbol": "A"}}', BAR])
    assert Format.JSON_LINES is told(file)
    with pytest.raises(UnreadableFile):
        told(file.rename(tmp_path / "a.txt"))


def test_a_file_without_a_line_holds_no_event(tmp_path):
    assert [] == envelopes(written(tmp_path / "a.jsonl", []))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"r,t\n", "is none of the formats that can be replayed: JSON lines, which begin with {"),
        ("a", b"", "is none of the formats"),
        ("a.json", b'[{"id": 1}]', "is one JSON array; write one object a line"),
        ("a.jsonl", b'[\n{"id": 1}\n]', "is one JSON array; write one object a line"),
        (
            "a.json",
            b'{\n  "id": 1,\n  "time": 2\n}',
            "has JSON objects over several lines; write one object a line (jq -c .)",
        ),
        ("a.jsonl", b"r,t\n", "is named as JSON lines and begins with b'r,t"),
        ("a.parquet", b"r,t\n", "is named as Parquet and begins with b'r,t"),
        ("a.csv", "r,t".encode("utf-16"), "is UTF-16, expected UTF-8"),
        ("a.csv", b"", "is empty, expected a header"),
        ("a.csv", b"r,t,r\n", "has two columns 'r'; rename one"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_could_be(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    told = refusal(tmp_path / name, rows=rows_of(tmp_path, TABLE))
    assert str(tmp_path / name) in told
    assert reason in told


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        (b"r;t\n", "its only column seems to be several, separated by semicolons: write commas"),
        (b"r\tt\n", "its only column seems to be several, separated by tabs: write commas"),
        (b"a\x00\xff,b\n", "known are a\\x00\\udcff, b"),
        (b",".join(b"column%d" % number for number in range(10_000)), " ..."),
    ],
)
def test_a_header_without_the_columns_of_the_map_is_shown_as_far_as_it_helps(tmp_path, header, hint):
    (tmp_path / "a.csv").write_bytes(header)
    with pytest.raises(InvalidMap) as raised:
        envelopes(tmp_path / "a.csv", rows=rows_of(tmp_path, TABLE))
    told = str(raised.value)
    assert told.endswith(hint)
    assert told.isprintable()
    assert len(told) < 1_000


def test_a_row_with_a_quote_that_is_not_closed_names_the_lines_that_it_swallowed(tmp_path):
    lines = ["r,t", "2024-01-30,2024-01-30T21:00:00Z", '"2024-01-31,2024-01-31T21:00:00Z', "a,b", "c,d"]
    file = written(tmp_path / "a.csv", lines)
    with PackedFile(file) as opened:
        _, swallowed = csv_records(opened, rows_of(tmp_path, TABLE), number=0, max_bytes=1_000)
    assert "the row of lines 3 to 5, in which a quote may not be closed, has 1 cells" in str(swallowed)


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert f"{tmp_path / 'gone.jsonl'} is not there" == refusal(tmp_path / "gone.jsonl")


def test_a_folder_is_no_file(tmp_path):
    assert "Is a directory" in refusal(tmp_path)


def test_what_may_never_end_is_not_read():
    assert "/dev/zero is a device or a pipe" in refusal(Path("/dev/zero"))


@pytest.mark.parametrize("packed", [zipped, zstd])
def test_a_packed_file_that_ends_in_the_middle_is_refused_whole(tmp_path, packed):
    file = packed(written(tmp_path / "a.jsonl", [BAR | {"id": str(number)} for number in range(1_000)]))
    file.write_bytes(file.read_bytes()[:-100])
    assert "nothing of it was taken in" in refusal(file)


def test_a_damaged_parquet_file_is_refused_whole(tmp_path):
    file = table(tmp_path / "a.parquet")
    file.write_bytes(file.read_bytes()[:40])
    assert "nothing of it was taken in" in refusal(file, rows=rows_of(tmp_path, TABLE))


def test_parquet_that_is_packed_once_more_is_to_be_unpacked(tmp_path):
    assert "is Parquet packed with gzip; unpack it" in refusal(zipped(table(tmp_path / "a.parquet")))


@pytest.mark.parametrize("make", [zstd, table])
def test_without_pyarrow_one_sentence_says_what_to_install(tmp_path, monkeypatch, make):
    file = make(written(tmp_path / "a.jsonl", [BAR]))
    rows = rows_of(tmp_path, TABLE)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pyarrow, which reads that, is not installed: pip install 'learning-engine[files]'" in refusal(
        file, rows=rows
    )


def test_without_pyarrow_everything_else_is_read(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert [1] == [len(envelopes(zipped(written(tmp_path / "a.jsonl", [BAR]))))]


def test_a_table_without_a_map_is_refused_with_what_to_say(tmp_path):
    assert "is CSV: say with --map which of its columns" in refusal(written(tmp_path / "a.csv", ["r,t", "1,2"]))
