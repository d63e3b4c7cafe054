"""The page of results, in Markdown."""

from collections.abc import Iterable, Sequence
from textwrap import fill

from simulation.figures import Figures, Nulls, Powers, Prices
from simulation.null import AGAIN, most_by_chance
from simulation.power import by_curve, named
from simulation.real_prices import TOGETHER, Judged

WIDTH = 120

OPENING = """`make results` writes this page, its plots and [the figures](results.json) behind both. Every run is
seeded: the same seeds and sizes give the same figures. Asked are the learners of the engine as they stand: for
weights, thresholds, exits and sizes the weekly cycle's own code, with its folds and the gate's verdict."""

MISSING = "Not run yet: `make results`."

ABSENT = "The stocks were not there (`LEARNING_DATA` names their folder), so this was left out."

WORLDS = """*Shuffled outcomes*: fat-tailed returns with a day in common, which no feature or score foretells.
*Walks*: prices without drift. *Real prices*: sessions of real stocks in blocks of mean length 10, the same for all
stocks, the direction of each session drawn. Without that draw the blocks keep what prices foretell of themselves;
exits then find an edge that is there, and it is no world without one. Prices are closes alone, because a stop
filled at its level inside of a bar is better than the fair game around it. In these worlds windows overlap, and
features resemble those of the session before. Of arms and the optimiser, claims to be better with 95 % probability
are counted."""

EFFECTS = """An effect is what the better value gives to each unit that it treats otherwise, in standard deviations
of a unit; what is planted for whom is said in `simulation/learners.py`. Arms and the optimiser have other values on
a share of the units only, the others see of every unit what it would have earned. The optimiser's four arms have
equal parts of that share at first, and then from week to week what the allocator gives them. Histories have 250
sessions: of 500 units there are two in each, and hardly any arm meets itself."""

PATH = """Codec, store, thompson, daily cycle and gate, as in `learning simulate`; each world is lived through once.
Counted is in how many the baseline had been replaced after so many units, 50 a session. The gate looks after every
session, and its error is that of all looks together."""

YEARS = """Of the S&P 500 of 2018, with every bar from 2013-02-08 to 2017-02-07: the example scanner's alerts and
features, the learners and defaults of `parameters/demo.toml`, costs of 0.1 % a position. At the end of a year each
learner looks at its last 250 sessions and chooses; the next year judges the choice, proved or not, against the
defaults. Figures are basis points of one position for each alert, bought or not, with a 95 % interval (stationary
block bootstrap of sessions)."""

SURVIVORS = """*Gate* says whether the evidence at the time would have let a first step in. The stocks are
survivors, so what is earned long is no evidence of skill, and choices that buy more earn it too."""


def page(figures: Figures) -> str:
    """The whole page."""
    parts = [
        "# What was measured of the learners",
        _told(OPENING),
        "## Where nothing is better",
        *(_nulls(figures.null) if figures.null else [MISSING]),
        "## Where something is",
        *(_powers(figures.power) if figures.power else [MISSING]),
        "## The whole path",
        *(_path(figures.path) if figures.path else [MISSING]),
        "## Real prices",
        *(_prices(figures.prices) if figures.prices else [MISSING]),
    ]
    return "\n\n".join(parts) + "\n"


def _nulls(nulls: Nulls) -> list[str]:
    further = AGAIN * nulls.runs
    most, most_further = map(most_by_chance, (nulls.runs, further))
    sizes = (
        f"{nulls.runs} histories each of {nulls.sessions} sessions with {nulls.units} units, seed {nulls.seed}, at a "
        f"stated rate of 5 % of one look. By chance alone 99 % of such counts are at most {most}, and {most_further} "
        f"of the {further:,} further histories asked where one was higher. The gate asks for more: an error of 5 % at "
        "all weekly looks of all years, 61 % of it in the first window, and that the first step did not lose."
    )
    rows = [
        [one.learner, one.world, f"{one.better} of {one.runs:,}", "" if one.let_in is None else f"{one.let_in}"]
        for one in nulls.counts
    ]
    counts = _table(["learner", "world", "better, by one look", "let in by the gate"], rows)
    return [_told(sizes), counts, _told(WORLDS), *([] if nulls.real else [ABSENT])]


def _powers(powers: Powers) -> list[str]:
    sizes = f"In how many of {powers.runs} histories (seed {powers.seed}) the effect was found. {EFFECTS}"
    return [_told(sizes), _curves(powers), "![Found, by learner, effect and units](results-power.svg)"]


def _path(powers: Powers) -> list[str]:
    sizes = f"{powers.runs} worlds for each effect and share, seeds from {powers.seed} on. {PATH}"
    return [_told(sizes), _curves(powers), "![Replaced, by share, effect and units](results-path.svg)"]


def _curves(powers: Powers) -> str:
    units = sorted({one.units for one in powers.cells})
    rows = []
    for (learner, share, effect), found in by_curve(powers.cells).items():
        counts = {one.units: f"{one.found}" for one in found}
        rows.append([named(learner, share), f"{effect:g}", *(counts.get(one, "") for one in units)])
    return _table(["learner", "effect", *(f"{one:,} units" for one in units)], rows)


def _prices(prices: Prices) -> list[str]:
    if not prices.rows:
        return [ABSENT]
    heads = ["learned to the end of", "judged on", "learner", "chosen", "gate", "defaults", "chosen less defaults"]
    rows = [
        [one.until, one.judged, one.learner, _chosen(one), _gate(one), f"{one.default * 1e4:+.1f}", _gained(one)]
        for one in prices.rows
    ]
    return [_told(f"{prices.stocks} stocks, seed {prices.seed}. {YEARS}"), _table(heads, rows), _told(SURVIVORS)]


def _chosen(one: Judged) -> str:
    return ", ".join(f"{name.split('.')[-1]} {value:.3g}" for name, value in one.chosen.items())


def _gate(one: Judged) -> str:
    if one.learner == TOGETHER:
        return ""
    return "lets in" if one.accepted else "stays"


def _gained(one: Judged) -> str:
    if one.low is None or one.high is None:
        return f"{one.mean * 1e4:+.1f}; {one.sessions} sessions are too few for an interval"
    return f"{one.mean * 1e4:+.1f} [{one.low * 1e4:+.1f}, {one.high * 1e4:+.1f}]"


def _told(text: str) -> str:
    return fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))
