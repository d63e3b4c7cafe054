"""What holds now, and how sure that is."""

from collections.abc import Callable, Mapping
from threading import RLock
from time import monotonic
from typing import Any

from learning_client.declared import Declared
from learning_client.switches import Switches
from learning_client.version import Version
from learning_client.view import DEFAULT, LAST_KNOWN_GOOD, LIVE, STALE, View

INTEGRATION_OFF = "LEARNING_INTEGRATION_ENABLED is off"
APPLY_OFF = "LEARNING_APPLY_PARAMETERS is off"
NONE_ARRIVED = "no version of the parameters has arrived"
NONE_FIT = "no version of the parameters could be used"


class Holding:
    """The view that readers see. It is swapped whole, by whoever has a newer version, standing or switch, or says that
    a moment is here. A signal's handler may do so in the midst of it.

    Args:
        stale_after: seconds without a word of the broker after which a version is stale.
        stood: called with the standing before and after, when it changes.
        shown: called with what may be read from now on: the values for units that nothing is assigned to, and those
            that units have asked for; both empty in a forked child until it wakes.

    Attributes:
        view: what holds.
        heard_at: when the broker was heard last, on the monotonic clock; None where it never was.
    """

    def __init__(
        self,
        declared: Declared,
        switches: Switches,
        *,
        stale_after: float,
        stood: Callable[[str, str], None],
        shown: Callable[[Mapping[str, Any], Mapping[str, Mapping[str, Any]]], None],
    ) -> None:
        self._declared = declared
        self._switches = switches
        self._stale_after = stale_after
        self._stood = stood
        self._shown = shown
        self._lock = RLock()
        self._unknown = NONE_ARRIVED
        self._standing = DEFAULT
        self.heard_at: float | None = None
        self.asleep = False
        self.take(None, DEFAULT, since=0)

    @property
    def applying(self) -> bool:
        """Whether learned values are used."""
        return self._switches.integration and self._switches.apply

    def take(self, version: Version | None, standing: str, *, since: int) -> None:
        """From now on ``version`` holds; where it is news of the broker, but for what waits for its moment.

        Raises:
            RefusedVersion: and what held goes on.
        """
        with self._lock:
            self._show(version, standing, since=since, behind=self._behind() if standing == LIVE else {})

    def reach(self, effect: str) -> View:
        """The moment of ``effect`` is here; what holds from now on."""
        if effect in self.view.behind:
            with self._lock:
                behind = self.view.behind
                self._put(self.view.holding({other: behind[other] for other in behind if other != effect}))
        return self.view

    def see_again(self, standing: str = "") -> View:
        """The same version under other switches, or with another standing."""
        with self._lock:
            view = self.view
            heard_meanwhile = standing == STALE and not self._is_late()
            if not standing or heard_meanwhile or view.version is None:
                standing = view.standing
            self._show(view.version, standing, since=view.since, behind=view.behind)
            return self.view

    def refuse(self, reason: str) -> None:
        """A version was refused; where none holds, that is why."""
        self._unknown = f"{NONE_FIT}: {reason}"
        if self.view.version is None:
            self.see_again()

    def hear(self) -> None:
        """The broker is heard, so what holds is the newest."""
        self.heard_at = monotonic()
        if self.view.standing in (STALE, LAST_KNOWN_GOOD):
            self.see_again(LIVE)

    def grown_stale(self) -> View:
        """What holds, stale where the broker was not heard for too long."""
        if self.view.standing == LIVE and self._is_late():
            return self.see_again(STALE)
        return self.view

    def sleep(self) -> None:
        """For a forked child: what holds stays, and the first read wakes."""
        self._lock = RLock()
        self.asleep = True
        self._shown({}, {})

    def wake(self) -> None:
        """After ``sleep()``: be read again."""
        with self._lock:
            self.asleep = False
            self._put(self.view)

    def _is_late(self) -> bool:
        return self.heard_at is not None and monotonic() - self.heard_at > self._stale_after

    def _behind(self) -> Mapping[str, View]:
        """What goes on to hold beside a newer version, by the moment that it waits for."""
        held = self.view.holding({})
        return {effect: self.view.behind.get(effect, held) for effect in self._declared.held}

    def _show(self, version: Version | None, standing: str, *, since: int, behind: Mapping[str, View]) -> None:
        refusal: str | None = ""
        while refusal != (refusal := self._refusal()):  # a signal's handler may have turned a switch meanwhile
            view = View(self._declared, version, refusal=refusal, unknown=self._unknown, standing=standing, since=since)
            self._put(view.holding(behind) if behind else view)
        before, self._standing = self._standing, standing
        if standing != before:
            self._stood(before, standing)

    def _refusal(self) -> str | None:
        return None if self.applying else APPLY_OFF if self._switches.integration else INTEGRATION_OFF

    def _put(self, view: View) -> None:
        self.view = view
        if not self.asleep:
            self._shown(view.live, view.known)
