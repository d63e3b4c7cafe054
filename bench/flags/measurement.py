"""Reading a value for a unit that has asked before, against SDKs for feature flags on the same percentage rollout."""

from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

from bench.comparison import Comparison
from bench.flags import ours
from bench.flags.rollout import READS, Pass, is_fair
from bench.workbench import LeftOut, Workbench, rate


class Sdk(NamedTuple):
    """Whom we are compared with, and which module here opens it."""

    name: str
    module: str


SDKS = (
    Sdk("OpenFeature, in memory", "openfeature"),
    Sdk("GrowthBook", "growthbook"),
    Sdk("UnleashClient", "unleash"),
)


def measure(bench: Workbench) -> Iterator[Comparison]:
    """One line for each SDK that is installed.

    Raises:
        LeftOut: one is not, after the lines of the others.
    """
    missing = []
    with ours.opened(bench.url) as read:
        for sdk in SDKS:
            try:
                opened = import_module(f"bench.flags.{sdk.module}").opened
            except ModuleNotFoundError as error:
                missing.append(error.name)
                continue
            with opened() as theirs:
                yield _compared(bench, sdk, read, theirs)
    if missing:
        raise LeftOut(f"{', '.join(map(str, missing))} not installed; pip install '.[flags]'")


def _compared(bench: Workbench, sdk: Sdk, ours: Pass, theirs: Pass) -> Comparison:
    for side in (ours, theirs):
        new = side()
        assert is_fair(new), (sdk.name, side, new)
    return bench.compare(
        "value(name, a unit that asks again), 100 flags",
        sdk.name,
        unit="ns",
        ours=lambda: 1e9 / rate(READS, ours),
        baseline=lambda: 1e9 / rate(READS, theirs),
    )
