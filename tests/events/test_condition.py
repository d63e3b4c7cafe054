from fakeredis import FakeRedis

from events.condition import condition


def test_a_broker_of_our_own_keeps_everything_and_throws_nothing_away(broker):
    found = condition(broker)
    assert ("noeviction", 0, True, True) == (found.policy, found.evicted, found.appends, found.written)
    assert 0 < found.used < found.limit


class Told(FakeRedis):
    """A server that says of itself what the test wants."""

    said = {}

    def pipeline(self, transaction=True):
        return self

    def info(self, section):
        self.asked = [*getattr(self, "asked", []), section]

    def execute(self):
        return [self.said.get(section, {}) for section in self.asked]


def test_a_limit_of_its_own_counts_before_that_of_the_machine_and_failed_writes_are_seen():
    broker = Told()
    broker.said = {
        "memory": {"used_memory": 5, "maxmemory": 7, "total_system_memory": 99, "maxmemory_policy": "allkeys-lru"},
        "persistence": {"aof_enabled": 0, "rdb_last_bgsave_status": "err"},
        "stats": {"evicted_keys": 3},
    }
    assert (5, 7, "allkeys-lru", 3, False, False) == condition(broker)


def test_a_server_that_says_little_is_taken_at_its_word():
    broker = Told()
    broker.said = {"memory": {"used_memory": 5}}
    assert (5, 0, "noeviction", 0, False, True) == condition(broker)
