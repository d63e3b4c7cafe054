"""How long simulations are."""

import pytest


def runs(some, *, at_length):
    """The test has ``runs``: ``some`` each time, and ``at_length`` in ``make faults``."""
    return pytest.mark.parametrize("runs", [some, pytest.param(at_length, marks=pytest.mark.at_length)])
