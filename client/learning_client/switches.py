"""What the trading side allows, decided by the trading side alone."""

import logging
from collections.abc import Callable, Mapping

from learning_client.arguments import checked_kind

log = logging.getLogger("learning_client")

ON = frozenset({"1", "true", "yes", "on"})
NAMES = ("integration", "collect", "apply")
OFF = frozenset({"0", "false", "no", "off", ""})


class Switches:
    """Three switches that may be turned while trading runs: ``client.switches.apply = True``.

    ``integration`` is for everything: when off, nothing is sent or received. ``collect`` lets events
    out. ``apply`` lets learned values in; when off, every snapshot holds the caller's defaults. Whoever has asked by
    ``listen`` has heard of a turn before the assignment returns. A text turns one as in the environment.
    """

    integration: bool
    collect: bool
    apply: bool
    _listeners: list[Callable[[], object]]

    def __init__(self, *, integration: bool = True, collect: bool = True, apply: bool = False) -> None:
        object.__setattr__(self, "_listeners", [])
        self.integration = integration
        self.collect = collect
        self.apply = apply

    def __setattr__(self, name: str, value: object) -> None:
        if name not in NAMES:
            raise AttributeError(f"there is no switch {name!r}; there are {', '.join(NAMES)}")
        object.__setattr__(self, name, _read(name, value) if isinstance(value, str) else bool(value))
        for turned in self._listeners:
            turned()

    def listen(self, turned: Callable[[], object]) -> None:
        """Call ``turned`` after every turn of a switch."""
        self._listeners.append(turned)

    def __repr__(self) -> str:
        return f"Switches(integration={self.integration}, collect={self.collect}, apply={self.apply})"


def checked_switches(switches: Switches | None) -> Switches | None:
    """``switches``, when they are some, or None.

    Raises:
        Misuse: they are neither.
    """
    return None if switches is None else checked_kind("switches", switches, Switches, "write Switches(apply=True)")


def switches_from(environ: Mapping[str, str]) -> Switches:
    """The switches that ``environ`` asks for, by default collecting and not applying.

    Reads ``LEARNING_INTEGRATION_ENABLED``, ``LEARNING_DATA_COLLECTION`` and ``LEARNING_APPLY_PARAMETERS``:
    1, true, yes, on, or 0, false, no, off. Any other text is taken as off, with a warning.
    """
    return Switches(
        integration=_switch(environ, "LEARNING_INTEGRATION_ENABLED", default=True),
        collect=_switch(environ, "LEARNING_DATA_COLLECTION", default=True),
        apply=_switch(environ, "LEARNING_APPLY_PARAMETERS", default=False),
    )


def _switch(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environ.get(name)
    return default if text is None else _read(name, text)


def _read(name: str, text: str) -> bool:
    word = text.strip().lower()
    if word not in ON | OFF:
        log.warning("%s=%r is neither on nor off: taken as off; write true or false", name, text)
    return word in ON
