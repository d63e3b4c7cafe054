"""A PostgreSQL server of the tests' own, from the programs of the wheel ``pgserver``; the wheel's code is not used."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

GIVEN = os.environ.get("LEARNING_TEST_POSTGRESQL_URL")
"""The address of a server that is there, as a role that may create databases; else one is started."""

START_SECONDS = 60.0
STOP_SECONDS = 20.0

USER = "learning"

PLENTY = 4 * 2**30
"""Bytes; every process of the tests has a server, with some hundred databases of 8 MB."""

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "40",
}
"""Reached through a socket only; what it holds need not outlive it."""

RUN = """
watch=$1; shift
"$@" & server=$!
(read -r _ <"/dev/fd/$watch"; kill -INT "$server") 2>/dev/null & watcher=$!
wait "$server"; status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"""
"""Runs the server until it ends, or until nobody holds the other end of the pipe ``watch``: however the tests end."""


class Server:
    """A server in a folder of its own, which is gone when the block ends.

    with Server() as server:
        store = Store.open(server.create(), clock=clock)
    """

    def __init__(self):
        # A socket's path may have 107 bytes, and pytest's folders are long.
        self._folder = Path(tempfile.mkdtemp(prefix="pg-", dir=in_memory()))
        self._numbers = count()
        self._process = None
        self._watch = -1

    def __enter__(self):
        try:
            self._run("initdb", "-D", self._data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exc):
        self.stop()
        shutil.rmtree(self._folder)

    def start(self):
        """Start the server and wait until it answers."""
        settings = {**SETTINGS, "unix_socket_directories": self._folder}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [*_as_nobody(), str(programs() / "postgres"), "-D", str(self._data), *options]
        reading, self._watch = os.pipe()
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", RUN, "sh", str(reading), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[reading],
                start_new_session=True,
            )
        os.close(reading)
        self._wait_until_ready()

    def stop(self):
        """End the server, with whatever it does; harmless where none runs."""
        if self._process is None:
            return
        os.close(self._watch)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    def hang(self):
        """Let every process of the server stand still, as it is."""
        self._signal(signal.SIGSTOP)

    def go_on(self):
        """Let them run again; harmless where they do."""
        self._signal(signal.SIGCONT)

    def url(self, database):
        """The address of a database."""
        return f"postgresql://{USER}@/{database}?host={self._folder}"

    @property
    def socket(self):
        """Where its socket lies."""
        return self._folder / ".s.PGSQL.5432"

    def create(self, like=None):
        """The address of a new, empty database, or of a copy of the one at the address ``like``."""
        name = f"test{next(self._numbers)}"
        create(self.url("postgres"), name, like=like)
        return self.url(name)

    @property
    def _data(self):
        return self._folder / "data"

    def _signal(self, number):
        """Tell the first process, which makes the others, and then those."""
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(first, number)
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if int((place / "stat").read_text().rpartition(")")[2].split()[1]) == first:
                    os.kill(int(place.name), number)

    def _run(self, program, *arguments):
        command = [*_as_nobody(), programs() / program, *arguments]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        assert 0 == done.returncode, done.stderr

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=1).close()
            except psycopg.OperationalError:
                ended = self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise AssertionError((self._folder / "log").read_text()) from None
                time.sleep(0.02)
            else:
                return


class GivenServer:
    """The server at LEARNING_TEST_POSTGRESQL_URL. Databases get names of this process, and are dropped at the end."""

    def __init__(self, url):
        self._url = url
        self._made = []

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        with psycopg.connect(self._url, autocommit=True) as connection:
            for name in self._made:
                connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def create(self, like=None):
        """The address of a new, empty database, or of a copy of the one at the address ``like``."""
        name = f"learning_test_{os.getpid()}_{len(self._made)}"
        create(self._url, name, like=like)
        self._made.append(name)
        return urlsplit(self._url)._replace(path=f"/{name}").geturl()


def create(url, name, *, like=None):
    """Make the database ``name`` on the server at ``url``; a copy, where it is to be ``like`` another that nobody is
    connected to."""
    template = urlsplit(like).path[1:] if like else "template0"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" ENCODING \'UTF8\'')


def in_memory():
    """A folder in memory, where there is plenty: a database has 300 files, which a disk is slow to make and delete."""
    folder = Path("/dev/shm")
    there = folder.is_dir() and os.access(folder, os.W_OK)
    return folder if there and shutil.disk_usage(folder).free > PLENTY else None


def server():
    """The server that is given, else one of our own."""
    return GivenServer(GIVEN) if GIVEN else Server()


def missing():
    """Why there is no PostgreSQL here, or None."""
    if GIVEN:
        return None
    if programs() is None:
        return "no PostgreSQL: this machine has no wheel of pgserver, and LEARNING_TEST_POSTGRESQL_URL names no server"
    if os.geteuid() == 0 and subprocess.run([*_as_nobody(), "true"], capture_output=True, check=False).returncode:
        return "no PostgreSQL: it does not run as root, and this machine lets nobody make a user namespace"
    return None


def own():
    """A server that a test may stop and start: the body of a fixture."""
    if GIVEN:
        pytest.skip("the server that LEARNING_TEST_POSTGRESQL_URL names is not ours to stop")
    if reason := missing():
        pytest.skip(reason)
    with Server() as ours:
        yield ours


def programs():
    """The folder of the wheel's programs, or None. They are tied to no Python; the Makefile unpacks them where the
    wheel itself cannot be installed."""
    package = find_spec("pgserver")
    folders = [Path(place) for place in (package.submodule_search_locations or ())] if package else []
    for folder in (*folders, Path(sys.prefix) / "postgresql" / "pgserver"):
        if (found := folder / "pginstall" / "bin").is_dir():
            return found
    return None


def _as_nobody():
    """What comes before a program of PostgreSQL, which refuses to run as root."""
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"] if os.geteuid() == 0 else []
