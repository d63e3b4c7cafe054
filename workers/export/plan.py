"""What is read together when examples are exported."""

from collections.abc import Callable, Iterable, Iterator

from store.selections import Stretch, Window
from workers.export.uniqueness import Uniqueness

TOGETHER = 10_000
"""So many examples are read together, or one session where that has more."""


def plan(windows: Iterable[Window], uniqueness: Uniqueness, *, advance: Callable[[int], None]) -> list[Stretch]:
    """The stretches that cover ``windows``, by session; ``uniqueness`` is weighed on the way.

    ``advance`` is told how many windows were seen, thousand by thousand.
    """
    sessions: dict[str, Stretch] = {}
    for seen, window in enumerate(windows, 1):
        uniqueness.add(window)
        session, fact = window.session, window.fact
        there = sessions.get(session)
        if there is None:
            sessions[session] = Stretch(session, session, fact, fact, 1)
        else:
            sessions[session] = Stretch(session, session, min(there.low, fact), max(there.high, fact), there.size + 1)
        if seen % 1_000 == 0:
            advance(1_000)
    uniqueness.weigh()
    return list(_joined(sessions[name] for name in sorted(sessions)))


def _joined(sessions: Iterable[Stretch]) -> Iterator[Stretch]:
    """Sessions that follow each other, put together as long as they have no more than ``TOGETHER`` examples."""
    open_: Stretch | None = None
    for one in sessions:
        if open_ is None:
            open_ = one
        elif open_.size + one.size > TOGETHER:
            yield open_
            open_ = one
        else:
            low, high = min(open_.low, one.low), max(open_.high, one.high)
            open_ = Stretch(open_.first, one.last, low, high, open_.size + one.size)
    if open_ is not None:
        yield open_
