"""The Procfile: which processes make up the engine."""

import re
from pathlib import Path

from schemas.errors import InvalidSettings

_LINE = re.compile(r"^(?P<name>[A-Za-z0-9_-]+):\s*(?P<command>\S.*)$")


PREFIX = "${LEARNING_PREFIX}"


def read_procfile(path: Path, *, prefix: str = "") -> dict[str, str]:
    """Commands by process name, in the order of the file; blank lines and ``#`` lines are passed over.

    ``prefix`` stands where a line says ``${LEARNING_PREFIX}``.

    Raises:
        InvalidSettings: the file cannot be read, a line is not ``name: command``, or a name comes twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InvalidSettings(f"{path} cannot be read: {error.strerror}; run from the project's folder") from error
    processes: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.match(line.strip())
        if found is None:
            raise InvalidSettings(f"{path}, line {number}: {line!r} is not of the form `name: command`")
        if found["name"] in processes:
            raise InvalidSettings(f"{path}, line {number}: a second process called {found['name']!r}")
        processes[found["name"]] = found["command"].replace(PREFIX, prefix)
    return processes
