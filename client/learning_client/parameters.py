"""Learned parameters, from memory."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import date
from time import monotonic
from types import MappingProxyType
from typing import Any

from learning_client.arguments import checked_clock, checked_kind, checked_number, checked_url
from learning_client.audience import Audience, Callback
from learning_client.background import Background, patience
from learning_client.breaker import Breaker
from learning_client.declared import Declared
from learning_client.effects import NEXT_DECISION, NEXT_SESSION, WHEN_FLAT
from learning_client.errors import RefusedVersion
from learning_client.follower import Follower
from learning_client.guard import Troubles, guarded
from learning_client.holding import Holding
from learning_client.keeping import Keeping
from learning_client.last_known_good import LastKnownGood
from learning_client.lasting import lasts
from learning_client.moments import Clock, now, session_text
from learning_client.names import checked_name, checked_prefix
from learning_client.parameter_stats import ParameterStats
from learning_client.publisher import EventPublisher
from learning_client.receipts import Receipts
from learning_client.snapshot import Snapshot
from learning_client.switches import Switches, checked_switches, switches_from
from learning_client.version import Version
from learning_client.view import LAST_KNOWN_GOOD, LIVE, View


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
        effects: when a new value takes effect, by name: ``"now"``, as that of every name which is not in it, or only
            with the next call of ``snapshot()`` (``"next_decision"``), of ``session()`` with a later date
            (``"next_session"``), or of ``flat()`` (``"when_flat"``). Members of one group must have the same.
        client_id: names this process in acknowledgements; by default the publisher's source.
        prefix: separates environments, such as ``paper:``.
        switches: by default those of the publisher, else of ``os.environ``.
        clock: microseconds since 1970 UTC, for ``applied_at``.
        last_known_good: a file in which the newest good version outlives this process. It is read by ``start()`` and
            holds until the broker was heard.
        stale_after: seconds without a word of the broker, which speaks every second, after which a version is stale.

    Raises:
        Misuse: only here, for a bad name, an unknown effect, defaults and bounds that contradict each other, and for
            arguments that can never be right, such as ``url=None``.
    """

    def __init__(  # noqa: PLR0913 - what a caller may want to say, all by name
        self,
        url: str,
        *,
        defaults: Mapping[str, Any],
        bounds: Mapping[str, tuple[float, float]] = MappingProxyType({}),
        effects: Mapping[str, str] = MappingProxyType({}),
        strategy: str = "main",
        client_id: str | None = None,
        prefix: str = "",
        publisher: EventPublisher | None = None,
        switches: Switches | None = None,
        clock: Clock = now,
        last_known_good: str | os.PathLike[str] | None = None,
        stale_after: float = 10.0,
    ) -> None:
        url = checked_url(url)
        self.switches = checked_switches(switches) or (publisher.switches if publisher else switches_from(os.environ))
        strategy = checked_name("strategy", strategy)
        self._clock = checked_clock(clock)
        self._declared = Declared(defaults, bounds, effects)
        self._troubles = Troubles()
        self._audience = Audience(self._newest, troubles=self._troubles)
        self._holding = Holding(
            self._declared,
            self.switches,
            stale_after=checked_number("stale_after", stale_after, least=0),
            stood=self._audience.stood,
            shown=self._show,
        )
        self._keeping: Keeping | None = None
        if last_known_good is not None:
            self._keeping = Keeping(LastKnownGood(last_known_good, strategy=strategy), troubles=self._troubles)
        self._session = date.min
        self._refusal: tuple[tuple[int, int] | None, str] | None = None
        self._taken = self._refused = 0
        self._started = self._heard = False
        client = publisher.source if publisher else ""
        if client_id is not None:
            client = checked_kind("client_id", client_id, str, "write a text, such as 'bot-7'") or client
        self._receipts = Receipts(publisher, client=client, strategy=strategy, clock=clock)
        self._follower = Follower(
            url,
            strategy,
            prefix=checked_prefix(prefix),
            current=lambda: self.version,
            take=self._take,
            refuse=self._refuse,
        )
        self._background = Background(
            "learning-client-parameters",
            self._turn,
            finished=lambda: True,
            troubles=self._troubles,
            breaker=Breaker(),
            meanwhile=self._holding.grown_stale,
        )
        if publisher is not None:
            publisher.report_also(self._report)
        self.switches.listen(self._holding.see_again)
        lasts(self)

    @guarded("start", otherwise=None)
    def start(self) -> None:
        """Read the last known good version, where a file of it was named, and follow the broker in the background.

        A disk that hangs is waited for a second.
        """
        if self._keeping is not None and not self._started:
            self._keeping.begin(self._begin_with)
        self._started = True
        self._background.ensure()

    @guarded("wait_ready", otherwise=False)
    def wait_ready(self, timeout: float | None) -> bool:
        """Wait until the broker has been asked once, whether it held a version or not; None waits without limit.
        Trading has no need of this."""
        return self._background.wait_for(lambda: self._heard, patience(timeout))

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
        try:
            if unit is None:
                return self._live[name]
            known = self._known.get(unit)
            if known is not None and name in known:
                return known[name]
        except (KeyError, TypeError):
            pass  # what follows says why
        return self._found(name, unit)

    def snapshot(self, unit: str | None = None) -> Snapshot:
        """What is in force now, for ``unit``. Without a unit nothing is assigned: the baseline values."""
        try:
            view = self._awake() if self._holding.asleep else self._holding.view
            if view.behind:
                view = self._holding.reach(NEXT_DECISION)
            if view.standing == LIVE:
                view = self._holding.grown_stale()
            return view.snapshot(unit)
        except Exception as error:  # noqa: BLE001 - whatever it is, trading has its defaults
            self.trouble("snapshot", error)
            defaults = self._declared.defaults
            return Snapshot(values=defaults, would_be=defaults, unit=unit, reason=f"{type(error).__name__}: {error}")

    @guarded("session", otherwise=None)
    def session(self, session: "str | date") -> None:
        """A session begins, such as ``2024-01-31``. Values that wait for the next one take effect where it is later
        than any that was named before; so it may be called as often as one likes."""
        begun = date.fromisoformat(session_text(session))
        if begun > self._session:
            self._session = begun
            self._holding.reach(NEXT_SESSION)

    @guarded("flat", otherwise=None)
    def flat(self) -> None:
        """No position is open at this moment: values that wait for that take effect. What comes later waits for the
        next call, so call it whenever nothing is open, before something is opened."""
        self._holding.reach(WHEN_FLAT)

    @guarded("on_update", otherwise=None)
    def on_update(self, callback: Callback) -> None:
        """Call ``callback(old, new)`` with snapshots, after each version that was taken, on a thread of its own."""
        self._audience.on_update(callback)

    @guarded("on_standing", otherwise=None)
    def on_standing(self, callback: Callable[[str, str], object]) -> None:
        """Call ``callback(before, after)`` when the ``standing`` of snapshots changes, on a thread of its own."""
        self._audience.on_standing(callback)

    def versions(self) -> AsyncIterator[Snapshot]:
        """The snapshot without a unit, once now where a version is known and after each one that is taken, until
        ``close()``. Who is slow gets the newest and misses those between."""
        return self._audience.versions()

    @property
    def version(self) -> Version | None:
        """The newest good version, whether it is used or not; None where none is known."""
        return self._holding.view.version

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
        standing, version, heard = self._looked_at().standing, self.version, self._holding.heard_at
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
    def close(self, timeout: float | None = 2.0) -> bool:
        """Stop following; what is in memory stays. Waits at most ``timeout`` seconds, without limit for None, and says
        whether it ended."""
        self._audience.close()
        return self._background.stop(patience(timeout))

    def renew(self) -> None:
        """For a forked child: keep what is in memory, and follow with a thread and connection of its own from the next
        read on."""
        self._follower.hang_up()
        self._troubles.renew()
        self._audience.renew()
        self._background.renew()
        if self._keeping is not None:
            self._keeping.renew()
        self._holding.sleep()

    def trouble(self, name: str, error: Exception) -> None:
        """Count an error of a public method, and log the first of its kind."""
        self._troubles.note(f"ParameterClient.{name}", error)

    def _newest(self) -> tuple[object, Snapshot]:
        version = self.version
        return None if version is None else version.id, self._looked_at()

    def _looked_at(self) -> Snapshot:
        """The snapshot without a unit, for which no decision is due."""
        self._awake()
        return self._holding.grown_stale().snapshot(None)

    def _found(self, name: str, unit: str | None) -> Any:
        view = self._awake() if self._holding.asleep else self._holding.view
        if unit is None:
            return view.live[name]
        try:
            return view.value(name, unit)
        except KeyError:
            raise
        except Exception as error:  # noqa: BLE001 - a unit that cannot be assigned
            self.trouble("value", error)
            return self._declared.defaults[name]

    def _show(self, live: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> None:
        self._live, self._known = live, known

    def _awake(self) -> View:
        """What holds; in a forked child the background begins anew."""
        if self._holding.asleep:
            self._holding.wake()
            if self._started:
                self._background.ensure()
        return self._holding.view

    def _turn(self) -> None:
        if not self.switches.integration:
            self._follower.hang_up()
            self._background.stopping.wait(0.5)
            return
        self._acknowledge()
        self._follower.turn()
        self._background.reached()
        self._heard = True
        self._holding.hear()
        if self._keeping is not None:
            self._keeping.catch_up()

    def _begin_with(self, version: Version) -> None:
        """What an earlier run kept, where the broker has not said better meanwhile."""
        if self._holding.heard_at is None:
            self._holding.take(version, LAST_KNOWN_GOOD, since=self._clock())

    def _take(self, version: Version) -> None:
        old = self._looked_at()
        self._holding.heard_at = monotonic()
        self._holding.take(version, LIVE, since=self._clock())
        self._taken += 1
        self._acknowledge()
        self._audience.updated(old, self._looked_at())
        if self._keeping is not None:
            self._keeping.keep(version)

    def _acknowledge(self) -> None:
        self._receipts.acknowledge(self._holding.view, applying=self._holding.applying)

    def _refuse(self, refusal: RefusedVersion) -> None:
        told = (refusal.number, refusal.reason)
        if told == self._refusal:
            return
        self._refusal = told
        self._refused += 1
        self._holding.refuse(refusal.reason)
        self._troubles.note("a version of the parameters was refused", refusal)
        self._receipts.refuse(refusal)

    def _report(self) -> dict[str, object]:
        """What ``client.reported`` says of the parameters."""
        view = self._holding.view
        if view.version is None:
            return {}
        age = max(0, self._clock() - view.since) / 1e6
        return {"version": str(view.version.id), "version_age_seconds": age}
