"""The registries of every strategy, and the parameter definitions in force."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, bindparam, delete, select

from schemas.parameters import Parameter, Registry
from store.dialects import insert_new, rows_of
from store.tables import parameters, registries

_IN_FORCE = select(parameters.c.registry).where(parameters.c.strategy == bindparam("of")).limit(1)


class Registries:
    """Every registry that a strategy ever had, by its hash. The one recorded last is in force."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, registry: Registry, *, fingerprint: str, now: int) -> bool:
        """Bring a registry into force, and say whether that changed anything. ``fingerprint`` is its hash."""
        if self._in_force(registry.strategy) == fingerprint:
            return False
        row = {
            "strategy": registry.strategy,
            "hash": fingerprint,
            "recorded_at": now,
            "body": msgspec.json.encode(registry).decode(),
        }
        insert_new(self._connection, registries, [row])
        self._connection.execute(delete(parameters).where(parameters.c.strategy == registry.strategy))
        insert_new(self._connection, parameters, _definitions(registry, fingerprint))
        return True

    def latest(self, strategy: str) -> Registry | None:
        """The registry in force."""
        fingerprint = self._in_force(strategy)
        return None if fingerprint is None else self.get(strategy, fingerprint)

    def get(self, strategy: str, fingerprint: str) -> Registry | None:
        """The registry with that hash, in force or not."""
        chosen = select(registries.c.body).where(registries.c.strategy == strategy, registries.c.hash == fingerprint)
        body = self._connection.execute(chosen).scalar()
        return None if body is None else msgspec.json.decode(body, type=Registry)

    def definitions(self, strategy: str) -> Mapping[str, Parameter]:
        """The parameters in force, by name."""
        chosen = select(parameters.c.name, parameters.c.body).where(parameters.c.strategy == strategy)
        rows = self._connection.execute(chosen.order_by(parameters.c.name))
        return {name: msgspec.json.decode(body, type=Parameter) for name, body in rows}

    def _in_force(self, strategy: str) -> str | None:
        found = rows_of(self._connection, _IN_FORCE, of=strategy)
        return found[0][0] if found else None


def _definitions(registry: Registry, fingerprint: str) -> list[dict[str, str]]:
    return [
        {
            "strategy": registry.strategy,
            "name": name,
            "registry": fingerprint,
            "body": msgspec.json.encode(parameter).decode(),
        }
        for name, parameter in registry.parameters.items()
    ]
