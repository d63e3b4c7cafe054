"""What a command or a worker process works with: settings, registries, store and broker."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from redis import Redis

from events.connection import connect
from schemas.errors import InvalidSettings
from schemas.parameters import Registry
from schemas.registries import load_registries
from schemas.settings import BROKER, Settings, settings_from
from store.store import Store
from workers.clock import wall_clock

ENV_FILE = ".env"
"""Where ``learning up`` leaves the address of the broker that it brought, for commands in other shells."""


class Installation:
    """One folder with its settings; registries, store and broker are opened when they are first asked for.

    ``named`` says whether the environment names a broker of the user's own, and not the one that ``learning up``
    brings along and leaves the address of behind.
    """

    def __init__(self, environ: Mapping[str, str], *, folder: Path) -> None:
        self.folder = folder
        ours = left_behind(folder / ENV_FILE)
        told = next((environ[name] for name in BROKER if environ.get(name)), None)
        self.named = told is not None and told != ours.get(BROKER[0])
        known = environ if told is not None else {**ours, **environ}
        self.settings: Settings = settings_from(known, folder=folder)

    @cached_property
    def registries(self) -> dict[str, Registry]:
        """The registries by strategy."""
        return load_registries(self.settings.registries, folder=self.folder)

    @cached_property
    def store(self) -> Store:
        """The store, whose schema is the one this code was written for."""
        store = Store.open(self.settings.store_url, clock=wall_clock)
        store.check()
        return store

    @cached_property
    def broker(self) -> Redis:
        """A connection to the broker."""
        if not self.settings.redis_url:
            raise InvalidSettings(
                "no broker is named: start `learning up` in this folder, or set RQ_REDIS_URL to your own redis-server"
            )
        return connect(self.settings.redis_url)

    def strategy(self, name: str | None) -> Registry:
        """The registry of ``name``, or the only one there is.

        Raises:
            InvalidSettings: there are several, or none of that name.
        """
        if name is None and len(self.registries) == 1:
            return next(iter(self.registries.values()))
        if name is None or name not in self.registries:
            raise InvalidSettings(f"which strategy? Say --strategy with one of {sorted(self.registries)}")
        return self.registries[name]


def left_behind(path: Path) -> dict[str, str]:
    """The variables that ``learning up`` wrote into ``path``; none where the file is not there."""
    if not path.is_file():
        return {}
    pairs = (line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, value in pairs if not name.lstrip().startswith("#")}
