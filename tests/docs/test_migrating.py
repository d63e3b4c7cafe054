"""The program of the page on migrating runs, and old call sites with it."""

import sys

import pytest

from tests.docs.pages import blocks

PAGE = "docs/migrating.md"


@pytest.mark.filterwarnings("ignore:.*of the old learner:DeprecationWarning")
def test_the_program_puts_the_new_calls_under_the_old_name(redis_url, broker, monkeypatch):
    monkeypatch.setenv("RQ_REDIS_URL", redis_url)
    [program] = blocks(PAGE, "python")
    names = {}
    before = set(sys.modules)
    try:
        exec(program, names)
        site = {}
        exec("from src.learning.parameter_learning import get_parameter, record_alert_with_params", site)
        assert 0.18 == site["get_parameter"]("weight.catalyst")
        assert not site["record_alert_with_params"]("AAPL", 83, {"theme": {"heat": 3}}).startswith("untold-")
        assert names["events"].flush(10.0)
        assert 1 == broker.xlen("alert.raised")
    finally:
        for name in ("published", "params", "events"):
            names[name].close(2.0)
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == "src":
                del sys.modules[name]
