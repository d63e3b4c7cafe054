"""The connection to the broker."""

import time
from math import inf

import pytest
from redis.exceptions import ResponseError

from events.connection import broker_errors, connect
from events.errors import BrokerRefused, BrokerUnreachable
from schemas.errors import EngineError, InvalidSettings


def test_a_command_whose_answer_is_lost_is_not_sent_again(broker, line, far_broker):
    far_broker.ping()
    line.deaf = 1
    with pytest.raises(BrokerUnreachable), broker_errors(far_broker):
        far_broker.xadd("s", {"a": 1})
    assert 1 == broker.xlen("s")


def test_waits_no_longer_than_its_timeout_for_a_broker_that_does_not_answer(line, far_broker):
    line.deaf = inf
    began = time.monotonic()
    with pytest.raises(BrokerUnreachable), broker_errors(far_broker):
        far_broker.ping()
    assert 2.0 > time.monotonic() - began
    assert 1 == line.accepted


def test_goes_on_by_itself_when_the_broker_answers_again(line, far_broker):
    line.deaf = inf
    with pytest.raises(BrokerUnreachable), broker_errors(far_broker):
        far_broker.ping()
    line.deaf = 0
    assert far_broker.ping()


def test_nobody_listening_is_an_error_that_says_where_and_keeps_the_password_to_itself():
    redis = connect("redis://:sesame@127.0.0.1:1/0")
    with pytest.raises(BrokerUnreachable, match=r"127\.0\.0\.1:1 cannot be reached") as caught, broker_errors(redis):
        redis.ping()
    assert "sesame" not in str(caught.value)


def test_a_wrong_password_is_an_error_of_ours(redis_url):
    redis = connect(redis_url.replace("@", "not@"))
    with pytest.raises(EngineError, match="password"), broker_errors(redis):
        redis.ping()


@pytest.mark.parametrize("url", ["", "localhost:6379", "http://localhost", "redis://:sesame@host:port"])
def test_an_address_that_cannot_be_one_is_refused_without_repeating_the_password(url):
    with pytest.raises(InvalidSettings, match="redis://user:password@host:port/0") as caught:
        connect(url)
    assert "sesame" not in str(caught.value)


def test_a_unix_socket_is_an_address_too(tmp_path):
    redis = connect(f"unix://{tmp_path}/none.sock")
    with pytest.raises(BrokerUnreachable, match=r"none\.sock"), broker_errors(redis):
        redis.ping()


def test_a_key_of_another_kind_is_refused_and_will_be_again(broker):
    broker.set("s", "not a stream")
    with pytest.raises(BrokerRefused, match="WRONGTYPE"), broker_errors(broker):
        broker.xadd("s", {"a": 1})


@pytest.mark.parametrize("transaction", [True, False])
def test_a_full_broker_is_one_to_wait_for_in_a_pipeline_too(broker, transaction):
    broker.config_set("maxmemory", "1")
    try:
        with pytest.raises(BrokerUnreachable, match="cannot serve for now: command not"), broker_errors(broker):
            broker.pipeline(transaction).xadd("s", {"a": 1}).execute()
    finally:
        broker.config_set("maxmemory", "0")


def test_a_broker_that_cannot_write_to_its_disk_is_one_to_wait_for(broker):
    with pytest.raises(BrokerUnreachable, match="MISCONF"), broker_errors(broker):
        raise ResponseError("MISCONF Redis is configured to save RDB snapshots, but is unable to persist to disk")


def test_a_full_broker_is_one_to_wait_for(broker):
    broker.config_set("maxmemory", "1")
    try:
        with pytest.raises(BrokerUnreachable, match="cannot serve for now"), broker_errors(broker):
            broker.xadd("s", {"a": 1})
    finally:
        broker.config_set("maxmemory", "0")


def test_a_read_only_replica_is_one_to_wait_for(broker):
    broker.replicaof("127.0.0.1", "1")
    try:
        with pytest.raises(BrokerUnreachable, match="cannot serve for now"), broker_errors(broker):
            broker.xadd("s", {"a": 1})
    finally:
        broker.replicaof("NO", "ONE")
