"""The run as one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from examples.demo import figures
from examples.demo.goals import Goal, combined_checksum, median_ms, plants
from examples.demo.outcome import Outcome

STYLE = """
:root { color-scheme: light; --ink: #1f2933; --quiet: #616e7c; --line: #e4e7eb; --accent: #0f766e; }
* { box-sizing: border-box; }
body { margin: 0; background: #f5f7fa; color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.15rem; margin: 0 0 .3rem; }
p { margin: .3rem 0 .9rem; color: var(--quiet); max-width: 48rem; }
section, .tile { background: #fff; border: 1px solid var(--line); border-radius: .6rem; }
section { padding: 1.25rem 1.4rem; margin-top: 1.25rem; }
svg { width: 100%; height: auto; display: block; }
svg text { font-family: system-ui, sans-serif !important; }
.verdict { border-left: .3rem solid var(--accent); font-size: 1.1rem; }
.verdict p { color: var(--ink); margin: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .8rem; margin: 1.5rem 0 0; }
.tile { padding: .8rem 1rem; }
.tile b { display: block; font-size: 1.55rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile span { color: var(--quiet); font-size: .85rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--quiet); font-weight: 500; }
th, td { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.scroll { overflow-x: auto; }
code { font-size: .85em; overflow-wrap: anywhere; }
"""


def write_report(
    path: Path, outcome: Outcome, goals: Sequence[Goal], *, defaults: Mapping[str, float], seed: int
) -> None:
    """Write the report of a run to ``path``: text, tables and plots in one file, nothing loaded from anywhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_page(outcome, goals, defaults, seed), encoding="utf-8")


def _page(outcome: Outcome, goals: Sequence[Goal], defaults: Mapping[str, float], seed: int) -> str:
    first, last = outcome.sessions[0], outcome.sessions[-1]
    versions, sessions = outcome.versions, outcome.sessions
    parts = [
        f"<h1>{'The loop closed' if all(goal.met for goal in goals) else 'The loop did not close'}</h1>",
        f"<p>{len(sessions):,} sessions of daily bars, {first} to {last}, traded on paper by one process and learned "
        f"from by others, in {outcome.seconds:.0f} seconds.</p>",
        _tiles(outcome),
        f'<section class="verdict"><p>{escape(outcome.judgement.verdict)}</p>'
        f"<p>{escape(outcome.judgement.verdict_as_traded)}</p></section>",
        _section(
            "Learned against default values",
            "Each session is decided and held again on the values that were in force before it, and on the defaults, "
            "over the same candidates. The thin line is what trading really did, exploration included. Daily P&amp;L "
            "of decisions, fees included, not compounded.",
            figures.equity(outcome.judgement),
        ),
        _section("What was learned, and why", _learned_text(outcome), _moves(outcome) + _planted(outcome, defaults)),
        _section(
            "Parameters over time",
            "Bold: the value in force. Thin: what an average unit got, as shares moved. Dotted: the default.",
            figures.parameters(versions, sessions),
        ),
        _section(
            "Shares over time",
            "How many units tried each arm beside the values in force. Shares follow the probability of being best and "
            "stay within the exploration budget.",
            figures.shares(versions, sessions),
        ),
        _section(
            "What is believed in the end",
            "The posterior of each arm's difference to the values in force, compared within sessions; the bar is 95 % "
            "of it, the grey line the interval that the gate looks at, which stays valid however often one looks.",
            figures.posteriors(outcome.standings),
        ),
        _section(
            "What each learner said last",
            "The daily cycle moves shares, the weekly cycle judges on history what would have been better, "
            "the optimiser proposes arms, patterns show what went with what. None of them changes a value by itself.",
            _html_table(["who", "session", "what"], [[one.by, one.session, one.what] for one in outcome.said]),
        ),
        _section("Events", "What went over the streams, by type.", figures.counts(outcome.events)),
        _section(
            "From the engine to trading",
            "From the moment a version lay in the stream until the trading process had applied it.",
            figures.latencies(outcome),
        ),
        _section("What a run must show", "All of it, or the loop does not count as closed.", _goals(goals)),
        _section(
            "To repeat it",
            "The same bars, sessions and seed give the same versions, bit for bit.",
            f"<p>Seed <code>{seed}</code>. Last version <code>{versions[-1].id}</code> with checksum "
            f"<code>{versions[-1].checksum}</code>; all together <code>{combined_checksum(versions)}</code>.</p>",
        ),
    ]
    title = f"The loop on {len(sessions):,} sessions"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _tiles(outcome: Outcome) -> str:
    tiles = {
        "alerts": f"{outcome.alerts:,}",
        "examples with an outcome": f"{outcome.joined:,}",
        "versions": f"{len(outcome.versions):,}",
        "values replaced": f"{len(outcome.moves):,}",
        "median to trading": f"{median_ms(outcome):.1f} ms",
    }
    inner = "".join(f'<div class="tile"><b>{value}</b><span>{name}</span></div>' for name, value in tiles.items())
    return f'<div class="tiles">{inner}</div>'


def _section(title: str, text: str, body: str) -> str:
    return f"<section><h2>{title}</h2><p>{text}</p>{body}</section>"


def _learned_text(outcome: Outcome) -> str:
    if outcome.moves:
        return "A value is replaced only when the gate's interval of its within-session difference excludes no effect."
    return (
        "No value was replaced: no arm's interval excluded no effect. On real prices and a few hundred sessions that "
        "is the usual, honest answer; shares of what was tried moved all the same."
    )


def _moves(outcome: Outcome) -> str:
    rows = [[move.version, move.name, f"{move.old}", f"{move.new}", move.reason] for move in outcome.moves]
    return _html_table(["version", "parameter", "from", "to", "because"], rows)


def _planted(outcome: Outcome, defaults: Mapping[str, float]) -> str:
    rows = [
        [one.name, f"{one.default:g}", f"{one.best:g}", f"{one.found:g}", one.told] for one in plants(outcome, defaults)
    ]
    return _html_table(["planted in", "default", "planted best", "now", "answer"], rows)


def _goals(goals: Sequence[Goal]) -> str:
    rows = [[goal.name, goal.wanted, goal.shown, "yes" if goal.met else "no"] for goal in goals]
    return _html_table(["what", "wanted", "shown", "holds"], rows)


def _html_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{column}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'
