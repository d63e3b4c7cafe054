"""Why figures are missing, where the books give no reason."""

from sqlalchemy import Connection

from schemas.attributed import ExampleState
from schemas.vocabulary import EXITS
from store.bar_ends import intervals
from store.examples import Example
from workers.join.cases import ALERT, Case
from workers.join.endings import NO_BAR
from workers.join.rules import CLOSE, Rules, Slot

MATCHED, LOST = ExampleState.MATCHED.value, ExampleState.LOST.value


class Notes:
    """Finds what else is to be said of examples without figures; it may ask for bars that measure nothing."""

    def __init__(self, reading: Connection, rules: Rules) -> None:
        self._reading = reading
        self._rules = rules

    def of(self, example: Example, case: Case) -> str | None:
        """What is to be said of the example of ``case``; None where its figures and its reason say all."""
        slot = Slot(example.horizon, example.origin)
        if example.state == LOST and (example.reason or "").startswith(NO_BAR):
            return self._other_bars(case, slot)
        if example.state == MATCHED and slot == CLOSE and example.net is None:
            return _not_net(example, case)
        return None

    def _other_bars(self, case: Case, slot: Slot) -> str | None:
        """Bars of other lengths that came while the measured ones were awaited."""
        calendar, market = self._rules.calendar_of(case.venue), self._rules.market
        since = int(calendar.opens[max(0, calendar.place(case.entry) - market.gap_sessions)])
        until = self._rules.end(slot, case).lost_at
        others = [
            one for one in intervals(self._reading, case.instrument, since=since, until=until) if one != market.bars
        ]
        return f"bars of {' and '.join(others)} did, and the registry measures with {market.bars}" if others else None


def _not_net(example: Example, case: Case) -> str:
    if case.action in EXITS:
        return "it leaves a position: what that earned stands with what was bought"
    if example.return_ is not None:
        return "the net is not known, because nobody told the fees"
    if case.bought:
        return "the net is not known, because nobody told net, or gross and fees"
    if case.subject == ALERT:
        return "what was bought because of it, if anything, stands with its decisions"
    return "nothing was bought by it"
