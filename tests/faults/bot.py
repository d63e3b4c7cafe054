"""A trading process at a steady rate: every alert becomes a decision, a fill and an outcome, with prices between.

Writes the id of everything that must not be lost to standard output when it is told to stop.
"""

import sys
import time

from learning_client import EventPublisher, SpoolFolder, Switches

url, spool, rate, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
publisher = EventPublisher(url, source="bot", switches=Switches(), spool=SpoolFolder(path=spool))
told, began, rounds = [], time.monotonic(), 0
print("started", flush=True)
while (now := time.monotonic() - began) < seconds:
    while rounds * 5 < now * rate:
        rounds += 1
        alert = publisher.alert(symbol="AAPL", score=0.5)
        decision = publisher.decision(symbol="AAPL", action="BUY", alert_id=alert, size=0.02)
        fill = publisher.fill(symbol="AAPL", side="buy", quantity=1.0, price=10.0, decision_id=decision)
        outcome = publisher.outcome(decision_id=decision, return_=0.01)
        publisher.price(symbol="AAPL", interval="1m", open=1.0, high=1.0, low=1.0, close=1.0)
        told += [decision, fill, outcome]
    time.sleep(0.002)
flushed = publisher.flush(120)
print(flushed, sum(publisher.stats().dropped.values()), *told, flush=True)
