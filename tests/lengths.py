"""How long simulations are, and on how many examples properties are tried."""

import pytest
from hypothesis import settings


def runs(some, *, at_length):
    """The test has ``runs``: ``some`` each time, and ``at_length`` in ``make faults``."""
    return pytest.mark.parametrize("runs", [some, pytest.param(at_length, marks=pytest.mark.at_length)])


def examples(at_length, **more):
    """The property is tried on so many examples in ``make faults``, and on three in ten of them in ``make test``; what
    ``more`` is set as ``hypothesis.settings`` has it."""
    return settings(max_examples=max(1, at_length * settings.default.max_examples // 100), **more)
