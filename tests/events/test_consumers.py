"""Consumers of processes that are gone do not stay for ever."""

from events.consumers import forget_gone
from events.newer import place_of
from events.trim import WATCH


def test_only_who_is_gone_is_forgotten(broker):
    for group in ("attribution", "notebook"):
        broker.xgroup_create("p:alert.raised", group, mkstream=True)
        for name in ("living", "gone", place_of(2), WATCH):
            broker.xgroup_createconsumer("p:alert.raised", group, name)
    broker.xadd("p:alert.raised", {"event": "x"})
    broker.xreadgroup("attribution", "holding", {"p:alert.raised": ">"})

    def forgotten(idle_ms=0):
        living = ["attribution:living", "thompson:gone"]
        streams = ["alert.raised", "never.told"]
        return forget_gone(
            broker, streams, groups=["attribution", "thompson"], living=living, idle_ms=idle_ms, prefix="p:"
        )

    assert (0, 1, 0) == (forgotten(idle_ms=60_000), forgotten(), forgotten())
    left = {one["name"].decode() for one in broker.xinfo_consumers("p:alert.raised", "attribution")}
    assert {"living", "holding", "schema-2", "learning-trim"} == left
    assert 4 == len(broker.xinfo_consumers("p:alert.raised", "notebook"))
