"""Where workers come from that are to die."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path

from tests.faults.waiting import until

FOLDER = Path(__file__).parents[2]


class Cradle:
    """A process of ``tests.faults.lives``, which ends with ``close()`` or with the tests, and all lives with it."""

    def __init__(self):
        self._numbers = count()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.lives"],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def mortal(self, worker, plan, *, folder, environment, patience):
        """A worker that lives once for each point of ``plan``."""
        diary = folder / f"{worker}-{next(self._numbers)}.diary"
        asked = {"worker": worker, "plan": plan, "diary": str(diary), "patience": patience, "environment": environment}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Mortal(int(self._process.stdout.readline()), worker, plan, diary)

    def close(self):
        """End whatever still lives."""
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


ENDED = ("died", "missed", "stopped")
"""How a life may end that has a point."""


class Mortal:
    """A worker that lives one life for each point of a plan, and then one without an end.

    A point is ``(step, nth, signal)``, such as ``("before commit", 2, "SIGKILL")``; where there is no step, the life is
    to be killed from outside. What became of each is a line of its
    diary.
    """

    def __init__(self, pid, worker, plan, diary):
        self.pid = pid
        self.worker = worker
        self.plan = plan
        self._diary = diary

    @property
    def diary(self):
        """What became of its lives so far, as (what, process, at which step); the last line of one that ended in order
        is how often it passed each point."""
        return [json.loads(line) for line in self._diary.read_text().splitlines()] if self._diary.exists() else []

    def ended(self, *how):
        """The steps at which lives ended so: ``died`` at their point, ``missed`` it, or ``stopped`` there."""
        return [step for what, _, step in self.diary if what in how]

    @property
    def point(self):
        """Where the life that is lived now will end, once it has begun; None where it will not."""
        diary = self.diary
        lived = len([what for what, _, _ in diary if what in ENDED])
        return self.plan[lived] if lived < len(self.plan) and diary and diary[-1][0] == "began" else None

    def kill(self):
        """Kill the life that is lived now, once it has begun, and wait until the next one has."""
        began = len(self.ended("began"))
        until(lambda: self.diary and self.diary[-1][0] == "began", "a life to begin")
        os.kill(self.diary[-1][1], signal.SIGKILL)
        until(lambda: len(self.ended("began")) > began, "the next life to begin")

    @property
    def spent(self):
        """Whether every point of the plan has had its life."""
        return len(self.ended(*ENDED)) >= len(self.plan)

    def terminate(self):
        """Let it finish what it has in hand, and end."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def wait(self, seconds):
        """Wait until it has ended."""
        until(lambda: not self._there(), f"process {self.pid} to end", within=seconds)

    def _there(self):
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True
