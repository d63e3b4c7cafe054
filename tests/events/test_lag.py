import threading
import time

import pytest

from events.errors import BrokerUnreachable
from events.lag import COUNTED, lags


@pytest.fixture
def stream(broker):
    """Five entries of a minute ago, and a group that has read two of them and acknowledged one."""
    ago = int(time.time() * 1000) - 60_000
    ids = [f"{ago}-{number}" for number in range(1, 6)]
    for entry in ids:
        broker.xadd("price.observed", {"event": "x"}, id=entry)
    broker.xgroup_create("price.observed", "attribution", id="0")
    broker.xreadgroup("attribution", "one", {"price.observed": ">"}, count=2)
    broker.xack("price.observed", "attribution", ids[0])
    return broker


def test_counts_what_a_group_has_not_read_and_not_acknowledged_and_how_old_it_is(stream):
    [lag] = lags(stream, ["alert.raised", "price.observed"])
    assert ("price.observed", "attribution", 3, False, 1) == (
        lag.stream,
        lag.group,
        lag.unread,
        lag.at_least,
        lag.pending,
    )
    for age in (lag.unread_ms, lag.pending_ms, lag.read_ms):
        assert 60_000 <= age < 90_000
    assert 0 <= lag.unused_ms < 30_000


def test_a_group_that_has_everything_is_not_behind(stream):
    found = stream.xreadgroup("attribution", "one", {"price.observed": ">"})
    stream.xack("price.observed", "attribution", *(entry for entry, _ in found[0][1]))
    stream.xack("price.observed", "attribution", stream.xpending("price.observed", "attribution")["min"])
    [lag] = lags(stream, ["price.observed"])
    assert (0, 0, 0, 0) == (lag.unread, lag.unread_ms, lag.pending, lag.pending_ms)


def test_a_group_that_was_never_used_says_so_and_has_the_whole_stream_before_it(stream):
    stream.xgroup_create("price.observed", "gone", id="0")
    gone = next(lag for lag in lags(stream, ["price.observed"]) if lag.group == "gone")
    assert (5, None, None) == (gone.unread, gone.unused_ms, gone.read_ms)


def test_counts_up_to_a_bound_where_the_server_does_not_know(broker):
    with broker.pipeline() as pipe:
        for _ in range(COUNTED + 50):
            pipe.xadd("price.observed", {"event": "x"})
        pipe.execute()
    broker.xgroup_create("price.observed", "slow", id="0")
    broker.xreadgroup("slow", "one", {"price.observed": ">"}, count=10)
    [lag] = lags(broker, ["price.observed"])
    knows = int(broker.info("server")["redis_version"].split(".")[0]) >= 7
    assert ((COUNTED + 40, False) if knows else (COUNTED, True)) == (lag.unread, lag.at_least)


def test_looks_under_the_prefix_only(stream):
    assert [] == lags(stream, ["price.observed"], prefix="paper:")
    stream.xgroup_create("paper:alert.raised", "attribution", id="0", mkstream=True)
    assert ["alert.raised"] == [lag.stream for lag in lags(stream, ["alert.raised"], prefix="paper:")]


def test_a_group_whose_name_is_no_text_is_found_all_the_same(stream):
    stream.xgroup_create("price.observed", b"\xff\0x", id="0")
    assert {"attribution", "\N{REPLACEMENT CHARACTER}x"} == {lag.group for lag in lags(stream, ["price.observed"])}


def test_groups_that_come_and_go_meanwhile_are_no_trouble(stream):
    stop = threading.Event()

    def churn():
        while not stop.is_set():
            stream.xgroup_create("price.observed", "brief", id="0")
            stream.xgroup_destroy("price.observed", "brief")

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(200):
            assert "attribution" in {lag.group for lag in lags(stream, ["price.observed"])}
    finally:
        stop.set()
        thread.join()


def test_says_that_the_broker_is_away(far_broker, line):
    line.close()
    with pytest.raises(BrokerUnreachable):
        lags(far_broker, ["price.observed"])
