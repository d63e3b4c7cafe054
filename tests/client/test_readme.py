"""The example of the README does what it says."""

import re
from pathlib import Path

from tests.client.brokers import ON_REDIS

README = Path(__file__).parents[2] / "client" / "README.md"


@ON_REDIS
def test_the_example_runs_and_its_events_arrive(broker, version):
    broker.publish(version(1, threshold=0.75))
    [example, _] = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names = {}
    exec(example.replace("redis://localhost:6379/0", broker.url), names)
    assert names["params"].wait_ready(10)
    names["params"].close(5.0)
    assert {"alert.raised", "decision.made", "session.closed", "client.reported"} <= {
        key.decode() for key in broker.redis.scan_iter()
    }
    [alert], [decision] = broker.told("alert.raised"), broker.told("decision.made")
    assert (alert["alert_id"], "AAPL/2024-01-31") == (decision["alert_id"], decision["unit"])


def test_the_test_of_a_bot_passes():
    [_, example] = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names = {}
    exec(example, names)
    assert names["publisher"].flush(5)  # nothing was told since
    names["params"].close(1.0)
    names["publisher"].close(0.1)
