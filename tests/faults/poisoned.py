"""Runs a worker as ``python -m workers NAME`` does, but certain alerts end its process or cannot be handled."""

import os
import signal
import sys
from pathlib import Path

from workers.__main__ import worker
from workers.clock import steady_clock, wall_clock
from workers.installation import Installation
from workers.logs import configure_logs
from workers.runtime import Runtime

DEADLY = "deadly"
FAILING = "failing"
"""How the names of such alerts begin."""


class Poisoned:
    """Another worker, but for what it does with poison."""

    def __init__(self, inner):
        self._inner = inner
        self.name = inner.name
        self.reads = inner.reads
        self.rest = inner.rest

    def handle(self, work, batch):
        names = [getattr(envelope.data, "alert_id", None) or "" for envelope in batch]
        refusals = self._inner.handle(work, batch)
        if any(name.startswith(DEADLY) for name in names):
            os.kill(os.getpid(), signal.SIGSEGV)
        if any(name.startswith(FAILING) for name in names):
            raise ValueError("poison")
        return refusals


def run(name):
    installation = Installation(os.environ, folder=Path.cwd())
    configure_logs(installation.settings)
    poisoned = Poisoned(worker(name, installation))
    store, settings = installation.store, installation.settings
    Runtime(poisoned, store=store, settings=settings, clock=wall_clock, steady=steady_clock).run()


def main():
    """Start the worker again whenever it dies, as a fork that has imported everything; a line for each death."""
    while True:
        if not (child := os.fork()):
            run(sys.argv[1])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))
        print(os.WTERMSIG(status), flush=True)


if __name__ == "__main__":
    main()
