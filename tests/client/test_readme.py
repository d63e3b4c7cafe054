"""The example of the README does what it says."""

import re
from pathlib import Path

from learning_client import ParameterClient, unit_of

from tests.client.brokers import ON_REDIS

README = Path(__file__).parents[2] / "client" / "README.md"


def example(word):
    """The one in which ``word`` stands."""
    [found] = [code for code in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if word in code]
    return found


@ON_REDIS
def test_the_example_runs_and_its_events_arrive(broker, version):
    broker.publish(version(1, threshold=0.75))
    names = {}
    exec(example("session_closed").replace("redis://localhost:6379/0", broker.url), names)
    assert names["params"].wait_ready(10)
    names["params"].close(5.0)
    assert {"alert.raised", "decision.made", "session.closed", "client.reported"} <= {
        key.decode() for key in broker.redis.scan_iter()
    }
    [alert], [decision] = broker.told("alert.raised"), broker.told("decision.made")
    assert (alert["alert_id"], "AAPL/2024-01-31") == (decision["alert_id"], decision["unit"])


def test_the_test_of_a_bot_passes():
    names = {}
    exec(example("MemoryBroker"), names)
    assert names["publisher"].flush(5)  # nothing was told since
    names["params"].close(1.0)
    names["publisher"].close(0.1)


def test_the_example_of_effects_runs(broker, version, monkeypatch, capsys):
    monkeypatch.setenv("LEARNING_APPLY_PARAMETERS", "on")
    broker.publish(version(1, threshold=0.8, size=0.01, universe=300, daily_loss=0.04))
    exec(example("effects="), {"url": broker.url, "unit_of": unit_of, "ParameterClient": ParameterClient})
    assert "0.8 0.01 {}" == capsys.readouterr().out.strip()
