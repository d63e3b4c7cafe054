"""Why outcomes of a story belong to nothing yet."""

from collections.abc import Iterator

from sqlalchemy import Connection

from store.outcomes import Outcomes, Unjoined
from store.sessions import Sessions
from workers.join.inference import Inference
from workers.join.names import most_exact
from workers.join.rules import Rules
from workers.story.cast import Cast
from workers.story.story import Waiting


class Waits:
    """Says of outcomes that wait which name never came, or why the rule for those without a name joins none."""

    def __init__(self, reading: Connection, rules: Rules) -> None:
        self._reading = reading
        self._rules = rules
        self._strategy = rules.registry.strategy

    def of(self, cast: Cast) -> Iterator[Waiting]:
        """The outcomes of the cast that wait."""
        before = self._long_ago()
        for row in Outcomes(self._reading, self._strategy).unjoined(cast.ids("outcome")):
            yield Waiting(outcome_id=row.outcome_id, why=self._why(row), unclaimed=row.time < before)

    def _long_ago(self) -> int:
        """Before which moment what still waits is unclaimed."""
        settled = Sessions(self._reading).latest(self._strategy)
        market = self._rules.market
        return self._rules.long_ago(settled.session, by=market.waiting_sessions) if settled else 0

    def _why(self, row: Unjoined) -> str:
        sort, name = most_exact(row._asdict())
        if sort == "position":
            return f"nothing that was bought into position {name!r} ever came: no BUY names it, and no fill of one"
        return f"{sort} {name!r} never came" if name else self._nameless(row)

    def _nameless(self, row: Unjoined) -> str:
        minutes = self._rules.market.infer_within_minutes
        if minutes is None or row.instrument is None or row.entry_time is None:
            return "it names nothing, and the registry says no infer_within_minutes by which it could be joined"
        free = Inference(self._reading, self._rules).candidates(row.instrument, row.entry_time).get(row.outcome_id, [])
        named = ", ".join(f"{case.subject} {case.id}" for case in free)
        if not free:
            return f"it names nothing, and nothing that it may be of lies within {minutes:,} minutes before its entry"
        if len(free) == 1:
            return f"it names nothing, and outcomes of other entries may be of {named} too"
        return f"it names nothing, and may be of {len(free):,}: {named}"
