"""A file of settings for the environment."""

import os
import stat

import pytest

from events.envfile import read_setting, write_setting


@pytest.fixture
def file(tmp_path):
    return tmp_path / ".env"


def test_what_is_written_is_read_back(file):
    write_setting(file, "A", value="redis://:x=y@h:1/0")
    assert "redis://:x=y@h:1/0" == read_setting(file, "A")


def test_nobody_else_may_read_it(file):
    file.write_text("B=1\n")
    file.chmod(0o644)
    write_setting(file, "A", value="secret")
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)


def test_other_lines_stay_as_they_are(file):
    file.write_text("# mine\nexport B='1'\nA=old\n\nAA=2\n")
    write_setting(file, "A", value="new")
    assert "# mine\nexport B='1'\n\nAA=2\nA=new\n" == file.read_text()


@pytest.mark.parametrize("line", ["A=x", "export A=x", " A = x ", "A='x'", 'A="x"', "B=1\nA=x"])
def test_reads_the_ways_in_which_people_write_it(file, line):
    file.write_text(line)
    assert "x" == read_setting(file, "A")


@pytest.mark.parametrize("text", ["", "AA=x", "# A=x", "B=A=x"])
def test_a_setting_that_is_not_there_is_none(file, text):
    file.write_text(text)
    assert read_setting(file, "A") is None


def test_a_file_that_is_not_there_sets_nothing(file):
    assert read_setting(file, "A") is None


def test_a_failure_leaves_the_old_file_and_no_draft(file, monkeypatch):
    file.write_text("A=old\n")
    monkeypatch.setattr(os, "fdopen", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_setting(file, "A", value="new")
    assert "A=old\n" == file.read_text()
    assert [file] == list(file.parent.iterdir())
