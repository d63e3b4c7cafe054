"""A file of settings for the environment, such as ``.env``, that nobody else may read."""

import os
import re
import tempfile
from pathlib import Path


def read_setting(file: Path, name: str) -> str | None:
    """What ``file`` sets ``name`` to, or None where it says nothing or is not there."""
    for line in _lines(file):
        if found := _assignment(name).match(line):
            return found["value"].strip().strip("\"'")
    return None


def write_setting(file: Path, name: str, *, value: str) -> None:
    """Set ``name`` in ``file``, whole or not at all, keep its other lines, and let only its owner read it."""
    others = [line for line in _lines(file) if not _assignment(name).match(line)]
    text = "".join(f"{line}\n" for line in [*others, f"{name}={value}"])
    descriptor, draft = tempfile.mkstemp(prefix=file.name, dir=file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
        Path(draft).replace(file)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _assignment(name: str) -> re.Pattern[str]:
    return re.compile(rf"\s*(?:export\s+)?{re.escape(name)}\s*=(?P<value>.*)")
