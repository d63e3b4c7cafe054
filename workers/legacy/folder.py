"""The five files of an in-process learner."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from workers.replay.errors import UnreadableFile

HISTORY, REGISTRY = "outcome_history.json", "parameter_registry.json"
EXPERIMENTS, AUDIT, HEALTH = "experiments.json", "audit_trail.json", "system_health.json"
FILES = (HISTORY, REGISTRY, EXPERIMENTS, AUDIT, HEALTH)


class Folder(NamedTuple):
    """What the files hold; None where one is not there. ``experiments``, ``audit`` and ``health`` are counts."""

    outcomes: list[Any] | None
    parameters: Mapping[str, Any] | None
    experiments: int | None
    audit: int | None
    health: int | None


def read_folder(path: Path) -> Folder:
    """Read what is there of the five files. NaN and infinity, which some of them have, are missing values.

    Raises:
        UnreadableFile: none of them is there, or one is damaged or has another shape.
    """
    found = {name: _read(path / name) for name in FILES}
    if all(one is None for one in found.values()):
        raise UnreadableFile(f"{path} has none of {', '.join(FILES)}: name the old folder")
    return Folder(
        outcomes=_part(path, found, HISTORY, "outcomes", list),
        parameters=_part(path, found, REGISTRY, "parameters", dict),
        experiments=_count(found[EXPERIMENTS], "experiments"),
        audit=_count(found[AUDIT], "entries"),
        health=_count(found[HEALTH], "history"),
    )


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes(), parse_constant=lambda _: None)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableFile(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"{file} is damaged, nothing was taken in: {error}") from error


def _part(path: Path, found: Mapping[str, Any], file: str, name: str, kind: type) -> Any:
    whole = found[file]
    if whole is None:
        return None
    part = whole.get(name) if isinstance(whole, dict) else None
    if not isinstance(part, kind):
        shape = "a list" if kind is list else "an object"
        raise UnreadableFile(f'{path / file} has no "{name}" that is {shape}: it is not of such a learner')
    return part


def _count(whole: Any, name: str) -> int | None:
    """How many things a file has that are only counted."""
    part = whole.get(name, whole) if isinstance(whole, dict) else whole
    return None if part is None else len(part) if isinstance(part, list | dict) else 1
