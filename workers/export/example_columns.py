"""The columns that an example has of itself."""

from typing import Any, NamedTuple

import msgspec

from store.examples import Example
from workers.export.column import NEVER, Column, Kind
from workers.join.figures import bounded

NO_FIGURES = (
    "while nothing is known: pending, lost, or censored without a last price; at `close` where nothing was bought"
)


class Row(NamedTuple):
    """An example as it goes into the file: with the direction of its subject (1 long, -1 short) and its uniqueness."""

    example: Example
    revision: int
    late: bool
    sign: float
    uniqueness: float | None


def _relative(row: Row) -> float | None:
    """The return less what the benchmark would have earned in the same direction."""
    earned, benchmark = row.example.return_, row.example.benchmark
    return None if earned is None or benchmark is None else bounded(earned - row.sign * benchmark)


def _peak(row: Row) -> float | None:
    return None if row.example.peak_after is None else row.example.peak_after / 1e6


def _marks(row: Row) -> list[str]:
    return row.example.marks.split(",") if row.example.marks else []


def _contributions(row: Row) -> list[dict[str, Any]]:
    return _CONTRIBUTIONS.decode(row.example.contributions)


_CONTRIBUTIONS = msgspec.json.Decoder(list[dict[str, Any]])

EXAMPLE_COLUMNS: tuple[Column[Row], ...] = (
    Column("strategy", Kind.TEXT, "", "The strategy whose books these are.", NEVER, lambda row: row.example.strategy),
    Column(
        "example_id",
        Kind.TEXT,
        "",
        "Names the example for ever, as in `outcome.attributed`: strategy/subject/subject_id/horizon/origin, or where "
        "that is longer than 180 characters its SHA-256.",
        NEVER,
        lambda row: row.example.name,
    ),
    Column(
        "subject",
        Kind.TEXT,
        "",
        "What the example is about: `alert`, `decision` or `thesis`.",
        NEVER,
        lambda row: row.example.subject,
    ),
    Column("subject_id", Kind.TEXT, "", "The id of that.", NEVER, lambda row: row.example.subject_id),
    Column(
        "instrument",
        Kind.INTEGER,
        "",
        "The number of the instrument in this store. A symbol that changes hands gets a new one.",
        NEVER,
        lambda row: row.example.instrument,
    ),
    Column(
        "unit",
        Kind.TEXT,
        "",
        "What was randomised, `AAPL/2024-01-31`; of a thesis `thesis/ID`. One unit is one observation.",
        NEVER,
        lambda row: row.example.unit,
    ),
    Column(
        "session",
        Kind.TEXT,
        "date",
        "The assignment session, in the calendar of the strategy: the cohort that the unit is compared within.",
        NEVER,
        lambda row: row.example.session,
    ),
    Column(
        "horizon",
        Kind.TEXT,
        "",
        "`5d` counts sessions, `4h` and `30m` open time, `close` is the end of the position.",
        NEVER,
        lambda row: row.example.horizon,
    ),
    Column(
        "origin",
        Kind.TEXT,
        "",
        "Who says what followed: `prices`, the bars; `reported`, trading. Never mix the two.",
        NEVER,
        lambda row: row.example.origin,
    ),
    Column(
        "state",
        Kind.TEXT,
        "",
        "`pending`, `matched`, `censored` (its prices ended) or `lost` (nothing ever came).",
        NEVER,
        lambda row: row.example.state,
    ),
    Column(
        "reason",
        Kind.TEXT,
        "",
        "Why it was given up, or why it counts nothing although it is matched.",
        "where there is nothing to say",
        lambda row: row.example.reason,
    ),
    Column(
        "marks",
        Kind.WORDS,
        "",
        "`jump`: a move that neither factor nor second source explains; `inferred`: its outcome came without ids; "
        "`mismatch`: trading ran other values than the version gives the unit.",
        "never; empty where it bears none",
        _marks,
    ),
    Column("late", Kind.FLAG, "", "It had been given up before its facts came.", NEVER, lambda row: row.late),
    Column(
        "revision",
        Kind.INTEGER,
        "count",
        "How often it was told anew; 0 was never told. Depends on when facts came, unlike the figures.",
        NEVER,
        lambda row: row.revision,
    ),
    Column("due", Kind.TIME, "", "From when on it may be filled.", NEVER, lambda row: row.example.due),
    Column(
        "entry_time",
        Kind.TIME,
        "",
        "When the position is entered: the start of the entry bar; of `reported`, and of a decision that was carried "
        "out at once, the time that trading says.",
        NO_FIGURES,
        lambda row: row.example.entry_time,
    ),
    Column(
        "exit_time",
        Kind.TIME,
        "",
        "When it is left: the end of the exit bar, or the time that trading says.",
        NO_FIGURES,
        lambda row: row.example.exit_time,
    ),
    Column(
        "entry_price",
        Kind.NUMBER,
        "currency",
        "The open of the entry bar, or the price that trading paid. As told, not adjusted.",
        NO_FIGURES,
        lambda row: row.example.entry_price,
    ),
    Column(
        "exit_price",
        Kind.NUMBER,
        "currency",
        "The close of the exit bar, the barrier that was met, or the price that trading got. As told: across a split "
        "it does not compare with `entry_price`; `return` does.",
        NO_FIGURES,
        lambda row: row.example.exit_price,
    ),
    Column(
        "return",
        Kind.NUMBER,
        "fraction",
        "What the position earned before costs, of its entry price, signed: 0.021 is 2.1 %. Clipped at ±1000.",
        NO_FIGURES,
        lambda row: row.example.return_,
    ),
    Column(
        "net",
        Kind.NUMBER,
        "fraction",
        "What it earned after costs, of its entry value.",
        "always of `prices`; where trading told no costs",
        lambda row: row.example.net,
    ),
    Column(
        "benchmark_return",
        Kind.NUMBER,
        "fraction",
        "What the benchmark did over the same bars. Not signed by the position.",
        "where the strategy has no benchmark, or one of its two bars is missing",
        lambda row: row.example.benchmark,
    ),
    Column(
        "relative_return",
        Kind.NUMBER,
        "fraction",
        "`return` less `benchmark_return` times 1 (long) or -1 (short). Clipped like `return`.",
        "where one of the two is",
        _relative,
    ),
    Column(
        "mfe",
        Kind.NUMBER,
        "fraction",
        "Most favourable excursion: the furthest that it was ever ahead, at least 0.",
        f"{NO_FIGURES}; where trading did not tell it",
        lambda row: row.example.mfe,
    ),
    Column(
        "mae",
        Kind.NUMBER,
        "fraction",
        "Most adverse excursion: the furthest that it was ever behind, at most 0.",
        f"{NO_FIGURES}; where trading did not tell it",
        lambda row: row.example.mae,
    ),
    Column(
        "volatility",
        Kind.NUMBER,
        "fraction",
        "Standard deviation (n - 1) of the logarithmic returns from bar to bar. A bar, not a year.",
        "below two returns, of `reported`, or where a price is not above 0",
        lambda row: row.example.volatility,
    ),
    Column(
        "peak_seconds",
        Kind.NUMBER,
        "seconds",
        "From the entry to the end of the bar of the most favourable price; 0 where it was never ahead.",
        f"{NO_FIGURES}; where trading did not tell it",
        _peak,
    ),
    Column(
        "outcome_class",
        Kind.TEXT,
        "",
        "`win`, `neutral` or `loss` by the strategy's thresholds; of `net` where that is known, else of `return`.",
        NO_FIGURES,
        lambda row: row.example.outcome_class,
    ),
    Column(
        "exit_reason",
        Kind.TEXT,
        "",
        "Why the position ended: `stop_loss`, `take_profit`, `time_exit` and so on.",
        "at fixed horizons; where trading did not tell it; where its prices stopped before it ended",
        lambda row: row.example.exit_reason,
    ),
    Column(
        "uniqueness",
        Kind.NUMBER,
        "fraction",
        "How much of its story is its own, above 0 and up to 1: the mean over its sessions of 1 / (how many rows of "
        "this file with the same instrument, horizon and origin run in that session). Take it as a weight.",
        "where entry or exit time is",
        lambda row: row.uniqueness,
    ),
    Column(
        "contributions",
        Kind.CONTRIBUTIONS,
        "`total` 1e-6, `squares` 1e-12, `propensity` 1/10,000",
        "What stands in the statistics because of it, one for each allocation and reward.",
        "never; empty where it counts nothing",
        _contributions,
    ),
)
