"""``python -m tests.faults.lives`` lives workers' lives, each once for each point of a plan.

Each line of its input is JSON: ``{"worker", "plan", "diary", "patience", "environment"}``. For each it forks a process
that forks one life after the other, and answers with its number. So everything is imported once, and five hundred lives
take minutes. A life works as ``python -m workers WORKER`` does until it comes to its point, and the last one has none.
One that does not come to its point within ``patience`` seconds is killed wherever it is. When the input ends, all of
them do.
"""

import gc
import json
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path

import store.migrations
from tests.faults.points import Points
from tests.faults.scene import NYSE
from workers.__main__ import run
from workers.installation import Installation
from workers.logs import configure_logs

READY = (store.migrations, NYSE)
"""What every life would read and build anew."""


class Lives:
    """One life after the other, each told in the diary; SIGTERM ends the one that is lived in order, and all."""

    def __init__(self, *, worker, diary, patience):
        self._worker = worker
        self._diary = Path(diary)
        self._patience = patience
        self._process = 0
        self._step = None
        self._told = False
        self._over = False
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGALRM, self._miss)

    def live(self, plan):
        """Live through the plan, and then on."""
        for point in [*plan, None]:
            if not self._over:
                self._one(point)

    def _one(self, point):
        self._step, self._told = point and point[0], False
        self._process = os.fork()
        if not self._process:
            self._work(Points(*point) if point else Points())
        if self._over:
            os.kill(self._process, signal.SIGTERM)
        if self._step:
            signal.setitimer(signal.ITIMER_REAL, self._patience)
        while True:
            _, status = os.waitpid(self._process, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            self._tell("stopped")
        signal.setitimer(signal.ITIMER_REAL, 0)
        if os.WIFSIGNALED(status):
            self._tell("died")
        elif os.WEXITSTATUS(status):
            self._tell("failed")
            self._over = True

    def _work(self, points):
        """The life itself, which never returns."""
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._process = os.getpid()
            points.watch()
            installation = Installation(os.environ, folder=Path.cwd())
            configure_logs(installation.settings)
            self._write("began", None)
            run(self._worker, installation)
            self._write("ended", points.passed)
            os._exit(0)
        except BaseException:  # noqa: BLE001  a life that fails must not go on as the one that forks
            traceback.print_exc()
            os._exit(1)

    def _miss(self, *_):
        self._tell("missed")
        os.kill(self._process, signal.SIGKILL)

    def _end(self, *_):
        self._over = True
        if self._process:
            os.kill(self._process, signal.SIGTERM)

    def _tell(self, what):
        """Write how the life went, once."""
        if not self._told:
            self._told = True
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._write(what, self._step)

    def _write(self, what, detail):
        with self._diary.open("a") as diary:
            diary.write(json.dumps([what, self._process, detail]) + "\n")


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    begun = []
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        begun.append(os.fork())
        if not begun[-1]:
            begin(**json.loads(line))
        sys.stdout.write(f"{begun[-1]}\n")
        sys.stdout.flush()
    for process in begun:
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)


def begin(*, plan, environment, **life):
    """Live in a session of its own."""
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        sys.stdin.close()
        os.environ.clear()
        os.environ.update(environment)
        Lives(**life).live(plan)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
