"""What must not depend on who died when, and what must be so whatever happened."""

import time
from collections import Counter

import msgspec
from sqlalchemy import select

from events.codec import decode, encode
from schemas.settings import Mode
from store.outbox import Outbox
from store.sessions import Sessions
from store.statistics import statistics_at
from store.tables import (
    alerts,
    applications,
    dead_letters,
    decisions,
    outbox,
    outcomes,
    patterns,
    prices,
    proposals,
    sessions,
    statistics,
    versions,
)
from store.tallies import Tallies, journalled, told
from store.versions import Versions
from store.work import taken
from tests.standing import learned
from workers.attribution import Attribution
from workers.deployment import Deployment
from workers.gate.publication import snapshot_key
from workers.join.balance import recounted
from workers.join.reconciliation import stock_of
from workers.join.rules import Rules
from workers.patterns import Patterns
from workers.thompson import Thompson

FAR = 2**60

KEEPING = {
    "sqlite": [
        "CREATE TRIGGER keeping AFTER INSERT ON outbox BEGIN INSERT INTO kept VALUES (NEW.stream, NEW.body); END"
    ],
    "postgresql": [
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO kept VALUES (NEW.stream, NEW.body); RETURN NEW; END'",
        "CREATE TRIGGER keeping AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION keep()",
    ],
}


def keep_letters(store):
    """Let the database itself keep a copy of every letter that is committed: what was sent leaves the outbox."""
    with store.begin() as work:
        kind = work.connection.dialect.name
        blob = {"sqlite": "BLOB", "postgresql": "BYTEA"}[kind]
        for statement in [f"CREATE TABLE kept (stream TEXT, body {blob})", *KEEPING[kind]]:
            work.connection.exec_driver_sql(statement)
        work.commit()


def books_of(store):
    """All that was learned, with nothing in it that depends on the order in which it came."""

    def rows(*columns):
        with store.read() as reading:
            return sorted(map(tuple, reading.execute(select(*columns))), key=repr)

    with store.read() as reading:
        version = Versions(reading).latest("main")
        at_the_end = statistics_at(reading, strategy="main", cut=FAR)
        stands = learned(reading)
    return {
        "alerts": rows(alerts.c.alert_id, alerts.c.unit),
        "decisions": rows(decisions.c.decision_id, decisions.c.unit),
        "outcomes": rows(outcomes.c.outcome_id),
        "bars": rows(prices.c.session, prices.c.close),
        "sessions": rows(sessions.c.session),
        "examples": stands,
        "statistics": at_the_end,
        "sums": rows(*statistics.c),
        "patterns": rows(*patterns.c),
        "values": sorted(version.values.items()),
        "allocations": version.allocations,
        "proposals": rows(proposals.c.id, proposals.c.state),
        "applications": rows(applications.c.client, applications.c.version),
    }


def now():
    """Microseconds since 1970."""
    return time.time_ns() // 1_000


def in_order(store, registry, portions):
    """The books of somebody to whom nothing happens: no streams and no processes, one session after the other."""
    registries = {registry.strategy: registry}
    attribution = Attribution(store, registries=registries, clock=now, on_settled=lambda *_: None)
    deployment = Deployment(registries=registries, mode=Mode.ACT, mend=lambda: None)
    with store.begin() as work:
        deployment.open(work)
        work.commit()
    for portion in portions:
        heard = [
            decode({b"event": encode(one)}, stream=one.data.type, entry=f"{place}-0", now=now())
            for place, one in enumerate(portion)
        ]
        for worker in (attribution, deployment):
            with store.begin() as work:
                assert not worker.handle(work, [one for one in heard if one.data.type in worker.reads])
                work.commit()
        attribution.rest(lambda: FAR)
    with store.read() as reading:
        letters = [
            decode({b"event": letter.body}, stream=letter.stream, entry="0-0", now=now())
            for letter in Outbox(reading).waiting(Attribution.name, FAR)
            if letter.stream in Thompson.reads
        ]
    with store.begin() as work:
        Thompson(mend=lambda _: None).handle(work, letters)
        Patterns(store, registries=registries, clock=now).handle(work, letters)
        work.commit()
    return books_of(store)


