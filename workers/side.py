"""One way to look: a thread that goes on whatever happens to what it looks at."""

import threading
from collections.abc import Callable, Sequence

import structlog

from schemas.errors import EngineError
from workers.checks.reading import Reading
from workers.watch import Watch

log = structlog.get_logger()

LONGEST_PAUSE = 2.0
"""Seconds between two looks at what is away; each pause is twice the last."""

LEAVE_SECONDS = 6.0


class Side:
    """Looks every so many seconds, hands over what it found, and tells its side what the watch knows.

    What ``look`` or ``tell`` raises is told of the side, and never ends the thread.
    """

    def __init__(
        self,
        name: str,
        watch: Watch,
        *,
        look: Callable[[], Sequence[Reading]],
        tell: Callable[[], None],
        every: float,
    ) -> None:
        self.name = name
        self._watch = watch
        self._look = look
        self._tell = tell
        self._every = every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"health-{name}", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; the look in hand has some seconds to end in."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(LEAVE_SECONDS)

    def turn(self) -> bool:
        """Look once and tell, and say whether both went well."""
        self._watch.begin(self.name)
        try:
            self._watch.take(self.name, self._look())
            self._tell()
        except EngineError as error:
            self._watch.fail(self.name, str(error))
            return False
        except Exception as error:
            log.exception("health.failed", side=self.name)
            self._watch.fail(self.name, f"health itself failed to look, which is a defect: {error!r}")
            return False
        finally:
            self._watch.end(self.name)
        return True

    def _run(self) -> None:
        pause = self._every
        while not self._stopping.is_set():
            pause = self._every if self.turn() else min(2 * pause, max(LONGEST_PAUSE, self._every))
            self._stopping.wait(pause)
