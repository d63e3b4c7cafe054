"""Keeps every process of the Procfile running, under one log."""

from collections.abc import Callable, Mapping
from pathlib import Path

from workers.processes.child import Child
from workers.stop_signal import StopSignal

LEAVE = 10.0
"""Seconds that processes have to stop in, all together."""

LOOK_EVERY = 0.2
"""Seconds between two looks at the processes."""


class Supervisor:
    """Starts the processes, starts again what ends, and stops all of them when it is told to.

    ``say(name, line)`` receives what they write. ``tend`` is called at every look, for what runs beside them.
    """

    def __init__(
        self,
        processes: Mapping[str, str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        say: Callable[[str, str], None],
        timer: Callable[[], float],
        tend: Callable[[], None],
    ) -> None:
        self._tend = tend
        self._say = say
        self._timer = timer
        self.children = [
            Child(
                name,
                command,
                folder=folder,
                environment=environment,
                say=say,
                timer=timer,
            )
            for name, command in processes.items()
        ]

    def run(self) -> None:
        """Tend to the processes until SIGINT or SIGTERM, then stop them all."""
        stop = StopSignal()
        while not stop.asked:
            self._tend()
            for child in self.children:
                child.tend()
            stop.wait(LOOK_EVERY)
        self.stop()

    def stop(self) -> None:
        """Ask all to stop at once, and enforce it after the time to leave."""
        self._say("up", "stopping")
        for child in self.children:
            child.ask_to_stop()
        deadline = self._timer() + LEAVE
        for child in self.children:
            child.wait(deadline - self._timer())
        self._say("up", "stopped")
