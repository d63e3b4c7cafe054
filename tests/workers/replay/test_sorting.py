import gc
import math
import random
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.replay.errors import NoRoom
from workers.replay.record import Record
from workers.replay.sorting import OVERHEAD, Sorter

TEXT = st.text(max_size=3)
RECORDS = st.builds(
    Record,
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 9),
    TEXT,
    TEXT,
    TEXT,
    st.integers(0, 2**60),
    st.binary(max_size=8),
    st.integers(0, 2),
    st.integers(0, 2**60),
)


def through(records, **limits):
    with Sorter(**limits) as sorter:
        for record in records:
            sorter.add(record)
        assert len(records) == len(sorter)
        return list(sorter.sorted())


@settings(max_examples=60, deadline=None)
@given(st.lists(RECORDS, max_size=60), st.integers(1, 20), st.integers(2, 5))
def test_any_portion_of_memory_gives_the_same_order(records, fit, fan_in):
    assert sorted(records) == through(records, memory=fit * OVERHEAD, fan_in=fan_in)


def record(number):
    return Record(number, 0, "t", "s", str(number), 0, b"x" * 100, 0, number)


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux counts open files")
def test_few_files_are_open_however_many_portions_there_are():
    numbers = list(range(1_000))
    random.Random(5).shuffle(numbers)
    gc.collect()
    before = open_files()
    with Sorter(memory=600, fan_in=4) as sorter:
        for number in numbers:
            sorter.add(record(number))
            assert open_files() - before <= 4 * 6
        assert [record(number) for number in range(1_000)] == list(sorter.sorted())
    gc.collect()
    assert before == open_files()


def test_each_record_is_written_once_a_level(monkeypatch):
    written, real = [], tempfile.TemporaryFile

    def counted():
        file = real()
        write = file.write
        monkeypatch.setattr(file, "write", lambda body: written.append(len(body)) or write(body), raising=False)
        return file

    monkeypatch.setattr("tempfile.TemporaryFile", counted)
    size = len(msgspec.msgpack.encode(record(500)))
    with Sorter(memory=600, fan_in=4) as sorter:
        for number in range(1_024):
            sorter.add(record(number))
    runs = 1_024 / 2
    assert sum(written) < 1_024 * (size + 3) * (1 + math.log(runs, 4))


def test_nothing_of_it_lies_under_a_name(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Sorter(memory=300) as sorter:
        for number in range(20):
            sorter.add(record(number))
        assert [] == list(tmp_path.iterdir())


def test_a_full_disk_is_one_sentence(monkeypatch):
    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with Sorter(memory=300) as sorter, pytest.raises(NoRoom, match="No space left on device; let TMPDIR name another"):
        sorter.add(record(1))
