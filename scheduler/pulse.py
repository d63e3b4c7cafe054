"""The sign of life of a process that is not ours to write: RQ's cron."""

import atexit
import os
import socket
import time
from pathlib import Path

from events.connection import connect
from events.heartbeat import Heartbeat
from events.pulse import Pulse, lasting
from schemas.beat import Beat
from schemas.settings import settings_from


def start_pulse(part: str) -> None:
    """Beat for this process from now on, until it ends and says so."""
    settings = settings_from(os.environ, folder=Path.cwd())
    every = settings.heartbeat_seconds
    heartbeat = Heartbeat(
        connect(settings.redis_url),
        part=part,
        consumer=f"{socket.gethostname()}-{os.getpid()}",
        prefix=settings.prefix,
    )

    def word(*, stopped: bool = False) -> Beat:
        now = time.time_ns() // 1_000
        return Beat(at=now, lasts=lasting(every), mode=settings.mode.value, stopped=stopped)

    pulse = Pulse(heartbeat, every=every, say=word)
    pulse.start()
    atexit.register(lambda: pulse.stop(word(stopped=True)))
