"""Learned parameters, from memory."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from threading import Lock
from time import monotonic
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from learning_client.background import Background
from learning_client.breaker import Breaker
from learning_client.callbacks import Callbacks
from learning_client.declared import Declared
from learning_client.errors import RefusedVersion
from learning_client.follower import Follower
from learning_client.guard import Troubles, guarded
from learning_client.last_known_good import LastKnownGood
from learning_client.lasting import lasts
from learning_client.moments import Clock, now
from learning_client.names import checked_name, checked_prefix
from learning_client.publisher import EventPublisher
from learning_client.snapshot import Snapshot
from learning_client.switches import Switches, switches_from
from learning_client.version import Version, VersionNumber
from learning_client.view import DEFAULT, LAST_KNOWN_GOOD, LIVE, STALE, View

Callback = Callable[[Snapshot, Snapshot], object]

INTEGRATION_OFF = "LEARNING_INTEGRATION_ENABLED is off"
APPLY_OFF = "LEARNING_APPLY_PARAMETERS is off"
NONE_ARRIVED = "no version of the parameters has arrived"
NONE_FIT = "no version of the parameters could be used"


class ParameterStats(Struct, frozen=True, kw_only=True):
    """How the client is doing: the newest good version (used or not), how many came, and what went wrong.

    ``standing`` is that of a snapshot; ``heard_seconds`` how long ago the broker was heard, None where it never was.
    """

    connected: bool
    version: str | None
    standing: str
    heard_seconds: float | None
    taken: int
    refused: int
    troubles: dict[str, int]


class ParameterClient:
    """The values that learning found, for a trading process that never waits for them.

    ``start()`` returns at once; a daemon thread reads the newest version and then follows every update. All
    other methods answer from memory, with the caller's ``defaults`` for as long as nothing better is known.
    A version whose checksum is wrong, that is older than the one in force, or that has a value outside ``bounds``
    is refused whole, and the last good one stays. Each version is acknowledged, or refused with the reason,
    through ``publisher``. A snapshot's ``standing`` says how sure it is that its version is the newest.

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
        last_known_good: a file in which the newest good version outlives this process. It is read by ``start()`` and
            holds until the broker was heard.
        stale_after: seconds without a word of the broker, which speaks every second, after which a version is stale.

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
        last_known_good: str | os.PathLike[str] | None = None,
        stale_after: float = 10.0,
    ) -> None:
        self.switches = switches or (publisher.switches if publisher else switches_from(os.environ))
        self._strategy = checked_name("strategy", strategy)
        self._client = client_id or (publisher.source if publisher else "")
        self._publisher = publisher
        self._clock = clock
        self._declared = Declared(defaults, bounds)
        self._troubles = Troubles()
        self._on_update: list[Callback] = []
        self._on_standing: list[Callable[[str, str], object]] = []
        self._waiting: list[Callable[[], None]] = []
        self._callbacks = Callbacks(self._troubles)
        self._kept = None if last_known_good is None else LastKnownGood(last_known_good, strategy=strategy)
        self._stale_after = stale_after
        self._heard_at: float | None = None
        self._closed = self._asleep = False
        self._swapping = Lock()
        self._standing = DEFAULT
        self._live: dict[str, Any] = {}
        self._refusal: tuple[tuple[int, int] | None, str] | None = None
        self._swap(None, DEFAULT, since=0)
        self._told: tuple[VersionNumber, bool] | None = None
        self._taken = self._refused = 0
        self._started = self._heard = False
        self._follower = Follower(
            url,
            self._strategy,
            prefix=checked_prefix(prefix),
            current=lambda: self._view.version,
            take=self._take,
            refuse=self._refuse,
        )
        self._background = Background(
            "learning-client-parameters",
            self._turn,
            finished=lambda: True,
            troubles=self._troubles,
            breaker=Breaker(),
            meanwhile=self._grow_stale,
        )
        if publisher is not None:
            publisher.report_also(self._report)
        self.switches.listen(self._see_again)
        lasts(self)

    @guarded("start", otherwise=None)
    def start(self) -> None:
        """Read the last known good version, where a file of it was named, and follow the broker in the background."""
        if self._kept is not None and not self._started:
            self._begin_with(self._kept)
        self._started = True
        self._background.ensure()

    @guarded("wait_ready", otherwise=False)
    def wait_ready(self, timeout: float) -> bool:
        """Wait until the broker has been asked once, whether it held a version or not. Trading has no need of this."""
        return self._background.wait_for(lambda: self._heard, timeout)

    def __getitem__(self, name: str) -> Any:
        try:
            return self._live[name]
        except KeyError:
            return self._awake().live[name]

    def value(self, name: str, unit: str | None = None) -> Any:
        """One value. Who needs two takes a snapshot, or they may be of different versions.

        Raises:
            KeyError: ``name`` is not in the defaults.
        """
        if unit is not None:
            try:
                return (self._awake() if self._asleep else self._view).value(name, unit)
            except KeyError:
                raise
            except Exception as error:  # noqa: BLE001 - a unit that cannot be assigned
                self.trouble("value", error)
                return self._declared.defaults[name]
        try:
            return self._live[name]
        except KeyError:
            return self._awake().live[name]

    def snapshot(self, unit: str | None = None) -> Snapshot:
        """What is in force now, for ``unit``. Without a unit nothing is assigned: the baseline values."""
        try:
            view = self._awake() if self._asleep else self._view
            if view.standing == LIVE and self._is_late():
                view = self._grow_stale()
            return view.snapshot(unit)
        except Exception as error:  # noqa: BLE001 - whatever it is, trading has its defaults
            self.trouble("snapshot", error)
            defaults = self._declared.defaults
            return Snapshot(values=defaults, would_be=defaults, unit=unit, reason=f"{type(error).__name__}: {error}")

    @guarded("on_update", otherwise=None)
    def on_update(self, callback: Callback) -> None:
        """Call ``callback(old, new)`` with snapshots, after each version that was taken, on a thread of its own."""
        self._on_update.append(callback)

    @guarded("on_standing", otherwise=None)
    def on_standing(self, callback: Callable[[str, str], object]) -> None:
        """Call ``callback(before, after)`` when the ``standing`` of snapshots changes, on a thread of its own."""
        self._on_standing.append(callback)

    async def versions(self) -> AsyncIterator[Snapshot]:
        """The snapshot without a unit, once now where a version is known and after each one that is taken, until
        ``close()``. Who is slow gets the newest and misses those between."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(changed.set)

        self._waiting.append(tell)
        try:
            seen: VersionNumber | None = None
            while not self._closed:
                changed.clear()
                version = self._view.version
                if version is not None and version.id != seen:
                    seen = version.id
                    yield self.snapshot()
                else:
                    await changed.wait()
        finally:
            self._waiting.remove(tell)

    @property
    def version(self) -> Version | None:
        """The newest good version, whether it is used or not; None where none is known."""
        return self._view.version

    @property
    def defaults(self) -> Mapping[str, Any]:
        """The caller's own values."""
        return self._declared.defaults

    @property
    def bounds(self) -> Mapping[str, tuple[float, float]]:
        """The caller's own limits, for those names that have any."""
        return self._declared.bounds

    def stats(self) -> ParameterStats:
        """Connection, version and counts since the start."""
        standing, version, heard = self.snapshot().standing, self._view.version, self._heard_at
        return ParameterStats(
            connected=self._background.connected,
            version=None if version is None else str(version.id),
            standing=standing,
            heard_seconds=None if heard is None else monotonic() - heard,
            taken=self._taken,
            refused=self._refused,
            troubles=self._troubles.counts(),
        )

    @guarded("close", otherwise=False)
    def close(self, timeout: float = 2.0) -> bool:
        """Stop following; what is in memory stays. Waits at most ``timeout`` seconds, and says whether it ended."""
        self._closed = True
        self._tell_waiting()
        return self._background.stop(timeout)

    def renew(self) -> None:
        """For a forked child: keep what is in memory, and follow with a thread and connection of its own from the next
        read on."""
        self._swapping = Lock()
        self._follower.hang_up()
        self._troubles.renew()
        self._callbacks.renew()
        self._background.renew()
        self._waiting = []
        self._asleep = True
        self._live = {}

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
        self._heard, self._heard_at = True, monotonic()
        if self._view.standing in (STALE, LAST_KNOWN_GOOD):
            self._see_again(LIVE)

    def _begin_with(self, kept: LastKnownGood) -> None:
        try:
            version = kept.read()
            if version is not None:
                self._swap(version, LAST_KNOWN_GOOD, since=self._clock())
        except (RefusedVersion, OSError) as error:
            self._troubles.note("the last known good version cannot be used", error)

    def _take(self, version: Version) -> None:
        old = self.snapshot()
        self._heard_at = monotonic()
        self._swap(version, LIVE, since=self._clock())
        self._taken += 1
        self._acknowledge()
        new = self.snapshot()
        for callback in self._on_update:
            self._callbacks.call(callback, old, new)
        self._tell_waiting()
        if self._kept is not None:
            try:
                self._kept.keep(version)
            except OSError as error:
                self._troubles.note("the last known good version cannot be kept", error)

    def _swap(self, version: Version | None, standing: str, *, since: int) -> None:
        """From now on ``version`` holds.

        Raises:
            RefusedVersion: and what held goes on.
        """
        with self._swapping:
            self._show(version, standing, since=since)

    def _see_again(self, standing: str = "") -> View:
        """The same version under other switches, or with another standing."""
        with self._swapping:
            view = self._view
            heard_meanwhile = standing == STALE and not self._is_late()
            if not standing or heard_meanwhile or view.version is None:
                standing = view.standing
            self._show(view.version, standing, since=view.since)
            return self._view

    def _grow_stale(self) -> View:
        if self._view.standing == LIVE and self._is_late():
            return self._see_again(STALE)
        return self._view

    def _show(self, version: Version | None, standing: str, *, since: int) -> None:
        refusal = None if self._applying else APPLY_OFF if self.switches.integration else INTEGRATION_OFF
        unknown = NONE_ARRIVED if self._refusal is None else f"{NONE_FIT}: {self._refusal[1]}"
        view = View(self._declared, version, refusal=refusal, unknown=unknown, standing=standing, since=since)
        self._view, self._live = view, {} if self._asleep else view.live
        before, self._standing = self._standing, standing
        if standing != before:
            for callback in self._on_standing:
                self._callbacks.call(callback, before, standing)

    def _awake(self) -> View:
        """What holds; in a forked child the background begins anew."""
        if self._asleep:
            self._asleep, self._live = False, self._view.live
            if self._started:
                self._background.ensure()
        return self._view

    def _is_late(self) -> bool:
        return self._heard_at is not None and monotonic() - self._heard_at > self._stale_after

    def _tell_waiting(self) -> None:
        for tell in list(self._waiting):
            try:
                tell()
            except RuntimeError as error:  # the event loop of who waited is closed
                self.trouble("versions", error)

    def _refuse(self, refusal: RefusedVersion) -> None:
        told = (refusal.number, refusal.reason)
        if told == self._refusal:
            return
        self._refusal = told
        self._refused += 1
        if self._view.version is None:
            self._see_again()
        self._troubles.note("a version of the parameters was refused", refusal)
        if refusal.number is not None:
            self._applied(VersionNumber(*refusal.number), refused=refusal.reason)

    def _acknowledge(self) -> None:
        """Tell the engine once what became of a version, and again when the switch was turned."""
        view, applying = self._view, self._applying
        if view.version is None or self._told == (view.version.id, applying):
            return
        turned = self._told is not None and self._told[0] == view.version.id
        self._told = (view.version.id, applying)
        if applying:
            self._applied(view.version.id, applied_at=self._clock() if turned else view.since)
        else:
            self._applied(view.version.id, refused=f"{APPLY_OFF}: the version is known and not used")

    def _applied(self, number: VersionNumber, **how: Any) -> None:
        if self._publisher is not None:
            self._publisher.params_applied(
                client=self._client, strategy=self._strategy, epoch=number.epoch, version=number.number, **how
            )

    def _report(self) -> dict[str, object]:
        """What ``client.reported`` says of the parameters."""
        view = self._view
        if view.version is None:
            return {}
        age = max(0, self._clock() - view.since) / 1e6
        return {"version": str(view.version.id), "version_age_seconds": age}
