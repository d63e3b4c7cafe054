"""Workers are killed while they work; afterwards the books agree with a computation in which nobody died."""

import random
import threading

import pytest

from store.tables import versions
from tests.faults.books import at_rest, hands_empty
from tests.faults.engine import WORKERS
from tests.faults.waiting import until

KILLS = 40
FEW, MANY = 2, 40
"""Points of one worker that are chosen by chance: beside the vital ones, and at length."""

RESPITE = (None, 0, "SIGKILL")
"""A life that is killed once nothing is in hand any more."""

VITAL = ("commit", "acknowledge", "send", "note as sent")
"""The steps between which something could be lost or come twice."""

TIMES = {"attribution": 1, "thompson": 4, "patterns": 1, "deployment": 1}
"""How often each comes to its points: of what thompson takes in, only some moves the sums."""

SESSIONS_AT_LENGTH = 60


SHORT, LONG = 10.0, 60.0
"""Seconds a life has until it comes to its point: where it may miss it, and where it must not."""


def passed_by(engine):
    """By worker, every point that a calm run passes, in the order in which it first comes to them, and how often."""
    crew = {name: engine.mortal(name) for name in WORKERS}
    engine.until_begun()
    engine.tell(*engine.scene.portions)
    until(lambda: at_rest(engine), "a calm run to end")
    engine.stop()
    return {name: mortal.diary[-1][2] for name, mortal in crew.items()}


@pytest.fixture
def points(engines, shows):
    """What a calm run of three sessions passes."""
    return passed_by(engines(shows(3)))


def with_respite(plan):
    """After every second death a life that takes in whatever is in hand before it is killed.

    Six deaths in a row over the same events are the fault of one of these, and it is buried: see ``test_poison``.
    """
    return [one for place, point in enumerate(plan, 1) for one in ([point] if place % 2 else [point, RESPITE])]


def sampled(passed, size, *, seed):
    """Some of the points, in their order."""
    chosen = set(random.Random(seed).sample(list(passed), min(size, len(passed))))
    return with_respite([(step, 1, "SIGKILL") for step in passed if step in chosen])


def vital(passed, size, *, seed):
    """The points around the vital steps, and some others."""
    others = [step for step in passed if step.partition(" ")[2] not in VITAL]
    chosen = set(random.Random(seed).sample(others, size))
    return with_respite([(step, 1, "SIGKILL") for step in passed if step not in others or step in chosen])


def die(engine, mortals, *, missing=False):
    """Live through the scene until every life has ended; returns the deaths.

    Trading says more when everybody has taken in what it said and waits at the next point, so a busy machine changes
    nothing about who gets what.

    ``missing``: lives may miss their point, where there is not enough for all of them to do, and are killed elsewhere.
    """
    until(lambda: engine.rows(versions.c.number), "the first version")
    events = engine.scene.events
    share = len(events) // max(len(mortal.plan) for mortal in mortals) + 1
    told = 0
    while not all(mortal.spent for mortal in mortals):
        for mortal in mortals:
            if mortal.point == RESPITE and not engine.in_hand(mortal.worker):
                mortal.kill()
        waiting = all(mortal.spent or mortal.point not in (None, RESPITE) for mortal in mortals)
        if waiting and hands_empty(engine):
            if events[told : told + share]:
                engine.tell(events[told : told + share])
            else:
                engine.repeat()
            told += share
        threading.Event().wait(0.01)
    engine.tell(events[told:])
    wrong = ("failed",) if missing else ("failed", "missed")
    assert [] == [(mortal.worker, step) for mortal in mortals for step in mortal.ended(*wrong)]
    return sum(len(mortal.ended("died", "missed")) for mortal in mortals)


