"""Every number on the page about horizons is what its rules give, and what the engine makes of the same events."""

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from schemas.parameters import Market, Registry
from schemas.price import PriceObserved
from schemas.session import SessionClosed
from schemas.vocabulary import Direction
from store.outbox import Outbox
from tests.docs.pages import text
from tests.standing import standing
from tests.workers.brute_force import Exchange, Question, Series, Terms, answer
from tests.workers.desk import Desk, Stream
from tests.workers.known_defects import kind_of

PAGE = text("docs/horizons.md")
NYSE = Exchange("XNYS", "2023-06-01", "2024-12-31")
ALWAYS = Exchange("24/7", "2023-06-01", "2024-12-31")
HOUR = 3_600_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SIGN = {"long": 1, "short": -1}

FIGURES = {
    "entry": "entry_price",
    "counts as": "counts_as",
    "exit": "exit_price",
    "return": "earned",
    "mfe": "mfe",
    "mae": "mae",
    "volatility": "volatility",
    "time to peak": "peak_after",
    "benchmark": "benchmark",
    "relative": "relative",
    "class": "class",
    "how": "how",
    "state": "state",
    "kind": "kind",
    "mark": "mark",
}
"""The columns of the page's tables, and what the oracle calls them."""


def tables(heading):
    """The tables below a heading, each a list of {column: cell}; numbers are numbers, ``none`` is None."""
    [section] = [part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if part.startswith(f"{heading}\n")]
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE):
        header, _, *rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()]
        found.append([dict(zip(header, map(cell_of, row), strict=True)) for row in rows])
    return found


def cell_of(cell):
    if cell == "none":
        return None
    return float(cell.removesuffix(" h")) if re.fullmatch(r"-?\d+(\.\d+)?( h)?", cell) else cell


