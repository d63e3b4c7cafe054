"""Tells the engine what became of each version."""

from typing import Any

from learning_client.errors import RefusedVersion
from learning_client.holding import APPLY_OFF
from learning_client.moments import Clock
from learning_client.publisher import EventPublisher
from learning_client.version import VersionNumber
from learning_client.view import View


class Receipts:
    """Acknowledges a version once, and again when the switch was turned; refuses one with the reason.

    Args:
        publisher: tells it; without one nothing is told.
        client: names this process.
    """

    def __init__(self, publisher: EventPublisher | None, *, client: str, strategy: str, clock: Clock) -> None:
        self._publisher = publisher
        self._client = client
        self._strategy = strategy
        self._clock = clock
        self._told: tuple[VersionNumber, bool] | None = None

    def acknowledge(self, view: View, *, applying: bool) -> None:
        """What ``view`` shows was taken over, and is used or not."""
        if view.version is None or self._told == (view.version.id, applying):
            return
        turned = self._told is not None and self._told[0] == view.version.id
        self._told = (view.version.id, applying)
        if applying:
            self._tell(view.version.id, applied_at=self._clock() if turned else view.since)
        else:
            self._tell(view.version.id, refused=f"{APPLY_OFF}: the version is known and not used")

    def refuse(self, refusal: RefusedVersion) -> None:
        """A version was not taken over; one without a number cannot be told."""
        if refusal.number is not None:
            self._tell(VersionNumber(*refusal.number), refused=refusal.reason)

    def _tell(self, number: VersionNumber, **how: Any) -> None:
        if self._publisher is not None:
            self._publisher.params_applied(
                client=self._client, strategy=self._strategy, epoch=number.epoch, version=number.number, **how
            )
