"""The registries of one deployment, by strategy."""

from collections.abc import Sequence
from pathlib import Path

from schemas.errors import InvalidRegistry
from schemas.parameters import Registry
from schemas.registry import load_registry


def load_registries(files: Sequence[str], *, folder: Path) -> dict[str, Registry]:
    """The registries of ``files``, relative to ``folder``, by the strategy each is for.

    Raises:
        InvalidRegistry: a file is unsound, or two are for one strategy.
    """
    registries: dict[str, Registry] = {}
    for file in files:
        registry = load_registry(folder / file)
        if registry.strategy in registries:
            raise InvalidRegistry(
                f"{file}, top level: strategy {registry.strategy!r} has a registry already; give this one another name"
            )
        registries[registry.strategy] = registry
    return registries
