"""The circuit breaker of a background link."""

from collections.abc import Callable

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"

LIMIT = 3
"""So many failures in a row open it."""


class Breaker:
    """Closed while the broker answers, open after three failures in a row, half open while one probe is under way.

    Only the link's own thread moves it, any thread may look at ``state``.

    See M. Nygard, *Release It!*, "Circuit Breaker".
    """

    def __init__(self) -> None:
        self._listeners: list[Callable[[str], None]] = []
        self.renew()

    def renew(self) -> None:
        """Closed, as if nothing had failed; nobody is told."""
        self.state = CLOSED
        self._failures = 0

    def listen(self, told: Callable[[str], None]) -> None:
        """Tell of every new state, on the link's thread."""
        self._listeners.append(told)

    @property
    def shut(self) -> bool:
        """Whether nothing but a probe may be sent."""
        return self.state != CLOSED

    def probes(self) -> None:
        """A probe is under way."""
        self._move(HALF_OPEN)

    def failed(self) -> None:
        """The broker has not answered."""
        self._failures += 1
        if self.state == HALF_OPEN or self._failures >= LIMIT:
            self._move(OPEN)

    def answered(self) -> None:
        """The broker has answered."""
        self._failures = 0
        self._move(CLOSED)

    def _move(self, state: str) -> None:
        if state != self.state:
            self.state = state
            for told in self._listeners:
                told(state)
