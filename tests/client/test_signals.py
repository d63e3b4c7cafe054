"""A signal's handler may call the client at any moment, also in the midst of a call of the client."""

import sys
import threading

from learning_client import EventPublisher, ParameterClient, Switches
from learning_client.testing import MemoryBroker

WITHIN = 20.0
"""Seconds for what waits for nothing."""


def interrupted_at_every_line(calls, handler):
    """Make ``calls`` again and again, with ``handler`` in the midst of them, each time a line of the client later."""
    line = 0

    def traced(frame, event, _):
        if "learning_client" not in frame.f_code.co_filename:
            return None
        if event == "line":
            state["left"] -= 1
            if state["left"] == 0:
                handler()
        return traced

    while True:
        line += 1
        state = {"left": line}
        sys.settrace(traced)
        try:
            calls()
        finally:
            sys.settrace(None)
        if state["left"] > 0:
            return line
        yield line


def in_time(work):
    """Do it on a thread that may stand still for ever, and say whether it has ended."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(WITHIN)
    return not thread.is_alive()


def client():
    broker = MemoryBroker()
    publisher = EventPublisher(broker.url, source="bot", switches=Switches(apply=True))
    params = ParameterClient(broker.url, defaults={"threshold": 0.6}, publisher=publisher)
    broker.publish({"threshold": 0.8})
    return publisher, params


def test_calls_of_a_handler_end_and_a_switch_that_it_turns_off_stays_off():
    publisher, params = client()
    params.start()
    assert params.wait_ready(5)
    found = []

    def handler():
        publisher.alert(symbol="", score=0.5)
        publisher.switches.apply = False
        publisher.stats()

    def calls():
        publisher.alert(symbol="", score=0.5)
        publisher.switches.collect = True

    def work():
        for line in interrupted_at_every_line(calls, handler):
            found.append((line, params["threshold"]))
            publisher.switches.apply = True

    assert in_time(work)
    assert len(found) > 50
    assert [] == [line for line, threshold in found if threshold != 0.6]
    params.close(1.0)
    publisher.close(1.0)


def test_what_is_started_in_the_midst_of_its_start_is_started_once():
    publisher, _ = client()
    made = []

    def work():
        def calls():
            made.append(ParameterClient("memory://none", defaults={"threshold": 0.6}, publisher=publisher))
            made[-1].start()

        for _ in interrupted_at_every_line(calls, lambda: made and made[-1].start()):
            pass

    assert in_time(work)
    running = [thread for thread in threading.enumerate() if thread.name == "learning-client-parameters"]
    for params in made:
        params.close(2.0)
    publisher.close(1.0)
    assert len(made) == len(running) > 5
