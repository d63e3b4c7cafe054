"""Real worker processes on a store of their own, to be killed, stopped and started again."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import msgspec
from sqlalchemy import select

from events.publisher import Publisher
from store.store import Store
from store.versions import Versions
from tests.faults.cradle import FOLDER
from tests.faults.waiting import until
from workers.gate.publication import snapshot_key

WORKERS = ("attribution", "thompson", "patterns", "deployment")
PUT_BACK_WITHIN = 20.0
"""Seconds until a broker that is back has the version in force again: five between two looks, five between attempts."""


class Engine:
    """Workers with the registry of a scene, on a store of their own and the streams that begin with ``prefix``."""

    def __init__(self, folder, broker, *, cradle, redis_url, prefix, scene, store_url=None):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.broker = broker
        self.prefix = prefix
        self.scene = scene
        self.processes = {}
        (folder / "registry.toml").write_text(scene.registry)
        url = store_url or f"sqlite:///{folder}/learning.db"
        self.store = Store.open(url, clock=lambda: time.time_ns() // 1_000)
        self.store.migrate()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LEARNING_", "RQ_"))}
        self.environment = inherited | {
            "RQ_REDIS_URL": redis_url,
            "LEARNING_STORE_URL": url,
            "LEARNING_MODE": "act",
            "LEARNING_PREFIX": prefix,
            "LEARNING_REGISTRIES": str(folder / "registry.toml"),
            "LEARNING_CLAIM_AFTER_SECONDS": "0.3",
            "LEARNING_BATCH": "25",
            "LEARNING_BLOCK_MS": "20",
            "LEARNING_LOG_LEVEL": "error",
        }
        self._cradle = cradle
        self._mortals = []

    def start(self, *names):
        """Start workers as they are started everywhere."""
        for name in names:
            command = [sys.executable, "-m", "workers", name]
            self.processes[name] = subprocess.Popen(command, cwd=FOLDER, env=self.environment)

    def kill(self, name):
        """Kill one, and wait until it is dead."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def mortal(self, worker, plan=(), *, patience=10.0):
        """A worker that lives again and again, and dies each time at the next point of ``plan``."""
        made = self._cradle.mortal(
            worker, list(plan), folder=self.folder, environment=self.environment, patience=patience
        )
        self._mortals.append(made)
        return made

    def stop(self):
        """Let all of them finish what they have in hand, and end."""
        for each in (*self.processes.values(), *self._mortals):
            each.terminate()
        for each in (*self.processes.values(), *self._mortals):
            each.wait(20)

    def close(self):
        """Whatever still runs ends at once."""
        for process in self.processes.values():
            process.kill()
            process.wait()
        for mortal in self._mortals:
            with suppress(ProcessLookupError):
                os.killpg(mortal.pid, signal.SIGKILL)
        self.store.close()

    def tell(self, *portions):
        """Trading says these."""
        for portion in portions:
            Publisher(self.broker, prefix=self.prefix).publish(portion)

    def repeat(self):
        """Trading says a session again, and a relay sends again what it was sending when it died."""
        self.tell(self.scene.portions[0])
        for _, fields in self.broker.xrevrange(f"{self.prefix}outcome.attributed", count=10):
            self.broker.xadd(f"{self.prefix}outcome.attributed", fields)

    def until_begun(self):
        """Wait for the first version: without it nothing can be assigned."""
        until(lambda: self.broker.xlen(f"{self.prefix}params.updated"), "the first version")

    def until_announced(self):
        """Wait until the version in force lies at the broker: a broker that lost it, or was told an older one, gets it
        back."""

        def there():
            with self.store.read() as reading:
                version = Versions(reading).latest("main")
            return self.broker.get(self.prefix + snapshot_key("main")) == msgspec.json.encode(version)

        until(there, "the snapshot", within=PUT_BACK_WITHIN)

    def in_hand(self, worker):
        """How many entries were handed out to a worker, whoever it was, and are not acknowledged."""
        return sum(
            group["pending"]
            for key in self.broker.scan_iter(f"{self.prefix}*", _type="stream")
            for group in self.broker.xinfo_groups(key)
            if group["name"] == worker.encode()
        )

    def rows(self, *columns):
        """What the store holds in these columns, sorted."""
        with self.store.read() as reading:
            return sorted(map(tuple, reading.execute(select(*columns))), key=repr)
