"""How the facts of a batch get into the store."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Table

from schemas.alert import AlertRaised
from schemas.attributed import ExamplesOverdue
from schemas.calendar import NoSession
from schemas.decision import DecisionMade
from schemas.discovery import DiscoveryCompleted
from schemas.event import Envelope, Event
from schemas.fill import FillReported
from schemas.outcome import OutcomeObserved
from schemas.price import PriceObserved
from schemas.session import SessionClosed
from schemas.thesis import ThesisFormed
from store.examples import PRICES, REPORTED, Examples
from store.facts import DecisionRow, Facts
from store.instruments import Instruments, Listing
from store.prices import DAILY, Prices, newest_daily
from store.tables import alerts, closings, decisions, discovery_runs, fills, outcomes, theses
from store.work import Work
from workers.join.acceptance import objection
from workers.join.fact_rows import (
    Row,
    alert_columns,
    closing_columns,
    decision_columns,
    discovery_columns,
    fact_row,
    fill_columns,
    outcome_columns,
    price_columns,
    thesis_columns,
)
from workers.join.reports import told_horizons
from workers.join.rules import Rules, Slot
from workers.join.touched import Touched
from workers.worker import Refusal

OWNER = "attribution"

FACTS = (
    AlertRaised,
    DecisionMade,
    FillReported,
    OutcomeObserved,
    PriceObserved,
    DiscoveryCompleted,
    ThesisFormed,
    SessionClosed,
)
"""The events that leave a row."""

LISTED = (AlertRaised, DecisionMade, FillReported, PriceObserved, ThesisFormed)
"""The events that are about one instrument, by its symbol."""

Columns = Callable[[Envelope, int], Row]
"""What a fact has beside the columns of all facts; it is handed the number of its instrument, or 0."""


class Numbered(NamedTuple):
    """An event and its place in the ingest sequence."""

    envelope: Envelope
    sequence: int


class UnitOnly(msgspec.Struct):
    """What a stored decision said of its unit itself."""

    unit: str | None = None


class Intake:
    """Takes the facts of one strategy in: refuses, writes what is new, and notes what that touches.

    What was here before changes nothing and touches nothing.
    """

    def __init__(self, work: Work, rules: Rules) -> None:
        self.touched = Touched()
        self.refusals: list[Refusal] = []
        self.overdue: list[Envelope] = []
        self._work = work
        self._rules = rules
        self._strategy = rules.registry.strategy
        self._facts = Facts(work.connection, self._strategy)
        self._instruments: Mapping[Listing, int] = {}

    def take(self, batch: Sequence[Numbered]) -> None:
        """Take a batch in; events of a type in their order, alerts before what refers to them."""
        sorts: dict[type[Event], list[Numbered]] = defaultdict(list)
        for one in batch:
            if reason := objection(one.envelope.data, self._rules):
                self._refuse(one, reason)
            else:
                sorts[type(one.envelope.data)].append(one)
        self._instruments = self._numbers([one for sort in LISTED for one in sorts[sort]])
        self._take_alerts(sorts[AlertRaised])
        self._take_decisions(sorts[DecisionMade])
        self._take_fills(sorts[FillReported])
        self._take_outcomes(sorts[OutcomeObserved])
        self._take_prices(sorts[PriceObserved])
        self._keep(discovery_runs, sorts[DiscoveryCompleted], key="run_id", columns=discovery_columns)
        self._keep(theses, sorts[ThesisFormed], key="thesis_id", columns=thesis_columns)
        self._take_closings(sorts[SessionClosed])
        self.overdue = [one.envelope for one in sorts[ExamplesOverdue]]

    def _take_alerts(self, batch: Sequence[Numbered]) -> None:
        new = self._keep(alerts, batch, key="alert_id", columns=partial(alert_columns, rules=self._rules))
        if not new:
            return
        units = {row["alert_id"]: (row["unit"], row["session"]) for row in new}
        for unit, _ in units.values():
            self.touched.unit(unit)
        for decision in self._facts.decisions(alerts=units):
            self._follow(decision, *units[decision.alert_id or ""])

    def _follow(self, decision: DecisionRow, unit: str, session: str) -> None:
        """A decision that came before its alert, and named no unit of its own, moves to the alert's."""
        self.touched.unit(decision.unit)
        if unit != decision.unit and msgspec.json.decode(decision.body, type=UnitOnly).unit is None:
            self._facts.move(decision.decision_id, unit=unit, session=session)

    def _take_decisions(self, batch: Sequence[Numbered]) -> None:
        named = {one.envelope.data.alert_id for one in batch} - {None}
        about = {alert.alert_id: alert for alert in self._facts.alerts(ids=named)}
        columns = partial(decision_columns, alerts=about, rules=self._rules)
        for row in self._keep(decisions, batch, key="decision_id", columns=columns):
            self.touched.unit(row["unit"])

    def _take_fills(self, batch: Sequence[Numbered]) -> None:
        new = self._keep(fills, batch, key="fill_id", columns=fill_columns)
        named = {row["decision_id"] for row in new if row["decision_id"] and row["position_id"]}
        for decision in self._facts.decisions(ids=named):
            self.touched.unit(decision.unit)

    def _take_outcomes(self, batch: Sequence[Numbered]) -> None:
        """What an outcome touches is where the most exact of its names leads, known or yet to come."""
        new = self._keep(outcomes, batch, key="outcome_id", columns=outcome_columns)
        slots: dict[str, dict[str, set[Slot]]] = {name: defaultdict(set) for name in ("decision", "position", "alert")}
        for row in new:
            name = next(name for name in slots if row[f"{name}_id"])
            told = told_horizons(row["body"], horizon=row["horizon"])
            slots[name][row[f"{name}_id"]].update(Slot(horizon, REPORTED) for horizon in told)
        for decision_id, position_id in self._facts.filled(positions=slots["position"]):
            slots["decision"][decision_id] |= slots["position"][position_id]
        for decision in self._facts.decisions(
            ids=slots["decision"], alerts=slots["alert"], positions=slots["position"]
        ):
            ids = {"decision": decision.decision_id, "alert": decision.alert_id, "position": decision.position_id}
            for name, id_ in ids.items():
                self.touched.slots(decision.unit, slots[name].get(id_ or "", ()))
        for alert in self._facts.alerts(ids=slots["alert"]):
            self.touched.slots(alert.unit, slots["alert"][alert.alert_id])

    def _take_prices(self, batch: Sequence[Numbered]) -> None:
        rows = self._rows(batch, partial(price_columns, rules=self._rules))
        stands = Prices(self._work.connection, owner=OWNER, now=self._work.now).keep([row for _, row in rows])
        ends: dict[tuple[str, int], set[int]] = defaultdict(set)
        for (_, row), is_new in zip(rows, stands, strict=True):
            if is_new and row["final"] and row["interval"] == DAILY:
                ends[row["session"], row["time"]].add(row["instrument"])
        for (session, time), instruments in ends.items():
            newest = newest_daily(self._work.connection, instruments, time=time)
            around = Examples(self._work.connection, self._strategy).around(session, instruments, newest=newest)
            for unit, horizon in around:
                self.touched.slots(unit, [Slot(horizon, PRICES)])

    def _take_closings(self, batch: Sequence[Numbered]) -> None:
        rows = self._rows(batch, closing_columns)
        self._work.insert(closings, [row for _, row in rows])

    def _keep(self, table: Table, batch: Sequence[Numbered], *, key: str, columns: Columns) -> list[Row]:
        """Write facts, and return the new ones; refuse those whose name belongs to another event."""
        rows = self._rows(batch, columns)
        kept = self._facts.keep(table, [row for _, row in rows], key=key)
        for (one, row), fate in zip(rows, kept, strict=True):
            if fate.claimed_by is not None:
                source, event = fate.claimed_by
                self._refuse(
                    one, f"{key} {row[key]!r} already belongs to event {event!r} of {source!r}; give each its own"
                )
        return [row for (_, row), fate in zip(rows, kept, strict=True) if fate.new]

    def _rows(self, batch: Sequence[Numbered], columns: Columns) -> list[tuple[Numbered, Row]]:
        rows = []
        for one in batch:
            envelope = one.envelope
            try:
                special = columns(envelope, self._instruments.get(_listing(envelope.data), 0))
            except NoSession as error:
                self._refuse(one, str(error))
            else:
                rows.append((one, fact_row(envelope, sequence=one.sequence, now=self._work.now) | special))
        return rows

    def _refuse(self, one: Numbered, reason: str) -> None:
        self.refusals.append(Refusal(one.envelope, reason))

    def _numbers(self, batch: Sequence[Numbered]) -> Mapping[Listing, int]:
        told = [one.envelope.data for one in batch]
        currencies = {_listing(data): getattr(data, "currency", None) for data in told}
        return Instruments(self._work.connection).numbers(self._strategy, currencies)


def _listing(data: Any) -> Listing:
    return Listing(getattr(data, "venue", None) or "", getattr(data, "symbol", None) or "")
