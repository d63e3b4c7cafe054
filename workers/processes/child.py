"""One process of the Procfile under supervision."""

import shlex
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from workers.processes.lifeline import die_with_parent

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY = 60.0
"""Seconds: the first and the longest pause before a restart, and how long a process must live to begin anew."""


class Child:
    """A command that is started again when it ends, after growing pauses, until it is told to stop.

    ``say`` receives each line that the process writes; ``timer`` gives seconds that only rise.
    """

    def __init__(
        self,
        name: str,
        command: str,
        *,
        folder: Path,
        environment: Mapping[str, str],
        say: Callable[[str, str], None],
        timer: Callable[[], float],
    ) -> None:
        self.name = name
        self._command = command
        self._folder = folder
        self._environment = environment
        self._say = say
        self._timer = timer
        self._process: subprocess.Popen[str] | None = None
        self._started = 0.0
        self._pause = FIRST_PAUSE
        self._again_at = 0.0

    def tend(self) -> None:
        """Start what is not running and due; note what has ended. To be called again and again."""
        if self._process is None:
            if self._timer() >= self._again_at:
                self._start()
        elif (code := self._process.poll()) is not None:
            self._ended(code)

    def _start(self) -> None:
        self._started = self._timer()
        self._process = subprocess.Popen(  # noqa: S603  the commands are the user's own Procfile
            shlex.split(self._command),
            cwd=self._folder,
            env=dict(self._environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509  it only sets a flag of the kernel
        )
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._say(self.name, line.rstrip("\n"))

    def _ended(self, code: int) -> None:
        lived = self._timer() - self._started
        self._pause = FIRST_PAUSE if lived > STEADY else self._pause
        self._say(self.name, f"ended with code {code} after {lived:.1f} s; starting again in {self._pause:.1f} s")
        self._process = None
        self._again_at = self._timer() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def ask_to_stop(self) -> None:
        """SIGTERM: the turn in hand is finished first."""
        if self._process is not None:
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait for the end, and after ``seconds`` enforce it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            self._say(self.name, f"did not stop within its time and was killed (pid {self._process.pid})")
            self._process.kill()
            self._process.wait()
        self._process = None
