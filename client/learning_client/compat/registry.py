"""The old registry over the parameters in memory."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from learning_client.compat.deprecation import deprecated
from learning_client.compat.experiments import split_names
from learning_client.errors import Misuse
from learning_client.moments import rfc3339
from learning_client.parameters import ParameterClient

STATIC, EXPERIMENTING, DEPLOYED = "static", "experimenting", "deployed"

READ = "read ParameterClient"
ENGINE = "the engine knows it, see `learning params show`"


class Metadata(Struct, frozen=True, kw_only=True):
    """What the trading side knows of a parameter, by the old names; None is what it does not know.

    ``status`` is ``experimenting`` where units are split on it, ``deployed`` where the newest version differs from the
    program's own default, else ``static``. ``current_value`` is what holds here, which is the default while applying is
    off. ``last_updated`` is when this process took the version over.
    """

    name: str
    current_value: Any
    default_value: Any
    min_value: float | None
    max_value: float | None
    status: str
    last_updated: str | None
    category: str | None = None
    description: str | None = None
    affects: str | None = None
    source_file: str | None = None
    source_line: int | None = None
    learned_from_samples: int | None = None
    confidence: float | None = None
    last_optimized: str | None = None


class Registry:
    """Reads from memory; changes nothing. Trouble goes to ``trouble``."""

    def __init__(self, params: ParameterClient, trouble: Callable[[str, Exception], None]) -> None:
        self._params = params
        self.trouble = trouble

    @deprecated(READ, otherwise=lambda: None, lets=KeyError)
    def get(self, name: str) -> Any:
        """The value.

        Raises:
            KeyError: the program has no default for it.
        """
        return self._params[name]

    @deprecated(ENGINE, otherwise=lambda: None, lets=KeyError)
    def get_with_metadata(self, name: str) -> Metadata:
        """The value and what is known of it.

        Raises:
            KeyError: the program has no default for it.
        """
        return self.all()[name]

    @deprecated("a person may `learning params set`", otherwise=lambda: False)
    def set(self, name: str, value: float, reason: str | None = None) -> bool:
        """Nothing is set, and so False: values come with versions, which pass the gate."""
        raise Misuse(f"{name}={value!r} is not set ({reason}): `learning params set` proposes it to the engine")

    @deprecated(ENGINE, otherwise=dict)
    def get_all(self) -> dict[str, Metadata]:
        """Everything by name."""
        return self.all()

    @deprecated(ENGINE, otherwise=list)
    def get_by_category(self, category: str) -> list[Metadata]:
        """None: categories stand in the engine's registry."""
        return [each for each in self.all().values() if each.category == category]

    @deprecated(ENGINE, otherwise=list)
    def get_by_status(self, status: str) -> list[Metadata]:
        """Those of a status."""
        return [each for each in self.all().values() if each.status == status]

    @deprecated(READ, otherwise=dict)
    def get_snapshot(self) -> dict[str, Any]:
        """All values of one version."""
        return dict(self._params.snapshot().values)

    @deprecated("see `learning params list`", otherwise=dict)
    def get_statistics(self) -> dict[str, Any]:
        """Counts of what is known here; the averages are not."""
        return self.statistics()

    def all(self) -> dict[str, Metadata]:
        """Everything by name, of one version."""
        snapshot, version = self._params.snapshot(), self._params.version
        split, bounds = split_names(version), self._params.bounds
        since = None if snapshot.since is None else rfc3339(snapshot.since)
        found = {}
        for name, default in self._params.defaults.items():
            low, high = bounds.get(name, (None, None))
            changed = snapshot.would_be[name] != default
            found[name] = Metadata(
                name=name,
                current_value=snapshot.values[name],
                default_value=default,
                min_value=low,
                max_value=high,
                status=EXPERIMENTING if name in split else DEPLOYED if changed else STATIC,
                last_updated=since,
            )
        return found

    def statistics(self) -> dict[str, Any]:
        """The counts of ``get_statistics``."""
        by_status = Counter(each.status for each in self.all().values())
        return {
            "total": by_status.total(),
            "by_status": dict(by_status),
            "by_category": {},
            "learned": by_status[DEPLOYED],
            "static": by_status[STATIC],
            "avg_samples": None,
            "avg_confidence": None,
        }