def at(moment):
    """Microseconds of ``2024-04-01 13:30`` in UTC."""
    return (datetime.fromisoformat(moment).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def shown(moment):
    return f"{EPOCH + timedelta(microseconds=moment):%Y-%m-%d %H:%M}"


def daily(rows, *, exchange=NYSE, before="open", session="session"):
    """The bars of a table: ``before`` is its column of opens, which the other prices follow."""
    found = []
    for row in rows:
        place = list(row).index(before)
        found.append(exchange.daily(row[session], *list(row.values())[place : place + 4], factor=row.get("factor")))
    return found


def index(rows):
    """The bars of INDEX in a table; nobody asks for their highs and lows."""
    found = []
    for row in rows:
        first, last = row["INDEX open"], row["INDEX close"]
        prices = (first, max(first, last), min(first, last), last)
        found.append(NYSE.daily(row["session"], *prices, factor=row.get("INDEX factor")))
    return found


def each(rows):
    return pytest.mark.parametrize("row", rows, ids=[" ".join(map(str, list(row.values())[:3])) for row in rows])


[BARS] = tables("The bars")
[ENTRIES] = tables("When an alert enters, and when its horizons end")
[WORTH] = tables("What they come to")
[PAID] = tables("A decision that says what it paid")
SPLIT_BARS, SPLIT = tables("A split")
[PLANS] = tables("Stop, target and longest hold")
HOURLY_BARS, HOURLY = tables("Hours, across an early close")
COIN_BARS, COIN = tables("A market that never closes")
JUMP_BARS, JUMPS = tables("A jump")
_, MISSING = tables("Bars that never come")

ACME = daily(BARS, before="ACME open")
INDEX, SPLIT_INDEX = index(BARS), index(SPLIT_BARS)
HOURS = [
    NYSE.shorter(at(row["bar ends at"]), HOUR, row["open"], row["high"], row["low"], row["close"])
    for row in HOURLY_BARS
]
DAYS = daily(COIN_BARS, exchange=ALWAYS, session="day")
JUMPING = daily(JUMP_BARS)
TOLD = {row["alert"]: at(row["told at"]) for row in ENTRIES}
PAID_AT, COIN_AT = at("2024-03-28 15:00"), at("2024-03-30 10:15")
DURING = Question(TOLD["during the session"], 1)


def of_alert(row):
    return Question(TOLD[row["alert"]], SIGN[row["direction"]])


def of_payer(row):
    return Question(PAID_AT, 1, fill_price=98.0)


def of_split(row):
    return of_payer(row) if row["who"] == "filled at 98" else Question(TOLD[row["who"]], 1)


def of_plan(row):
    limits = {"stop": row["stop"], "target": row["target"], "max_hold": int(row["max_hold"])}
    return Question(at(row["told at"]), SIGN[row["direction"]], **limits)


def closing(session):
    return NYSE.closes[NYSE.place[session]]


def jumping(row):
    """The bars that are there in a row of the table of jumps, the last of which may be confirmed or bear a factor."""
    bars = [bar for bar in JUMPING if bar.end <= closing(row["bars up to"])]
    place = [bar["session"] for bar in JUMP_BARS].index("2024-04-03")
    second = row["second source closes at"]
    agreed = second is not None and abs(second / bars[place].close - 1) <= 0.01
    bars[place] = bars[place]._replace(factor=row["factor of 2024-04-03"], agreed=agreed)
    return bars


def remaining(row):
    """The bars of ACME less those that never come."""
    session, _, later = row["there is no bar of"].partition(" ")
    return [bar for bar in ACME if bar.end < closing(session) or (bar.end > closing(session) and not later)]


class Rules:
    """The oracle: the rules of the page in plain loops."""

    def __init__(self, _store):
        pass

    def found(self, question, horizon, bars, *, exchange=NYSE, interval=None, settled=None, benchmark=(), second=None):
        """What there is to say of an alert or decision; ``settled`` is the newest settled session."""
        made = answer(
            question,
            horizon,
            series=Series(bars),
            exchange=exchange,
            terms=Terms(interval=interval),
            settled=-1 if settled is None else exchange.place[settled],
            benchmark=Series(benchmark),
        )
        return made | {"mark": None if made["jump"] is None else "jump"}


class Engine:
    """The engine: attribution over a store of its own, asked through the same events as those of trading.

    ``settles_first``: everything comes late, when its sessions are settled.
    """

    def __init__(self, store, *, settles_first=False):
        self.store = store
        self.settles_first = settles_first

    def found(self, question, horizon, bars, *, exchange=NYSE, interval=None, settled=None, benchmark=(), second=None):
        """The row of the example, with the names of the oracle; ``relative`` is what was told to others."""
        length = "1h" if interval else "1d"
        market = Market(
            calendar="XNYS" if exchange is NYSE else "24/7",
            horizons=["1d", "3d", "5d", *(["4h"] if interval else [])],
            primary_horizon="3d",
            bars=length,
            benchmark="INDEX",
            sources=["scanner"],
        )
        desk, stream, other = Desk(self.store, rules=Registry(market=market)), Stream(), Stream("second")
        events = [subject(stream, question)]
        events += [bar_of(stream, "ACME", length, bar) for bar in bars]
        events += [bar_of(stream, "INDEX", length, bar) for bar in benchmark]
        if second is not None:
            events.append(bar_of(other, "ACME", length, second))
        events.sort(key=lambda event: event.time)
        sessions = [session for session in exchange.names if settled and "2024-03-27" <= session <= settled]
        closed = [stream.event(SessionClosed(session=one), exchange.closes[exchange.place[one]]) for one in sessions]
        for batch in (closed, events) if self.settles_first else (events, closed):
            assert [] == desk.take(*batch)
            desk.rest()
        return self._read(horizon)

    def _letters(self):
        with self.store.read() as connection:
            waiting = Outbox(connection).waiting("attribution", 1_000)
        return [letter for letter in waiting if letter.stream == "outcome.attributed"]

    def _read(self, horizon):
        with self.store.read() as connection:
            [row] = [row for row in standing(connection, origin="prices") if row.horizon == horizon]
        told = [msgspec.json.decode(letter.body)["data"] for letter in self._letters()]
        relative = [data.get("relative_return") for data in told if data["horizon"] == horizon]
        return {
            "entry_price": row.entry_price,
            "exit_price": row.exit_price,
            "earned": row["return"],
            "mfe": row.mfe,
            "mae": row.mae,
            "volatility": row.volatility,
            "peak_after": row.peak_after,
            "benchmark": row.benchmark,
            "relative": relative[-1] if relative else None,
            "class": row.outcome_class,
            "how": row.exit_reason,
            "state": row.state,
            "kind": kind_of(row),
            "mark": row.marks or None,
            "entered_at": row.entry_time,
            "left_at": row.exit_time,
            "ends_at": row.due,
        }


def subject(stream, question):
    direction = Direction.LONG if question.sign > 0 else Direction.SHORT
    if question.fill_price is None and question.max_hold is None:
        return stream.alert("it", question.time, symbol="ACME", direction=direction)
    limits = {name: getattr(question, name) for name in ("fill_price", "stop", "target", "max_hold")}
    return stream.decision("it", question.time, symbol="ACME", direction=direction, **limits)


def bar_of(stream, symbol, interval, bar):
    prices = {"open": bar.open, "high": bar.high, "low": bar.low, "close": bar.close, "factor": bar.factor}
    return stream.event(PriceObserved(symbol=symbol, interval=interval, **prices), bar.end)


@pytest.fixture
def stores(sqlite_stores):
    """The pages are true of the engine, whatever it keeps its facts in."""
    return sqlite_stores


@pytest.fixture(params=[Rules, Engine], ids=["the rules", "the engine"])
def asked(request, store):
    return request.param(store)


def check(row, found):
    """That what was found is what the row shows, to the six digits that it shows."""
    for column in row.keys() & FIGURES.keys():
        if (name := FIGURES[column]) in found:
            expected, value = row[column], found[name]
            value = value / HOUR if name == "peak_after" and value is not None else value
            if isinstance(expected, float):
                assert value is not None, f"{column} of {row}"
                assert abs(expected - value) < 5.1e-7, f"{column} of {row} is {value}"
            else:
                assert expected == value, f"{column} of {row}"


@pytest.mark.parametrize("horizon", ["1d", "3d", "5d"])
@each(ENTRIES)
def test_an_alert_enters_and_its_horizons_end_where_the_page_says(asked, row, horizon):
    sessions = NYSE.names[NYSE.place[row["entry session"]] :][: int(horizon[0])]
    before, *bars = [
        NYSE.daily(session, 100, 100, 100, 100) for session in (NYSE.names[NYSE.place[sessions[0]] - 1], *sessions)
    ]
    found = asked.found(Question(TOLD[row["alert"]], 1), horizon, [before, *bars])
    assert (row["enters at"], row[f"{horizon} ends at"]) == (shown(found["entered_at"]), shown(found["left_at"]))


@each(WORTH)
def test_what_alerts_come_to(asked, row):
    check(row, asked.found(of_alert(row), row["horizon"], ACME, benchmark=INDEX))


@each(PAID)
def test_what_a_decision_comes_to_that_says_what_it_paid(asked, row):
    check(row, asked.found(of_payer(row), row["horizon"], ACME, benchmark=INDEX))


@each(SPLIT)
def test_what_a_split_leaves_as_it_was(asked, row):
    check(row, asked.found(of_split(row), row["horizon"], daily(SPLIT_BARS), benchmark=SPLIT_INDEX))


@each(PLANS)
def test_what_ends_a_position_first(asked, row):
    found = asked.found(of_plan(row), "close", ACME)
    check(row, found)
    assert row["exit session"] == shown(found["left_at"])[:10]


@each(HOURLY)
def test_hours_are_counted_while_the_exchange_is_open(asked, row):
    found = asked.found(Question(at(row["told at"]), 1), row["horizon"], HOURS, interval=HOUR)
    check(row, found)
    assert (row["enters at"], row["leaves at"]) == (shown(found["entered_at"]), shown(found["left_at"]))
    assert row["ends at"] == shown(found["ends_at"])


@each(COIN)
def test_a_market_that_never_closes_has_a_session_a_day(asked, row):
    found = asked.found(Question(COIN_AT, 1), row["days"], DAYS, exchange=ALWAYS)
    check(row, found)
    assert (row["enters at"], row["leaves at"]) == (shown(found["entered_at"]), shown(found["left_at"]))


@each(COIN)
def test_the_next_bar_is_no_entry_where_one_session_ends_as_the_next_begins(asked, row):
    bars = [bar for bar in DAYS if bar.start != at("2024-03-31 00:00")]
    found = asked.found(Question(COIN_AT, 1), row["days"], bars, exchange=ALWAYS, settled="2024-04-08")
    assert ("censored", "no entry", None) == (found["state"], found["kind"], found["earned"])


@each(JUMPS)
def test_a_jump_is_held_and_then_counts_as_it_is(asked, row):
    bars = jumping(row)
    close = row["second source closes at"]
    second = bars[2]._replace(close=close, factor=None) if close is not None else None
    check(row, asked.found(DURING, "3d", bars, settled=row["settled up to"], second=second))


@each(MISSING)
def test_what_becomes_of_an_example_whose_bars_never_come(asked, row):
    settled = "2024-04-12" if row["given up with"] == "never" else row["given up with"]
    check(row, asked.found(DURING, row["horizon"], remaining(row), settled=settled))


@each(MISSING)
def test_what_becomes_of_it_is_the_same_when_all_that_there_is_comes_late(store, row):
    late = Engine(store, settles_first=True)
    check(row, late.found(DURING, row["horizon"], remaining(row), settled="2024-04-12"))


def test_an_early_close_within_24_hours_is_not_taken_for_the_exit(asked):
    bars = [NYSE.daily(session, 100, 100, 100, 100) for session in ("2024-06-28", "2024-07-01", "2024-07-03")]
    found = asked.found(Question(at("2024-06-28 13:00"), 1), "3d", bars)
    assert ("pending", None) == (found["state"], found["earned"])


@each([row for row in MISSING if row["state"] != "matched"])
def test_nothing_is_given_up_a_session_earlier(asked, row):
    before = NYSE.names[NYSE.place[row["given up with"]] - 1]
    assert "pending" == asked.found(DURING, row["horizon"], remaining(row), settled=before)["state"]
