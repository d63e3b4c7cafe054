"""Learned parameters, from memory."""

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from learning_client.background import Background
from learning_client.breaker import Breaker
from learning_client.declared import Declared
from learning_client.errors import RefusedVersion
from learning_client.follower import Follower
from learning_client.guard import Troubles, guarded
from learning_client.lasting import lasts
from learning_client.moments import Clock, now
from learning_client.names import checked_name, checked_prefix
from learning_client.publisher import EventPublisher
from learning_client.snapshot import Snapshot
from learning_client.state import State
from learning_client.switches import Switches, switches_from
from learning_client.version import Version, VersionNumber

Callback = Callable[[Snapshot, Snapshot], object]

INTEGRATION_OFF = "LEARNING_INTEGRATION_ENABLED is off"
APPLY_OFF = "LEARNING_APPLY_PARAMETERS is off"


class ParameterStats(Struct, frozen=True, kw_only=True):
    """How the client is doing: the newest good version (used or not), how many came, and what went wrong."""

    connected: bool
    version: str | None
    taken: int
    refused: int
    troubles: dict[str, int]


class ParameterClient:
    """The values that learning found, for a trading process that never waits for them.

    ``start()`` returns at once; a daemon thread reads the newest version and then follows every update. All
    other methods answer from memory, with the caller's ``defaults`` for as long as nothing better is known.
    A version whose checksum is wrong, that is older than the one in force, or that has a value outside ``bounds``
    is refused whole, and the last good one stays. Each version is acknowledged, or refused with the reason,
    through ``publisher``.

    Only ``defaults`` name parameters, so ``params["name"]`` raises KeyError for any other name, whatever
    the engine does; no other method raises. ::

        params = ParameterClient(url, defaults={"exit": 0.7}, bounds={"exit": (0.5, 0.95)}, publisher=publisher)
        params.start()
        pinned = params.snapshot(unit_of("AAPL", "2024-01-31"))
        if score > pinned["exit"]:
            publisher.decision(symbol="AAPL", action="BUY", snapshot=pinned)

    Args:
        url: of the Redis server, such as ``redis://localhost:6379/0``.
        bounds: the trading side's own limits, ``{name: (lowest, highest)}``.
        client_id: names this process in acknowledgements; by default the publisher's source.
        prefix: separates environments, such as ``paper:``.
        switches: by default those of the publisher, else of ``os.environ``.
        clock: microseconds since 1970 UTC, for ``applied_at``.

    Raises:
        Misuse: only here, for a bad name, or defaults and bounds that contradict each other.
    """

    def __init__(  # noqa: PLR0913 - what a caller may want to say, all by name
        self,
        url: str,
        *,
        defaults: Mapping[str, Any],
        bounds: Mapping[str, tuple[float, float]] = MappingProxyType({}),
        strategy: str = "main",
        client_id: str | None = None,
        prefix: str = "",
        publisher: EventPublisher | None = None,
        switches: Switches | None = None,
        clock: Clock = now,
    ) -> None:
        self.switches = switches or (publisher.switches if publisher else switches_from(os.environ))
        self._strategy = checked_name("strategy", strategy)
        self._client = client_id or (publisher.source if publisher else "")
        self._publisher = publisher
        self._clock = clock
        self._declared = Declared(defaults, bounds)
        self._state = State(declared=self._declared, values=self._declared.defaults)
        self._callbacks: list[Callback] = []
        self._troubles = Troubles()
        self._told: tuple[VersionNumber, bool] | None = None
        self._refusal: tuple[tuple[int, int] | None, str] | None = None
        self._taken = self._refused = 0
        self._started = self._heard = False
        self._follower = Follower(
            url,
            self._strategy,
            prefix=checked_prefix(prefix),
            current=lambda: self._state.version,
            take=self._take,
            refuse=self._refuse,
        )
        self._background = Background(
            "learning-client-parameters",
            self._turn,
            finished=lambda: True,
            troubles=self._troubles,
            breaker=Breaker(),
        )
        if publisher is not None:
            publisher.report_also(self._report)
        lasts(self)

    @guarded("start", otherwise=None)
    def start(self) -> None:
        """Begin to follow the broker, in the background."""
        self._started = True
        self._background.ensure()

    @guarded("wait_ready", otherwise=False)
    def wait_ready(self, timeout: float) -> bool:
        """Wait until the broker has been asked once, whether it held a version or not. Trading has no need of this."""
        return self._background.wait_for(lambda: self._heard, timeout)

    def snapshot(self, unit: str | None = None) -> Snapshot:
        """What is in force now, for ``unit``. Without a unit nothing is assigned: the baseline values."""
        state = self._state
        try:
            if self._started:
                self._background.ensure()
            off = APPLY_OFF if self.switches.integration else INTEGRATION_OFF
            return state.snapshot(unit, apply=self._applying, off=off)
        except Exception as error:  # noqa: BLE001 - whatever it is, trading has its defaults
            self.trouble("snapshot", error)
            return state.defaults(unit, f"{type(error).__name__}: {error}")

    def value(self, name: str, unit: str | None = None) -> Any:
        """One value. Who needs two takes a snapshot, or they may be of different versions.

        Raises:
            KeyError: ``name`` is not in the defaults.
        """
        return self.snapshot(unit)[name]

    def __getitem__(self, name: str) -> Any:
        return self.snapshot()[name]

    @guarded("on_update", otherwise=None)
    def on_update(self, callback: Callback) -> None:
        """Call ``callback(old, new)`` with snapshots, on the background thread, after each version that was taken."""
        self._callbacks.append(callback)

    def stats(self) -> ParameterStats:
        """Connection, version and counts since the start."""
        version = self._state.version
        return ParameterStats(
            connected=self._background.connected,
            version=None if version is None else str(version.id),
            taken=self._taken,
            refused=self._refused,
            troubles=self._troubles.counts(),
        )

    @guarded("close", otherwise=False)
    def close(self, timeout: float = 2.0) -> bool:
        """Stop following; what is in memory stays. Waits at most ``timeout`` seconds, and says whether it ended."""
        return self._background.stop(timeout)

    def renew(self) -> None:
        """For a forked child: keep what is in memory, follow with a thread and connection of its own."""
        self._follower.hang_up()
        self._troubles.renew()
        self._background.renew()

    def trouble(self, name: str, error: Exception) -> None:
        """Count an error of a public method, and log the first of its kind."""
        self._troubles.note(f"ParameterClient.{name}", error)

    @property
    def _applying(self) -> bool:
        return self.switches.integration and self.switches.apply

    def _turn(self) -> None:
        if not self.switches.integration:
            self._follower.hang_up()
            self._background.stopping.wait(0.5)
            return
        self._acknowledge()
        self._follower.turn()
        self._background.reached()
        self._heard = True

    def _take(self, version: Version) -> None:
        values = self._declared.values_of(version)
        old = self.snapshot()
        self._state = State(declared=self._declared, values=values, version=version, swapped_at=self._clock())
        self._taken += 1
        self._acknowledge()
        for callback in self._callbacks:
            try:
                callback(old, self.snapshot())
            except Exception as error:  # noqa: BLE001 - the caller's own code; following goes on
                self.trouble("on_update callback", error)

    def _refuse(self, refusal: RefusedVersion) -> None:
        told = (refusal.number, refusal.reason)
        if told == self._refusal:
            return
        self._refusal = told
        self._refused += 1
        self._troubles.note("a version of the parameters was refused", refusal)
        if refusal.number is not None:
            self._applied(VersionNumber(*refusal.number), refused=refusal.reason)

    def _acknowledge(self) -> None:
        """Tell the engine once what became of a version, and again when the switch was turned."""
        state = self._state
        if state.version is None or self._told == (state.version.id, self._applying):
            return
        turned = self._told is not None and self._told[0] == state.version.id
        self._told = (state.version.id, self._applying)
        if self._applying:
            self._applied(state.version.id, applied_at=self._clock() if turned else state.swapped_at)
        else:
            self._applied(state.version.id, refused=f"{APPLY_OFF}: the version is known and not used")

    def _applied(self, number: VersionNumber, **how: Any) -> None:
        if self._publisher is not None:
            self._publisher.params_applied(
                client=self._client, strategy=self._strategy, epoch=number.epoch, version=number.number, **how
            )

    def _report(self) -> dict[str, object]:
        """What ``client.reported`` says of the parameters."""
        state = self._state
        if state.version is None:
            return {}
        age = max(0, self._clock() - state.swapped_at) / 1e6
        return {"version": str(state.version.id), "version_age_seconds": age}
