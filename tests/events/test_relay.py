"""From the outbox to the broker."""

from math import inf

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from events.errors import BrokerRefused, BrokerUnreachable
from events.relay import AT_ONE_MOMENT, Parcel, relay
from tests import lengths


def parcel(number, stream="s", **rest):
    return Parcel(id=number, stream=stream, body=b"%d" % number, **rest)


def bodies(broker, stream="s"):
    return [int(fields[b"event"]) for _, fields in broker.xrange(stream)]


def test_each_parcel_becomes_one_entry_with_one_field(broker):
    relay(broker, [parcel(1)])
    assert [{b"event": b"1"}] == [fields for _, fields in broker.xrange("s")]


def test_nothing_to_send_is_nothing_done(broker):
    relay(broker, [])
    assert [] == broker.keys()


@lengths.examples(30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(special=st.lists(st.booleans(), max_size=30))
def test_parcels_of_both_kinds_keep_their_order(broker, special):
    broker.flushall()
    parcels = [parcel(number, channel="c" if one else None) for number, one in enumerate(special)]
    relay(broker, parcels)
    assert list(range(len(special))) == bodies(broker)


def test_more_parcels_than_one_journey_takes_all_arrive_in_order(broker):
    relay(broker, [parcel(number) for number in range(1234)])
    assert list(range(1234)) == bodies(broker)


def test_a_version_is_recorded_kept_and_told_under_the_prefix(broker):
    with broker.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe("paper:params.updated")
        listener.get_message(timeout=1)
        version = Parcel(
            id=1,
            stream="params.updated",
            body=b"{}",
            channel="params.updated",
            key="params:main:snapshot",
            value=b"all",
        )
        relay(broker, [version], prefix="paper:")
        heard = listener.get_message(timeout=1)
    assert b"{}" == heard["data"]
    assert [{b"event": b"{}"}] == [fields for _, fields in broker.xrange("paper:params.updated")]
    assert b"all" == broker.get("paper:params:main:snapshot")
    assert 2 == len(broker.keys())


def commands(seen, last):
    """The names of the commands that the broker sees, up to this one."""
    found = []
    while not found or found[-1] != last:
        found.append(seen.next_command()["command"].split()[0].upper())
    return found


def test_who_hears_of_a_version_finds_it_recorded_and_kept(broker):
    with broker.monitor() as seen:
        relay(broker, [parcel(1, channel="c", key="k", value=b"v")])
        assert ["MULTI", "XADD", "SET", "PUBLISH", "EXEC"] == commands(seen, "EXEC")[-5:]


def test_versions_that_wait_together_become_visible_together_and_the_last_snapshot_stays(broker):
    waiting = [
        parcel(number, stream="params.updated", channel="params.updated", key="snapshot", value=b"%d" % number)
        for number in range(AT_ONE_MOMENT + 1)
    ]
    with broker.monitor() as monitor:
        relay(broker, waiting)
        broker.get("snapshot")
        seen = commands(monitor, "GET")
    assert [AT_ONE_MOMENT, 1] == [part.count("XADD") for part in " ".join(seen).split("EXEC")[:-1]]
    assert list(range(AT_ONE_MOMENT + 1)) == bodies(broker, "params.updated")
    assert b"%d" % AT_ONE_MOMENT == broker.get("snapshot")


def test_plain_parcels_need_no_transaction(broker):
    with broker.monitor() as seen:
        relay(broker, [parcel(1), parcel(2)])
        broker.ping()
        assert ["XADD", "XADD", "PING"] == commands(seen, "PING")[-3:]


def test_a_broker_that_does_not_answer_is_an_error_and_sending_again_loses_nothing(broker, line, far_broker):
    far_broker.ping()
    line.deaf = inf
    with pytest.raises(BrokerUnreachable):
        relay(far_broker, [parcel(1), parcel(2)])
    line.deaf = 0
    relay(far_broker, [parcel(1), parcel(2)])
    assert {1, 2} == set(bodies(broker))


def test_a_stream_that_is_something_else_is_refused(broker):
    broker.set("s", "not a stream")
    with pytest.raises(BrokerRefused, match="WRONGTYPE"):
        relay(broker, [parcel(1)])
