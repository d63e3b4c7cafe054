"""GrowthBook's SDK, with its features handed in; asking for the next unit means other attributes."""

from collections.abc import Iterator
from contextlib import contextmanager

from growthbook import GrowthBook

from bench.flags.rollout import FLAGS, NEW, OLD, PERCENT, UNITS, Pass


@contextmanager
def opened() -> Iterator[Pass]:
    """A client that holds all flags and asks no server."""
    rule = {"force": NEW, "coverage": PERCENT / 100, "hashAttribute": "id"}
    client = GrowthBook(features={flag: {"defaultValue": OLD, "rules": [rule]} for flag in FLAGS})
    attributes = [{"id": unit} for unit in UNITS]

    def read() -> int:
        new = 0
        for unit in attributes:
            client.set_attributes(unit)
            for flag in FLAGS:
                new += client.get_feature_value(flag, OLD) == NEW
        return new

    yield read
    client.destroy()