class Inquiry:
    """What is wrong with an engine that has come to rest: ``wanted`` are the books that it should have.

    ``lossy``: the broker lost what it held, so that not everything that was sent is still to be seen there.
    """

    def __init__(self, engine, wanted, *, registry, lossy=False):
        self._engine = engine
        self._wanted = wanted
        self._registry = registry
        self._lossy = lossy

    def findings(self):
        """A sentence for each thing that does not agree."""
        yield from self._books()
        yield from self._versions()
        yield from self._balance()
        yield from self._streams()
        yield from unread(self._engine)

    def _books(self):
        found = books_of(self._engine.store)
        for book, rows in self._wanted.items():
            if self._lossy and book == "patterns":
                continue  # What the broker loses they take from the store with the next daily cycle, and here is none.
            if rows != found[book]:
                missing, more = Counter(map(repr, rows)), Counter(map(repr, found[book]))
                yield f"{book}: missing {sorted(missing - more)[:3]}, too many {sorted(more - missing)[:3]}"
        for reason in self._engine.rows(dead_letters.c.stream, dead_letters.c.entry, dead_letters.c.reason):
            yield f"a dead letter: {reason}"

    def _versions(self):
        chain = self._engine.rows(versions.c.epoch, versions.c.number, versions.c.previous)
        chain = sorted(chain)
        for place, (epoch, number, previous) in enumerate(chain, start=1):
            if (1, place) != (epoch, number) or previous != (None if place == 1 else f"1-{place - 1}"):
                yield f"version {epoch}-{number} after {previous} stands at place {place}"
        with self._engine.store.read() as reading:
            latest = msgspec.json.encode(Versions(reading).latest("main"))
        if latest != self._engine.broker.get(self._engine.prefix + snapshot_key("main")):
            yield f"the snapshot at the broker is not version {chain[-1][1]}, which is in force"

    def _balance(self):
        with self._engine.store.read() as reading:
            latest = Sessions(reading).latest("main")
            made, _ = stock_of(reading, Rules(self._registry), session=latest.session, cut=taken(reading))
            yield from made.issues
            yield from (issue.text for issue in recounted(reading, "main"))

    def _streams(self):
        """Every letter that was committed is in its stream, and nothing else is."""
        if left := self._engine.rows(outbox.c.owner, outbox.c.stream):
            yield f"{len(left)} letters are still in the outbox"
        with self._engine.store.read() as reading:
            kept = [tuple(row) for row in reading.exec_driver_sql("SELECT stream, body FROM kept")]
        for stream in sorted({stream for stream, _ in kept}):
            written = {bytes(body) for of, body in kept if of == stream}
            seen = {fields[b"event"] for _, fields in self._engine.broker.xrange(self._engine.prefix + stream)}
            said = {envelope.id for envelope in self._engine.scene.events if envelope.data.type == stream}
            if written - seen and not self._lossy:
                yield f"{stream}: {len(written - seen)} letters were never sent"
            if unknown := [body for body in seen - written if msgspec.json.decode(body)["id"] not in said]:
                yield f"{stream}: {len(unknown)} entries are none of the letters, such as {unknown[0][:200]}"


def unread(engine):
    """A sentence for each group that is not through with a stream."""
    for key in engine.broker.scan_iter(f"{engine.prefix}*", _type="stream"):
        last = engine.broker.xinfo_stream(key)["last-generated-id"]
        for group in engine.broker.xinfo_groups(key):
            name = f"{key.decode()} of {group['name'].decode()}"
            if group["pending"]:
                yield f"{name}: {group['pending']} entries are pending"
            if group["last-delivered-id"] != last:
                yield f"{name}: read up to {group['last-delivered-id']}, of {last}"


def at_rest(engine):
    """Whether nothing is left to do of the whole scene: all sessions settled and judged, and no hand full."""
    sittings = len(engine.scene.sessions)
    return (
        len(engine.rows(sessions.c.session)) >= sittings
        and len(engine.rows(proposals.c.id)) >= sittings
        and hands_empty(engine)
    )


def hands_empty(engine):
    """Whether nothing is left to do of what was said: every revision counted, nothing to send or to read."""
    with engine.store.read() as reading:
        tallies = Tallies(reading)
        counted = tallies.value(told("main")) == tallies.value(journalled("main"))
    return counted and not engine.rows(outbox.c.id) and not list(unread(engine))
