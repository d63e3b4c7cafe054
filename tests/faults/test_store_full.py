"""SQLite's disk is full, or another process holds its lock: a worker waits, says so, and goes on by itself."""

import os
import resource
import sqlite3
import subprocess
import time
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from schemas.reports import HealthState
from store.checkpoints import ROWS
from store.engines import PATIENCE_SECONDS
from store.errors import StoreUnavailable
from store.store import Store
from store.tables import inbox
from tests.faults.crew import PATIENCE, SAID_WITHIN, Crew
from tests.faults.days import Calm, day, now

MEGABYTE = 1 << 20
PAGE = 4_096

MANY = 3
"""An event that a worker fails at so often is buried; what the store fails at is not."""


class Place:
    """A worker on a SQLite file, and the days that it was told."""

    def __init__(self, folder, disk, redis_url):
        self.file = disk / "learning.db"
        self.crew = Crew(disk, redis_url, prefix="full:", url=f"sqlite:///{self.file}")
        self.crew.launch("attribution", "workers", "attribution")
        self._calm = Calm(folder / "calm", redis_url)

    def close(self):
        self.crew.stop()
        self._calm.close()

    def live_through(self, first, fault, words, *, within=SAID_WITHIN):
        """Two days; on the second there is trouble, and nothing is taken in or acknowledged until it is over."""
        crew = self.crew
        crew.tell(day(first))
        self._balance(day(first), settled=first + 1)
        troubles, before = crew.troubles("attribution"), self._facts()
        with fault():
            began = time.monotonic()
            crew.tell(day(first + 1))
            if "health" in crew.processes:
                crew.until_health_says("store", HealthState.CRITICAL, within=SAID_WITHIN)
            crew.until_said("attribution", words, after=troubles, since=began, within=within)
            taken, facts = crew.acknowledged(), self._facts()
            crew.until(lambda: crew.troubles("attribution") > troubles + MANY, "attribution to try again and again")
            assert (taken, facts) == (crew.acknowledged(), self._facts())
        assert before <= facts
        self._balance(day(first + 1), settled=first + 2)

    def _balance(self, told, *, settled):
        wanted = self._calm.after(told, settled=settled)
        assert [] == wanted["refused"]
        self.crew.until_balanced(wanted)

    def _facts(self):
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as reading:
            return reading.execute("SELECT value FROM counters WHERE name = 'ingest'").fetchone()


@pytest.fixture
def place(tmp_path, redis_url):
    place = Place(tmp_path, tmp_path / "disk", redis_url)
    try:
        place.crew.start("attribution")
        yield place
    finally:
        place.close()


@pytest.fixture
def disk(tmp_path):
    """A disk of 16 MB; the test is skipped where none may be made."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"no small disk can be made here: {made.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def fill(filler):
    """Leave no room on the disk that a file lies on."""
    with filler.open("wb", buffering=0) as rest:
        try:
            while True:
                rest.write(bytes(MEGABYTE))
        except OSError:
            assert 0 == os.statvfs(filler.parent).f_bavail


def test_a_file_that_may_not_grow_any_more_is_waited_for(place):
    pid = place.crew.processes["attribution"].pid

    @contextmanager
    def fault():
        log = place.file.with_name("learning.db-wal")
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size, hard))
        try:
            yield
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))

    place.live_through(0, fault, "disk I/O error")


@pytest.mark.at_length
def test_a_full_disk_is_waited_for_also_where_the_log_lies_on_it(disk, tmp_path, redis_url):
    place = Place(tmp_path, disk, redis_url)
    filler, log = disk / "filler", disk / "attribution.log"

    @contextmanager
    def fault():
        with log.open("ab") as lines:
            lines.write(b"\n" * (PAGE - log.stat().st_size % PAGE))
        fill(filler)
        try:
            yield
        finally:
            filler.unlink()

    try:
        place.crew.start("attribution")
        place.live_through(0, fault, "full")
        place.live_through(2, fault, "full")
        assert any(line.get("unwritten") for line in place.crew.lines("attribution", "session.settled"))
    finally:
        place.close()


@pytest.mark.at_length
def test_a_lock_that_another_process_holds_for_long_is_waited_for(place):
    @contextmanager
    def fault():
        with closing(sqlite3.connect(place.file, isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield

    place.crew.start("health")
    place.live_through(0, fault, "held by another writer", within=PATIENCE_SECONDS + SAID_WITHIN)


@pytest.mark.at_length
def test_a_log_that_found_the_disk_full_is_emptied_when_there_is_room_again(disk):
    file, filler, written = disk / "learning.db", disk / "filler", 0
    store = Store.open(f"sqlite:///{file}", clock=now)
    store.migrate()

    def write(count):
        nonlocal written
        names = range(written, written + count)
        with store.begin() as work:
            rows = [{"worker": "w", "source": "s", "event_id": f"{name}", "recorded_at": 0} for name in names]
            work.insert(inbox, rows)
            work.commit()
        written += count

    write(ROWS - 100)
    size = file.stat().st_size
    fill(filler)
    deadline = time.monotonic() + PATIENCE
    with capture_logs() as logs:
        with pytest.raises(StoreUnavailable, match="full"):
            write(200)
        while not [line for line in logs if line["event"] == "store.checkpoints"]:
            assert time.monotonic() < deadline, "the log was not found to be in need of room"
    filler.unlink()
    while file.stat().st_size <= size:
        write(ROWS // 2)
        assert time.monotonic() < deadline, "nothing is written into the file any more"
    with store.read() as reading:
        assert written == reading.execute(select(func.count()).select_from(inbox)).scalar_one()
    store.close()
