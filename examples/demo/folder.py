"""The folder of a run: emptied of the last one, and filled with what the processes read."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from examples.scanner import Bar

MADE = (
    "redis",
    "logs",
    "demo.db",
    "demo.db-wal",
    "demo.db-shm",
    "registry.toml",
    "history.csv",
    "scanner",
    "report.html",
)
"""All that a run makes in its folder; nothing else in it is touched."""

_TRIAL = re.compile(r'^(\[\[trial\]\]\s*\nid = ")([^"]+)"', flags=re.MULTILINE)


def clear(folder: Path) -> None:
    """Remove what an earlier run has made in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in MADE:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def write_registry(folder: Path, original: Path, *, seed: int) -> Path:
    """A copy of the registry whose trials carry the seed in their names, so that another seed draws other arms."""
    copy = folder / "registry.toml"
    copy.write_text(_TRIAL.sub(rf"\g<1>\g<2>-{seed}" + '"', original.read_text(encoding="utf-8")), encoding="utf-8")
    return copy


def write_history(folder: Path, bars: Iterable[Bar]) -> Path:
    """The bars before the first session, for the trading process to look back on."""
    path = folder / "history.csv"
    path.write_text("".join(map(csv_line, bars)), encoding="utf-8")
    return path


def csv_line(bar: Bar) -> str:
    """A bar as the scanner reads it, every digit kept."""
    return ",".join(map(str, bar)) + "\n"
