"""A story as tables for a terminal."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from rich.console import RenderableType
from rich.table import Column, Table

from workers.story.bars import Prices
from workers.story.story import Consequence, Example, Settling, Story
from workers.story.words import NOT_KNOWN, bar, counted, moment_of, number_of, said, word

SHOWN = 5
"""So many pieces of evidence and proposals are shown; JSON has all."""

OWN = {"discovery run": "run_id"}
"""The field of its own id, where that is not ``WHAT_id``."""


def pages(story: Story) -> Iterator[RenderableType]:
    """The tables of a story; one that would be empty is left out."""
    symbols = f" about {', '.join(story.instruments)}" if story.instruments else ""
    yield f"{story.asked} {story.name} of strategy {story.strategy}{symbols}"
    if story.asked == "discovery run" and not story.happenings:
        yield "alerts name it, but its discovery.completed never came"
    for table in (
        _happenings(story),
        _units(story),
        _in_force(story),
        _arms(story),
        _trips(story),
        _lots(story),
        _waiting(story),
        _examples(story),
        _verdicts(story),
        _prices(story),
        _movements(story),
        _consequences(story),
        _followed(story),
        _found(story),
    ):
        if table.row_count:
            yield table


def _table(title: str, *columns: str) -> Table:
    return Table(*(Column(name, overflow="fold") for name in columns), title=title, title_justify="left")


def _happenings(story: Story) -> Table:
    table = _table("what was told (UTC)", "time", "what", "id", "by", "said")
    for one in story.happenings:
        own = OWN.get(one.what, f"{one.what}_id")
        table.add_row(moment_of(one.time), one.what, one.name, one.source, said(one.said, own=own))
    return table


def _units(story: Story) -> Table:
    table = _table("units: one observation each", "unit", "session", "alerts and decisions in it", "represented by")
    for one in story.units:
        nobody = "nobody: it is never counted" if one.unit.startswith("thesis/") else "nobody"
        table.add_row(one.unit, one.session, ", ".join(one.cases), one.represented_by or nobody)
    return table


def _in_force(story: Story) -> Table:
    table = _table(
        "values in force", "of", "unit", "version", "regime", "proposal", "values that are not the baseline's"
    )
    for one in story.in_force:
        version = (
            f"{one.version}, of session {one.session}" if one.published else f"{one.version}, never published here"
        )
        changed = ", ".join(f"{each.name} {each.value} (baseline {each.baseline})" for each in one.changed)
        told = (changed or "none") if one.published else NOT_KNOWN
        table.add_row(", ".join(one.of), one.unit, version, word(one.regime), one.proposal or "none", told)
    return table


def _arms(story: Story) -> Table:
    table = _table("arms", "unit", "allocation", "purpose", "arm", "propensity", "trading says")
    for one in story.in_force:
        for arm in one.arms:
            own = " (the baseline)" if arm.baseline else ""
            says = {None: "nothing", True: "the same", False: f"{arm.told}: it does not agree"}[arm.agrees]
            share = f"{arm.propensity / 100:.2f} %"
            table.add_row(one.unit, arm.allocation, arm.purpose, f"{arm.arm}{own}", share, says)
        for name, values in one.strange.items():
            why = "the version has no such allocation" if one.published else "the version was never published here"
            table.add_row(one.unit, name, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, f"{values}: {why}")
    return table


def _trips(story: Story) -> Table:
    table = _table(
        "round trips, first in first out", "decision", "entry", "exit", "quantity", "from", "to", "gross", "fees", "net"
    )
    for one in story.trips:
        table.add_row(
            one.decision or "none named",
            f"{one.entry_fill} {moment_of(one.entry_time)}",
            f"{one.exit_fill} {moment_of(one.exit_time)}",
            _quantity(one.quantity, one.multiplier),
            *map(number_of, (one.entry_price, one.exit_price, one.gross, one.fees, one.net)),
        )
    return table


def _lots(story: Story) -> Table:
    table = _table("still open", "decision", "fill", "since", "quantity", "price", "fees")
    for one in story.lots:
        table.add_row(
            one.decision or "none named",
            one.fill,
            moment_of(one.time),
            _quantity(one.quantity, one.multiplier),
            number_of(one.price),
            number_of(one.fees),
        )
    return table


def _waiting(story: Story) -> Table:
    table = _table("outcomes that wait", "outcome", "why", "")
    for one in story.waiting:
        table.add_row(
            one.outcome_id, one.why, "unclaimed: it has waited for longer than is usual" if one.unclaimed else ""
        )
    return table


def _examples(story: Story) -> Table:
    table = _table("what followed", "of", "horizon", "state", "figures")
    for one in story.examples:
        table.add_row(_of(one), f"{one.horizon} {one.origin}", _state(one), _figures(one))
    return table


def _of(one: Example) -> str:
    return f"{one.subject} {one.subject_id}"


def _state(one: Example) -> str:
    late = ["late"] if one.late else []
    because = "".join(f"{mark} {text}" for mark, text in ((":", one.reason), (";", one.note)) if text)
    return ", ".join([f"{one.state} (revision {one.revision})", *late, *one.marks]) + because


def _figures(one: Example) -> str:
    """What is known, and by name what is not."""
    fractions = {
        "return": one.return_,
        "net": one.net,
        "benchmark": one.benchmark_return,
        "relative": one.relative_return,
        "mfe": one.mfe,
        "mae": one.mae,
    }
    words = {
        **{name: None if number is None else f"{number:+.4%}" for name, number in fractions.items()},
        "volatility": None if one.volatility is None else f"{one.volatility:.4%}",
        "peak after": None if one.peak_seconds is None else str(timedelta(seconds=one.peak_seconds)),
        "class": one.outcome_class,
    }
    if one.horizon == "close":
        words["exit"] = one.exit_reason
    known = ", ".join(f"{name} {text}" for name, text in words.items() if text is not None)
    unknown = ", ".join(name for name, text in words.items() if text is None)
    return "; ".join(filter(None, (known, f"{NOT_KNOWN}: {unknown}" if unknown else "")))


def _verdicts(story: Story) -> Table:
    table = _table("theses", "thesis", "recommendation", "horizon", "what followed", "verdict")
    for one in story.verdicts:
        verdict = {None: NOT_KNOWN, True: "right", False: "wrong"}[one.right]
        followed = one.outcome_class or one.state or "no example"
        shown = verdict if one.judged else "not judged: no outcome contradicts it"
        table.add_row(one.thesis_id, one.recommendation, one.horizon, followed, shown)
    return table


def _prices(story: Story) -> Table:
    table = _table("prices used", "of", "horizon", "bars", "entry", "exit", "factors, jumps, benchmark")
    for one in story.examples:
        if one.prices is not None:
            used = one.prices
            entry = f"{number_of(one.entry_price)} at {moment_of(one.entry_time)} ({bar(used.entry, price='open')})"
            left = f"{number_of(one.exit_price)} at {moment_of(one.exit_time)} ({bar(used.exit, price='close')})"
            table.add_row(_of(one), one.horizon, f"{used.bars} of {used.interval}", entry, left, _adjusted(used))
    return table


def _adjusted(used: Prices) -> str:
    factors = [f"factor {each.factor:.12g} on {each.session}" for each in used.factors] or ["no factors"]
    jumps = [f"jump of {each.step:+.2%} on {each.session}" for each in used.jumps] or ["no jumps"]
    compared = used.benchmark
    against = (
        f"{compared.symbol} from {bar(compared.entry, price='open')} to {bar(compared.exit, price='close')}"
        if compared
        else "no benchmark"
    )
    return "; ".join([*factors, *jumps, against])


def _movements(story: Story) -> Table:
    table = _table("what it moved in the statistics", "of", "revision", "sequence", "allocation", "moved")
    for example in story.examples:
        for moved in example.movements:
            for sign, contributions in (("added", moved.added), ("took back", moved.taken_back)):
                for one in contributions:
                    told = f"{sign} {one.reward} {counted(one)} of arm {one.arm}, regime {one.regime}"
                    of = f"{_of(example)} {example.horizon} {example.origin}"
                    table.add_row(of, str(moved.revision), str(moved.sequence), one.allocation, told)
    return table


def _consequences(story: Story) -> Table:
    table = _table(
        "when it counted", "allocation", "reward", "cohort", "in the books from", "cohort complete from", "cycle"
    )
    for one in story.consequences:
        ran = one.ripe.cycle if one.ripe else None
        table.add_row(
            one.allocation, one.reward, one.cohort, _settled(one.included), _settled(one.ripe), ran or "has not run"
        )
    return table


def _settled(one: Settling | None) -> str:
    return "no session settled since" if one is None else f"session {one.session} (cut {one.cut})"


def _followed(story: Story) -> Table:
    table = _table("what followed from it", "allocation", "evidence", "proposals", "versions")
    for one in _by_allocation(story.consequences):
        proposals = [f"{each.id}: {each.state}: {each.decided or each.reason}" for each in one.proposals]
        versions = [each.version for each in one.proposals if each.version]
        table.add_row(
            one.allocation,
            _first([each.id for each in one.evidence], "\n"),
            _first(proposals, "\n"),
            _first(versions, ", "),
        )
    return table


def _by_allocation(consequences: Iterable[Consequence]) -> list[Consequence]:
    """The first to be complete of each allocation: what followed from the others is in it."""
    found: dict[str, Consequence] = {}
    for one in consequences:
        there = found.get(one.allocation)
        if one.ripe and (there is None or there.ripe is None or one.ripe.cut < there.ripe.cut):
            found[one.allocation] = one
    return list(found.values())


def _first(words: Sequence[str], between: str) -> str:
    more = [f"and {len(words) - SHOWN:,} more, the last {words[-1]}"] if len(words) > SHOWN else []
    return between.join([*words[:SHOWN], *more]) or "none"


def _found(story: Story) -> Table:
    table = _table(f"alerts of the run: {len(story.found)}", "alert", "symbol", "score", "decided", "followed", "")
    for one in story.found:
        followed = f"{one.horizon} {one.state or 'no example'}"
        earned = NOT_KNOWN if one.return_ is None else f"{one.return_:+.4%}"
        table.add_row(one.alert_id, one.symbol, number_of(one.score), ", ".join(one.decisions), followed, earned)
    return table


def _quantity(quantity: float, multiplier: float) -> str:
    return number_of(quantity) if multiplier == 1 else f"{number_of(quantity)} times {number_of(multiplier)}"
