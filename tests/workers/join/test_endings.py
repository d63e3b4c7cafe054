"""What is given up together is looked up together."""

from tests.statements import heard
from tests.workers.desk import Desk, Stream, registry

DAYS = ("2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08")


def test_ten_times_as_many_that_are_given_up_cost_no_more_statements(store):
    desk, stream = Desk(store, rules=registry(lost_after=1, horizons=["1d"], primary_horizon="1d")), Stream()
    costs = []

    for day, count in (("2024-01-02", 3), ("2024-01-03", 30)):
        desk.take(*(stream.alert(f"{day}/{n}", f"{day} 15:00", symbol=f"S{n}") for n in range(count)))
    for day in DAYS:
        desk.take(stream.closed(day))
        with heard(store._engine) as asked:
            desk.rest()
        costs.append(sum("FROM prices" in statement for statement in asked))
    states = [row["state"] for row in desk.examples("state").values()]
    assert 33 == states.count("lost")
    assert costs[1] == costs[2] > 0
