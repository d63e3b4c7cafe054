import pytest
from fakeredis import FakeRedis, FakeServer

from events.drain import AT_ONCE, drain
from events.errors import BrokerUnreachable
from events.relay import Parcel


class Mailbag:
    """Letters in memory."""

    def __init__(self, *bodies):
        self.letters = [Parcel(id=number, stream="answers", body=body) for number, body in enumerate(bodies)]
        self.asked = 0

    def waiting(self, limit):
        self.asked += 1
        return self.letters[:limit]

    def sent(self, ids):
        self.letters = [letter for letter in self.letters if letter.id not in ids]


def sent(redis, stream):
    return [fields[b"event"] for _, fields in redis.xrange(stream)]


def test_sends_everything_in_order_portion_by_portion():
    redis, bodies = FakeRedis(), [b"%d" % number for number in range(2 * AT_ONCE + 1)]
    mailbag = Mailbag(*bodies)
    assert len(bodies) == drain(redis, mailbag, prefix="paper:")
    assert (bodies, 3) == (sent(redis, "paper:answers"), mailbag.asked)


def test_sends_nothing_where_nothing_waits():
    redis = FakeRedis()
    assert 0 == drain(redis, Mailbag())
    assert [] == redis.keys()


def test_keeps_what_a_broker_that_is_away_did_not_take_and_sends_it_later():
    server = FakeServer()
    redis, mailbag = FakeRedis(server=server), Mailbag(b"a", b"b")
    server.connected = False
    with pytest.raises(BrokerUnreachable):
        drain(redis, mailbag)
    assert 2 == len(mailbag.letters)
    server.connected = True
    drain(redis, mailbag)
    assert [b"a", b"b"] == sent(redis, "answers")


def test_sends_again_what_was_not_noted_as_sent():
    class Forgetful(Mailbag):
        def sent(self, ids):
            raise KeyboardInterrupt

    redis, mailbag = FakeRedis(), Forgetful(b"a")
    with pytest.raises(KeyboardInterrupt):
        drain(redis, mailbag)
    mailbag.__class__ = Mailbag
    drain(redis, mailbag)
    assert [b"a", b"a"] == sent(redis, "answers")
