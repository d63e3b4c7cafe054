"""Who wants to hear of new versions."""

import asyncio
from collections.abc import AsyncIterator, Callable

from learning_client.callbacks import Callbacks
from learning_client.guard import Troubles
from learning_client.snapshot import Snapshot

Callback = Callable[[Snapshot, Snapshot], object]


class Audience:
    """Callbacks, called on a thread of their own, and event loops that wait for the next version.

    Args:
        newest: the snapshot without a unit, and the id of its version; None where none is known.
    """

    def __init__(self, newest: Callable[[], tuple[object, Snapshot]], *, troubles: Troubles) -> None:
        self._newest = newest
        self._troubles = troubles
        self._callbacks = Callbacks(troubles)
        self._on_update: list[Callback] = []
        self._on_standing: list[Callable[[str, str], object]] = []
        self._waiting: list[Callable[[], None]] = []
        self._closed = False

    def renew(self) -> None:
        """For a forked child: callbacks stay, nobody waits."""
        self._callbacks.renew()
        self._waiting = []

    def on_update(self, callback: Callback) -> None:
        """Call it with the snapshots before and after each version."""
        self._on_update.append(callback)

    def on_standing(self, callback: Callable[[str, str], object]) -> None:
        """Call it with the standing before and after it changes."""
        self._on_standing.append(callback)

    def updated(self, old: Snapshot, new: Snapshot) -> None:
        """A version was taken over."""
        for callback in self._on_update:
            self._callbacks.call(callback, old, new)
        self._wake()

    def stood(self, before: str, after: str) -> None:
        """The standing has changed."""
        for callback in self._on_standing:
            self._callbacks.call(callback, before, after)

    def close(self) -> None:
        """Nothing more will come."""
        self._closed = True
        self._wake()

    async def versions(self) -> AsyncIterator[Snapshot]:
        """What is newest now, where a version is known, and after each one that is taken."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(changed.set)

        self._waiting.append(tell)
        try:
            seen: object = None
            while not self._closed:
                changed.clear()
                version, snapshot = self._newest()
                if version is not None and version != seen:
                    seen = version
                    yield snapshot
                else:
                    await changed.wait()
        finally:
            self._waiting.remove(tell)

    def _wake(self) -> None:
        for tell in list(self._waiting):
            try:
                tell()
            except RuntimeError as error:  # the event loop of who waited is closed
                self._troubles.note("ParameterClient.versions", error)
