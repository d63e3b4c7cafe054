"""What symbols mean in the course of time: a function of their changes, and of the gaps between bars."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

FIRST, RENAMED, TAKEN_OVER, GAP = "first", "renamed", "taken over", "gap"
"""Why a symbol means what it means."""


class Name(NamedTuple):
    """A symbol, and since when it means what it means: the first name of an instrument is its own for ever."""

    symbol: str
    since: int


class Change(NamedTuple):
    """At ``since`` (microseconds) a symbol ceases to mean what it meant; that goes on as ``renamed_to``, if it does."""

    since: int
    symbol: str
    renamed_to: str | None


class Era(NamedTuple):
    """From ``since`` on a symbol means the instrument, or line of instruments, whose first name is ``name``."""

    since: int
    name: Name
    because: str


Eras = Mapping[str, Sequence[Era]]
"""The eras of symbols, rising. At no moment two of them mean the same."""


def lines(symbols: Iterable[str], changes: Iterable[Change]) -> dict[str, list[Era]]:
    """What the symbols mean by their changes alone: lines of instruments, which gaps may cut.

    ``symbols`` are all that the changes name, and others. Changes of one moment happen together, so that two symbols
    may change places; of two that are renamed to the same one the first by name is, and of two changes of one symbol
    the first by what it is renamed to counts.
    """
    made = {symbol: [Era(0, Name(symbol, 0), FIRST)] for symbol in symbols}
    for since, together in groupby(sorted(changes, key=_order), key=lambda change: change.since):
        targets = {change.symbol: change.renamed_to for change in reversed(list(together))}
        before = {symbol: made[symbol][-1].name for symbol in targets}
        after = {symbol: Era(since, Name(symbol, since), TAKEN_OVER) for symbol in before}
        for symbol, renamed_to in targets.items():
            if renamed_to is not None:
                after[renamed_to] = Era(since, before[symbol], RENAMED)
        for symbol, era in after.items():
            made[symbol].append(era)
    return made


def cut(made: Eras, gaps: Mapping[Name, Iterable[int]]) -> dict[str, list[Era]]:
    """The eras when each line begins anew, as another instrument, at the moments that ``gaps`` names."""
    parts: dict[Name, list[Name]] = {}
    found: dict[tuple[str, int], Era] = {}
    for line, moments in gaps.items():
        for since in sorted(moments):
            symbol = next(symbol for symbol, eras in made.items() if at(eras, since).name == line)
            parts.setdefault(line, []).append(Name(symbol, since))
            found[symbol, since] = Era(since, Name(symbol, since), GAP)
    for symbol, eras in made.items():
        for era in eras:
            begun = [part for part in parts.get(era.name, []) if part.since <= era.since]
            found.setdefault((symbol, era.since), era._replace(name=begun[-1]) if begun else era)
    cuts: dict[str, list[Era]] = {symbol: [] for symbol in made}
    for (symbol, _), era in sorted(found.items()):
        cuts[symbol].append(era)
    return cuts


def at(eras: Sequence[Era], time: int) -> Era:
    """The era that a moment lies in; the first where it lies before all."""
    return eras[max(0, bisect_right(eras, time, key=lambda era: era.since) - 1)]


def families(symbols: Iterable[str], changes: Iterable[Change]) -> list[set[str]]:
    """The symbols, and all that renames connect with them, in sets that know nothing of each other."""
    near: dict[str, set[str]] = {}
    for change in changes:
        if change.renamed_to is not None:
            near.setdefault(change.symbol, set()).add(change.renamed_to)
            near.setdefault(change.renamed_to, set()).add(change.symbol)
    found: list[set[str]] = []
    seen: set[str] = set()
    for symbol in sorted(set(symbols)):
        if symbol not in seen:
            found.append(_connected(symbol, near))
            seen |= found[-1]
    return found


def _connected(symbol: str, near: Mapping[str, set[str]]) -> set[str]:
    family, ahead = {symbol}, [symbol]
    while ahead:
        new = near.get(ahead.pop(), set()) - family
        family |= new
        ahead.extend(new)
    return family


def _order(change: Change) -> tuple[int, str, str]:
    return (change.since, change.symbol, change.renamed_to or "")
