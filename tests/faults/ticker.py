"""A trading loop of a thousand ticks a second, with the client in it or without, until SIGTERM.

With the client each tick reads what is in force and tells an event; its callbacks block, raise and fork. What it met is
one line of JSON on standard output at the end, times on the monotonic clock.

Loops can be compared: in each block of ticks all are on the same core, and a coin says which of them ticks first. Where
that is permitted they have priority over whatever else the machine does. A tick that would be late is left out, so that
loops with more and with less to do catch up alike. As the client's page advises, what is there at the start is kept
from the garbage collector, whose pass over a whole program takes longer than a tick may be late.
"""

import gc
import json
import os
import signal
import socket
import sys
import threading
import time
from collections import Counter, deque
from random import Random

from learning_client import EventPublisher, ParameterClient, Switches

TICK = 0.001
LATE = 0.005
"""Seconds after which a tick is late."""

BLOCK = 250
"""Ticks that are counted together; blocks of all loops on one machine begin together."""

STALE_AFTER = 1.5
DEFAULTS = {"threshold": 0.6, "hold": 10, "pace": 1.0}
BOUNDS = {"threshold": (0.5, 0.9), "hold": (1, 1_000_000), "pace": (0.5, 2.0)}


def of_version(number):
    """What is published as version ``number``, but for the pace, which is split among units."""
    return {"threshold": 0.5 + number % 40 / 100, "hold": number, "pace": 1.0}


PACES = (0.75, 1.0, 1.5)


class Bot:
    """What the loop does at each tick, and what it sees."""

    def __init__(self, params, publisher):
        self.params = params
        self.publisher = publisher
        self.wrong = Counter()
        self.said = []

    def tick(self, number):
        symbol = f"S{number % 500}"
        unit = f"{symbol}/2024-01-31"
        pinned = self.params.snapshot(unit)
        self.see(pinned)
        self.see_value("threshold", self.params["threshold"])
        self.see_value("pace", self.params.value("pace", unit))
        if number % 4 == 0:
            alert = self.publisher.alert(symbol=symbol, score=0.5, features={"heat": 0.4}, snapshot=pinned)
            self.wrong["an alert was not taken"] += alert is None
        if number % 40 == 0:
            self.publisher.decision(symbol=symbol, action="BUY", alert_id=alert, size=0.02, snapshot=pinned)
        if number % 4 == 2:
            self.publisher.price(symbol=symbol, interval="1m", open=1.0, high=1.0, low=1.0, close=1.0)

    def see(self, pinned):
        said = (pinned.standing, pinned.version)
        if not self.said or said != self.said[-1][1:]:
            self.said.append((time.monotonic(), *said))
        values = dict(pinned.values)
        for name, value in values.items():
            self.see_value(name, value)
        self.wrong["a pace that no arm has"] += values.pop("pace") not in PACES
        number = pinned.version and int(pinned.version.partition("-")[2])
        known = of_version(number) if number else dict(DEFAULTS)
        self.wrong["values that are not of one version"] += values != {name: known[name] for name in values}

    def see_value(self, name, value):
        low, high = BOUNDS[name]
        self.wrong[f"{name} out of bounds"] += not low <= value <= high

    def found(self):
        return {"wrong": {what: times for what, times in self.wrong.items() if times}, "said": self.said}


class Absent:
    """In the client's place where there is none."""

    standing, version, values = "default", None, DEFAULTS

    def __init__(self):
        self.told = deque(maxlen=1_000)

    def snapshot(self, unit):
        return self

    def __getitem__(self, name):
        return DEFAULTS[name]

    def value(self, name, unit):
        return DEFAULTS[name]

    def alert(self, **said):
        self.told.append(said)
        return "an alert"

    decision = price = alert

    def close(self, timeout):
        """Nothing is left to send."""


class Children:
    """Processes that a bot forks itself; each reads and tells as its parent does.

    Also where there is no client in a loop it forks, whenever the other one does: a fork holds up a whole process, the
    longer the more memory it has. So both import the same, which trebles what a fork takes; that the client then runs
    adds nothing to it.
    """

    def __init__(self, bot):
        self.bot = bot
        self.lives = []

    def bear(self):
        """Fork one, and wait for its end."""
        began = time.monotonic()
        if not (child := os.fork()):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            os._exit(self._live())
        self.lives.append((began, os.waitpid(child, 0)[1], time.monotonic()))

    def follow(self, signs):
        """Bear one for each byte that comes."""
        while os.read(signs, 1):
            self.bear()

    def _live(self):
        try:
            self.bot.wrong.clear()
            for number in range(100):
                self.bot.tick(number * 4)
            self.bot.publisher.close(0.5)
            return 0 if not self.bot.wrong.total() else 2
        except BaseException:  # noqa: BLE001 - it is what is looked for
            return 1


class Rough:
    """Callbacks of a bot that block, raise and fork; ``signs`` tells the other loop of each child."""

    def __init__(self, bot, children, signs):
        self.children = children
        self.signs = signs
        self.deaf, self.dumb = socket.socketpair()
        self.deaf.settimeout(0.3)
        for callback in (self.sleeps, self.asks, self.raises, self.leaves, self.forks):
            bot.params.on_update(callback)
        for callback in (self.raises, self.forks):
            bot.params.on_standing(callback)
        bot.publisher.on_breaker(self.raises)

    def sleeps(self, old, new):
        time.sleep(0.3)

    def asks(self, old, new):
        """Of one who never answers."""
        self.deaf.recv(1)

    def raises(self, *said):
        raise ValueError("a bot's own error")

    def leaves(self, old, new):
        raise SystemExit("a bot's own end")

    def forks(self, *said):
        os.write(self.signs, b"!")
        self.children.bear()


def with_client(reading, telling, file):
    """A bot that has not begun to follow."""
    publisher = EventPublisher(telling, source="ticker", switches=Switches(apply=True))
    params = ParameterClient(
        reading, defaults=DEFAULTS, bounds=BOUNDS, publisher=publisher, last_known_good=file, stale_after=STALE_AFTER
    )
    return Bot(params, publisher)


def has_priority():
    """Take precedence over the rest of a busy machine; whether that is permitted."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        return False
    return True


def main(place, signs, *client):
    priority = has_priority()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    bot = with_client(*client) if client else Bot(Absent(), Absent())
    children = Children(bot)
    if client:
        Rough(bot, children, int(signs))
        bot.params.start()
    else:
        threading.Thread(target=children.follow, args=(int(signs),), daemon=True).start()
    gc.freeze()
    late, raised = Counter(), Counter()
    print("started", flush=True)
    began = number = int(time.monotonic() / TICK)
    block, cores = None, sorted(os.sched_getaffinity(0))
    while not ended.is_set():
        number += 1
        if block != (block := number // BLOCK):
            dice = Random(block)
            os.sched_setaffinity(0, {dice.choice(cores)})
            second = int(place) ^ dice.getrandbits(1)
        due = (number + second / 4) * TICK
        time.sleep(max(0.0, due - time.monotonic()))
        if time.monotonic() - due > LATE:
            late[block] += 1
            continue
        try:
            bot.tick(number)
        except BaseException as error:  # noqa: BLE001 - it is what is looked for
            raised[repr(error)] += 1
    met = {
        "lived": [began // BLOCK + 1, block - 1],
        "late": late,
        "ended": time.monotonic(),
        "raised": raised,
        "priority": priority,
        "children": children.lives,
        **bot.found(),
    }
    if client:
        met["troubles"] = {**bot.params.stats().troubles, **bot.publisher.stats().troubles}
    print(json.dumps(met), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
