"""The demo's processes: started, watched, and stopped together."""

import ctypes
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from schemas.errors import EngineError

LAST_LINES = 15
PR_SET_PDEATHSIG = 1
STOP_SECONDS = 10.0


class ProcessDied(EngineError):
    """A process of the demo ended before its time, with its last words."""


class Processes:
    """Real processes, each with a log file of its own, in a ``with`` block at whose end all of them are stopped."""

    def __init__(self, *, logs: Path, folder: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._folder = folder
        self._environment = environment
        self._running: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> "Processes":
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, command: str, *, environment: Mapping[str, str] | None = None) -> IO[str]:
        """Start a command and return what writes to its standard input.

        Raises:
            ProcessDied: there is no such program.
        """
        with self._log(name).open("w") as log:
            try:
                process = subprocess.Popen(  # noqa: S603  commands of the Procfile and our own scanner
                    shlex.split(command),
                    cwd=self._folder,
                    env={**self._environment, **(environment or {})},
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    text=True,
                    start_new_session=True,
                    preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  sets a flag
                )
            except OSError as error:
                raise ProcessDied(f"{name}: {command!r} cannot be started: {error}") from error
        self._running[name] = process
        assert process.stdin is not None
        return process.stdin

    def check(self) -> None:
        """Make sure that all of them are alive.

        Raises:
            ProcessDied: with the last lines that the process wrote.
        """
        for name, process in self._running.items():
            if (code := process.poll()) is not None:
                raise ProcessDied(f"{name} ended with code {code}; its last lines:\n{self.last_lines(name)}")

    def last_lines(self, name: str) -> str:
        """The end of a process's log."""
        lines = self._log(name).read_text(errors="replace").splitlines()
        return "\n".join(f"  {name} | {line}" for line in lines[-LAST_LINES:])

    def stop(self) -> None:
        """End all of them: standard input is closed, SIGTERM, and after ten seconds SIGKILL."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _close(process.stdin)
        self._running = {}

    def finish(self, name: str, *, seconds: float) -> None:
        """Let one process end by itself: it is told that its input is over.

        Raises:
            ProcessDied: it did not end in time, or not well.
        """
        process = self._running.pop(name)
        _close(process.stdin)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise ProcessDied(
                f"{name} did not end in {seconds:g} s; its last lines:\n{self.last_lines(name)}"
            ) from None
        if code:
            raise ProcessDied(f"{name} ended with code {code}; its last lines:\n{self.last_lines(name)}")

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def _end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the driver ends without having stopped us, by SIGKILL for instance."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _close(pipe: IO[str] | None) -> None:
    if pipe is not None:
        try:
            pipe.close()
        except BrokenPipeError:
            return  # it has ended already, nobody reads what is left
