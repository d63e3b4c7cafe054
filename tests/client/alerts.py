"""The alerts that the tests tell, and where they are."""


def alerts(publisher, count):
    return [publisher.alert(symbol="AAPL", score=0.5) for _ in range(count)]


def ids(broker, kind="alert.raised"):
    return [data["alert_id"] for data in broker.told(kind)]


def waits_on_disk(publisher, count):
    return publisher.stats().spooled == {"alert.raised": count}
