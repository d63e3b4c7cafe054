"""Which arm a unit belongs to, against the bare hashes that this needs."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from bench.comparison import Comparison
from bench.workbench import OFTEN, Workbench, rate
from schemas.allocation import unit_of
from schemas.registry import load_registry
from schemas.version import Version
from workers.gate.publication import first_version

UNITS = 2_000
REGISTRY = Path(__file__).parent.parent / "parameters" / "demo.toml"


def measure(bench: Workbench) -> Iterator[Comparison]:
    """One allocation, and all values of a version with several."""
    version = first_version(load_registry(REGISTRY))
    units = [unit_of(f"S{place % 100}", f"2024-01-{1 + place // 100:02}") for place in range(bench.count(UNITS))]
    yield _one(bench, version, units)
    yield _all(bench, version, units)


def _one(bench: Workbench, version: Version, units: list[str]) -> Comparison:
    allocation = max(version.allocations, key=lambda one: len(one.arms))

    def ours() -> None:
        for unit in units:
            allocation.arm_of(unit)

    def bare() -> None:
        for unit in units:
            hashlib.sha256(f"{allocation.id}:{unit}".encode()).digest()

    return bench.compare(
        f"arm_of, {len(allocation.arms)} arms",
        "one bare SHA-256",
        unit="units/s",
        ours=lambda: rate(len(units), ours),
        baseline=lambda: rate(len(units), bare),
        times=OFTEN,
    )


def _all(bench: Workbench, version: Version, units: list[str]) -> Comparison:
    names = [allocation.id for allocation in version.allocations]

    def ours() -> None:
        for unit in units:
            version.values_for(unit)

    def bare() -> None:
        for unit in units:
            for name in names:
                hashlib.sha256(f"{name}:{unit}".encode()).digest()

    return bench.compare(
        f"values_for, {len(names)} allocations",
        f"{len(names)} bare SHA-256",
        unit="units/s",
        ours=lambda: rate(len(units), ours),
        baseline=lambda: rate(len(units), bare),
        times=OFTEN,
    )