def test_the_books_agree_after_forty_kills_at_any_moment(engines, shows, inquire):
    show = shows()
    engine = engines(show)
    dice = random.Random(11)
    victims = [dice.choice(WORKERS) for _ in range(KILLS)]
    crew = {name: engine.mortal(name, [(None, 0, "SIGKILL")] * victims.count(name)) for name in WORKERS}
    engine.until_begun()
    events = show.scene.events
    share = len(events) // KILLS + 1
    for portion, victim in enumerate(victims):
        engine.tell(events[portion * share : (portion + 1) * share])
        threading.Event().wait(dice.uniform(0.0, 0.25))
        crew[victim].kill()
    inquire("killed at any moment", engine, show, kills=KILLS)


@pytest.mark.at_length
def test_the_books_agree_after_forty_kills_of_what_is_started_anew(engines, shows, inquire):
    show = shows()
    engine = engines(show)
    engine.start(*WORKERS)
    engine.until_begun()
    dice = random.Random(11)
    events = show.scene.events
    share = len(events) // KILLS + 1
    for portion in range(KILLS):
        engine.tell(events[portion * share : (portion + 1) * share])
        threading.Event().wait(dice.uniform(0.0, 0.25))
        victim = dice.choice(WORKERS)
        engine.kill(victim)
        engine.start(victim)
    inquire("killed at any moment, started anew", engine, show, kills=KILLS)


def test_the_books_agree_after_deaths_at_steps_of_a_turn(engines, shows, inquire, points):
    show = shows()
    engine = engines(show)
    plans = {name: vital(points[name], FEW, seed=5) * TIMES[name] for name in WORKERS}
    crew = [engine.mortal(name, plan, patience=LONG) for name, plan in plans.items()]
    kills = die(engine, crew)
    assert sum(len(mortal.plan) for mortal in crew) == kills
    inquire("died at steps of a turn, all at once", engine, show, kills=kills)


@pytest.mark.at_length
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("worker", WORKERS)
def test_the_books_agree_after_a_death_before_and_after_every_step(engines, shows, inquire, points, worker, nth):
    show = shows(SESSIONS_AT_LENGTH)
    engine = engines(show)
    passed = {step: passings for step, passings in points[worker].items() if passings >= 2 * nth or nth == 1}
    plan = [(step, nth, "SIGKILL") for step in passed]
    if worker == "deployment" and nth == 1:
        # What it does before there is a first version it comes to once, however often it dies over it.
        plan.sort(key=lambda point: passed[point[0]] > 1)
        once = list(passed.values()).count(1)
        plan = plan[:once] + with_respite(plan[once:])
    else:
        plan = with_respite(plan)
    # What patterns does to a revision it comes to once: told again, the revision is not new.
    missing = nth > 1 or worker == "patterns"
    victim = engine.mortal(worker, plan, patience=SHORT if missing else LONG)
    for name in set(WORKERS) - {worker}:
        engine.mortal(name)
    kills = die(engine, [victim], missing=missing)
    assert len(plan) == kills
    inquire(f"{worker} died at every step, passing it for time {nth}", engine, show, kills=kills)


@pytest.mark.at_length
@pytest.mark.parametrize(
    "two", [("attribution",) * 2, ("thompson",) * 2, ("deployment",) * 2, ("attribution", "thompson")], ids="+".join
)
def test_the_books_agree_after_deaths_of_two_workers_at_once(engines, shows, inquire, points, two):
    show = shows(SESSIONS_AT_LENGTH)
    engine = engines(show)
    crew = [engine.mortal(name, sampled(points[name], MANY, seed=seed)) for seed, name in enumerate(two)]
    for name in set(WORKERS) - set(two):
        engine.mortal(name)
    kills = die(engine, crew, missing=True)
    inquire(f"{' and '.join(two)} died at once", engine, show, kills=kills)


@pytest.mark.at_length
def test_the_books_agree_after_deaths_on_postgresql(engines, shows, inquire, postgresql_server):
    points = passed_by(engines(shows(3), store_url=postgresql_server.create()))
    show = shows()
    engine = engines(show, store_url=postgresql_server.create())
    crew = [engine.mortal(name, sampled(points[name], MANY // 2, seed=9)) for name in WORKERS]
    kills = die(engine, crew, missing=True)
    inquire("died at steps of a turn, PostgreSQL", engine, show, kills=kills)
