import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from schemas import trading_hours as module
from schemas.trading_hours import trading_hours

NAME = "XSTO"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """The hours as they come from exchange-calendars, on a machine where nothing is kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield trading_hours(NAME), kept()


def kept():
    (file,) = (Path(os.environ["XDG_CACHE_HOME"]) / "learning-engine").iterdir()
    return file


@pytest.fixture
def file(computed, tmp_path, monkeypatch):
    """A kept file of its own for each test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    copy = tmp_path / "learning-engine" / computed[1].name
    copy.parent.mkdir()
    copy.write_bytes(computed[1].read_bytes())
    return copy


@pytest.fixture
def computations(computed, monkeypatch):
    """The names of the exchanges whose hours are computed anew."""
    names = []

    def compute(name):
        names.append(name)
        return computed[0]

    monkeypatch.setattr(module, "_computed", compute)
    return names


def test_what_is_kept_is_what_was_computed(computed, file, computations):
    assert computed[0] == trading_hours(NAME)
    assert [] == computations


def test_a_process_that_finds_them_imports_no_pandas(file):
    code = (
        f"import sys; from schemas.calendar import Calendar; Calendar.named({NAME!r}); print('pandas' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "False\n" == ran.stdout


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"", lambda content: content[::-1]])
def test_a_damaged_file_is_made_anew(file, computed, computations, damage):
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert computed[0] == trading_hours(NAME)
    assert [NAME] == computations
    assert whole == file.read_bytes()


@pytest.mark.parametrize("bit", range(0, 4_000, 397))
def test_a_single_wrong_bit_is_seen(file, computed, computations, bit):
    content = bytearray(file.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)
    assert computed[0] == trading_hours(NAME)
    assert [NAME] == computations


def test_hours_of_another_version_of_exchange_calendars_are_not_used(file, computations, monkeypatch):
    monkeypatch.setattr(module, "version", lambda package: "0.0")
    trading_hours(NAME)
    assert [NAME] == computations


def test_a_file_of_another_version_under_this_name_is_not_used(file, computed, computations):
    body = msgspec.msgpack.encode(computed[0])
    file.write_bytes(module._digest(body, "exchange-calendars-0.0") + body)
    trading_hours(NAME)
    assert [NAME] == computations


def test_hours_under_other_rules_of_daylight_saving_time_are_not_used(file, computed, computations):
    moved = msgspec.structs.replace(computed[0], ends=[end + 3_600_000_000 for end in computed[0].ends])
    module._keep(moved, file, file.name.partition("-")[2])
    assert computed[0] == trading_hours(NAME)
    assert [NAME] == computations


def test_where_nothing_can_be_kept_they_are_computed_each_time(tmp_path, monkeypatch, computed, computations):
    (tmp_path / "learning-engine").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert computed[0] == trading_hours(NAME) == trading_hours(NAME)
    assert [NAME, NAME] == computations


@pytest.mark.parametrize("name", ["", "..", "../learning-engine", "/etc/passwd", "XSTO\0", "X" * 5_000])
def test_a_name_that_nobody_knows_is_kept_nowhere(tmp_path, monkeypatch, name):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert trading_hours(name) is None
    assert [] == [*tmp_path.rglob("*")]
