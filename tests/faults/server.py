"""A broker to which something happens."""

import os
import signal

from events.broker import EmbeddedBroker
from events.connection import connect
from tests.faults.waiting import until


class Server:
    """A broker that is stopped, or killed and started again on its port, with or without the end of its append-only
    file."""

    def __init__(self, folder):
        self.folder = folder
        self.broker = EmbeddedBroker(folder, env_file=folder / "broker.env")
        self.url = self.broker.start()
        self._process = self._find()

    def kill(self):
        os.kill(self._process, signal.SIGKILL)
        self.broker.stop()

    def start(self):
        assert self.url == self.broker.start()
        self._process = self._find()

    def hang(self):
        os.kill(self._process, signal.SIGSTOP)

    def wake(self):
        os.kill(self._process, signal.SIGCONT)

    @property
    def written(self):
        """Bytes of the append-only file."""
        return self._file.stat().st_size

    def forget(self, share):
        """Cut off so much of what was written to the append-only file."""
        self.keep(round(self.written * (1 - share)))

    def keep(self, size):
        """Cut off what was written to the append-only file after its first ``size`` bytes."""
        os.truncate(self._file, size)

    @property
    def _file(self):
        return max((self.folder / "redis").rglob("*.aof"), key=lambda one: one.stat().st_size)

    def _find(self):
        with connect(self.url) as redis:
            until(lambda: not redis.info("persistence")["loading"], "the broker to have read what it wrote")
            return redis.info("server")["process_id"]
