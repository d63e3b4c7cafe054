import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from workers.processes.procfile import read_procfile

FOLDER = Path(__file__).parents[3]
PATIENCE = 60.0


class Running:
    """``learning up`` in a folder of its own, and what it has written so far."""

    def __init__(self, folder, **more):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("LEARNING_", "RQ_"))}
        self.lines = []
        self.process = subprocess.Popen(
            [str(Path(sys.executable).parent / "learning"), "up"],
            cwd=folder,
            env={**environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()

    def wait_for(self, pattern, times=1):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = [line for line in list(self.lines) if re.search(pattern, line)]
            if len(found) >= times:
                return found
            if self.process.poll() is not None:
                break
            threading.Event().wait(0.02)
        raise AssertionError(f"{pattern!r} did not come {times} times:\n{''.join(self.lines)}")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


@pytest.fixture
def folder(tmp_path):
    for name in ("Procfile", "parameters", "scheduler"):
        (tmp_path / name).symlink_to(FOLDER / name)
    return tmp_path


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("names", "workers"),
    [
        (["attribution", "deployment", "cycles"], 2),
        pytest.param(list(read_procfile(FOLDER / "Procfile")), 4, marks=pytest.mark.at_length),
    ],
)
def test_starts_every_line_restarts_what_crashes_and_leaves_nothing_behind(folder, names, workers):
    """That every line of the real Procfile can be started, the tests of the loop and of health show each time."""
    lines = read_procfile(FOLDER / "Procfile")
    (folder / "Procfile").unlink()
    (folder / "Procfile").write_text("".join(f"{name}: {lines[name]}\n" for name in names))
    running = Running(folder, LEARNING_MODE="act")
    try:
        started = running.wait_for(r"worker\.started", times=workers)
        running.wait_for(r"cycles .*Listening on learning")
        pids = [int(re.search(r"consumer=\S+-(\d+)", line)[1]) for line in started]
        os.kill(pids[0], signal.SIGKILL)
        running.wait_for(r"ended with code -9 after .*; starting again")
        running.wait_for(r"worker\.started", times=workers + 1)
        os.kill(int(running.wait_for(r"broker\.started")[0].split("pid=")[1].split()[0]), signal.SIGKILL)
        running.wait_for(r"the broker ended; starting it again")
        running.wait_for(r"broker\.started", times=2)
        assert 0 == running.stop()
    finally:
        running.process.kill()
    assert not [pid for pid in pids if alive(pid)]
    assert 0o600 == (folder / ".env").stat().st_mode & 0o777


@pytest.mark.at_length
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
def test_what_it_started_ends_with_it_however_it_ends(folder):
    running = Running(folder)
    try:
        started = running.wait_for(r"worker\.started", times=4)
        cycles = running.wait_for(r"cycles .*started with PID")[0]
    finally:
        running.process.kill()
    pids = [int(re.search(r"consumer=\S+-(\d+)", line)[1]) for line in started]
    pids.append(int(re.search(r"PID (\d+)", cycles)[1]))
    deadline = time.monotonic() + PATIENCE
    while left := [pid for pid in pids if alive(pid)]:
        assert time.monotonic() < deadline, f"{left} go on without their parent"
        threading.Event().wait(0.05)


def test_refuses_a_misspelt_setting_by_name_before_anything_starts(folder):
    running = Running(folder, LEARNING_MODUS="act")
    assert 1 == running.process.wait(PATIENCE)
    assert "LEARNING_MODUS" in "".join(running.lines)
    assert not (folder / "var").exists()
