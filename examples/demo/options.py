"""What the command line says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from examples.demo.planted import BEST


@dataclass(frozen=True, kw_only=True)
class Options:
    """One run. ``bars``, ``redis`` and ``store`` are None for the sample bars and for servers of the run's own.

    ``batch`` is how many events a worker takes in one turn; it changes nothing in what is learned.
    """

    bars: Path | None
    redis: str | None
    store: str | None
    sessions: int
    seed: int
    planted: bool
    out: Path
    batch: int

    @property
    def best(self) -> Mapping[str, float]:
        """The planted best values, if any."""
        return BEST if self.planted else {}

    @property
    def store_url(self) -> str:
        """The store that is named, else a file in the run's folder."""
        return self.store or f"sqlite:///{(self.out / 'demo.db').resolve()}"
