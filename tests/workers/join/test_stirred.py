"""What new bars make attribution look at again."""

from tests.workers.desk import NYSE, Desk, Stream, registry
from workers.join.intake import Intake
from workers.join.rules import Rules
from workers.join.writing import Numbered

DAYS = [NYSE.shift("2023-01-03", place) for place in range(8)]


def touched(desk, event):
    """The units that one more event touches; it is not kept."""
    with desk.store.begin() as work:
        number = work.take(1)
        intake = Intake(work, Rules(desk.rules), settled="", new_from=number)
        intake.take([Numbered(event, number)])
        return intake.touched.units


def test_a_bar_touches_what_it_completes_and_not_what_waits_for_trading_alone(store):
    desk, stream = Desk(store, rules=registry(close_after=3, lost_after=60)), Stream()
    desk.take(stream.decision("d1", "2023-01-03 15:00", size=0.1), stream.bar("2022-12-30", 1.0, 1.0, 1.0, 1.0))
    found = []
    for day in DAYS:
        found.append(touched(desk, stream.bar(day, 1.0, 1.0, 1.0, 1.0)))
        desk.take(stream.bar(day, 1.0, 1.0, 1.0, 1.0))
    unit = {f"AAPL/{DAYS[0]}"}
    assert [set(), unit, set(), unit, set(), set(), set(), set()] == found
    assert "pending" == desk.example("main/decision/d1/close/reported")["state"]
