"""What a batch of facts touches as it gets into the store."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

from schemas.alert import AlertRaised
from schemas.decision import DecisionMade
from schemas.discovery import DiscoveryCompleted
from schemas.event import Event
from schemas.fill import FillReported
from schemas.outcome import OutcomeObserved
from schemas.price import PriceObserved
from schemas.session import SessionClosed
from schemas.symbol import SymbolChanged
from schemas.thesis import ThesisFormed
from store.facts import DecisionRow, Facts
from store.prices import Prices
from store.tables import alerts, closings, decisions, discovery_runs, fills, outcomes, theses
from store.work import Work
from workers.join.acceptance import objection
from workers.join.cases import ALERT, DECISION, THESIS
from workers.join.fact_rows import (
    alert_columns,
    closing_columns,
    decision_columns,
    discovery_columns,
    fill_columns,
    outcome_columns,
    symbol_columns,
    thesis_columns,
)
from workers.join.inference import Inference
from workers.join.ledger import OWNER
from workers.join.listings import Listings
from workers.join.names import told_horizons
from workers.join.positions import Positions
from workers.join.rules import BARRIER, CLOSE, Rules, Slot
from workers.join.stirred import Stirred
from workers.join.touched import Touched
from workers.join.waiting import Waiting
from workers.join.writing import Numbered, Writing
from workers.worker import Refusal

REPORTED = CLOSE.origin

FACTS = (
    AlertRaised,
    DecisionMade,
    FillReported,
    OutcomeObserved,
    PriceObserved,
    DiscoveryCompleted,
    ThesisFormed,
    SessionClosed,
    SymbolChanged,
)
"""The events that leave a row."""

LISTED = (AlertRaised, DecisionMade, FillReported, OutcomeObserved, ThesisFormed)
"""The events that are about the instrument that their symbol means at their time."""


class Intake:
    """Takes the facts of one strategy in: refuses, writes what is new, and notes what that touches.

    What was here before changes nothing and touches nothing. ``settled`` is the newest settled session, "" where none
    is; the numbers of what is taken in begin with ``new_from``.
    """

    def __init__(self, work: Work, rules: Rules, *, settled: str, new_from: int) -> None:
        self.touched = Touched(new_from=new_from)
        self._work = work
        self._rules = rules
        self._strategy = rules.registry.strategy
        self._facts = Facts(work.connection, self._strategy)
        self._listings = Listings(work, rules)
        self._written = Writing(work, rules, self._listings)
        self._waiting = Waiting(work.connection, rules, settled=settled)
        self._inference = Inference(work.connection, rules)
        self._stirred = Stirred(work.connection, rules, settled=settled)

    @property
    def refusals(self) -> list[Refusal]:
        """What was refused so far."""
        return self._written.refusals

    def take(self, batch: Sequence[Numbered]) -> None:
        """Take a batch in; events of a type in their order, alerts before what refers to them."""
        sorts: dict[type[Event], list[Numbered]] = defaultdict(list)
        for one in batch:
            if reason := objection(one.envelope, self._rules):
                self._written.refuse(one, reason)
            else:
                sorts[type(one.envelope.data)].append(one)
        self._take_changes(sorts[SymbolChanged])
        for sort in LISTED:
            sorts[sort] = self._written.known(sorts[sort])
        self._take_alerts(sorts[AlertRaised])
        self._take_decisions(sorts[DecisionMade])
        self._take_fills(sorts[FillReported])
        self._take_outcomes(sorts[OutcomeObserved])
        self._take_theses(sorts[ThesisFormed])
        self._inference.mark(self.touched.units)
        self._take_prices(sorts[PriceObserved])
        self._written.keep(discovery_runs, sorts[DiscoveryCompleted], key="run_id", columns=discovery_columns)
        self._written.insert(closings, self._written.rows(sorts[SessionClosed], closing_columns), key="session")
        self._move()

    def _take_changes(self, batch: Sequence[Numbered]) -> None:
        new = self._written.changes(self._written.rows(batch, symbol_columns))
        if new:
            self._listings.change(new)

    def _take_alerts(self, batch: Sequence[Numbered]) -> None:
        new = self._written.keep(alerts, batch, key="alert_id", columns=partial(alert_columns, rules=self._rules))
        if not new:
            return
        units = {row["alert_id"]: (row["unit"], row["session"]) for row in new}
        for unit, _ in units.values():
            self.touched.unit(unit)
        following = self._facts.decisions(alerts=units)
        for decision in following:
            self._follow(decision, *units[decision.alert_id or ""])
        self._touch(self._inference.units_near([*new, *(decision._asdict() for decision in following)]))
        self._waiting.subjects_came(alerts=units)
        ids = [decision.decision_id for decision in following]
        positions = [decision.position_id for decision in following if decision.position_id]
        self._tell_theses(self._facts.theses(alerts=units, decisions=ids, positions=positions))
        self._written.count("alerts", ALERT, len(new), slots=self._rules.usual)

    def _follow(self, decision: DecisionRow, unit: str, session: str) -> None:
        """A decision that came before its alert, and named no unit of its own, moves to the alert's."""
        self.touched.unit(decision.unit)
        if unit != decision.unit and not decision.named_unit:
            self._facts.move(decision.decision_id, unit=unit, session=session)

    def _take_decisions(self, batch: Sequence[Numbered]) -> None:
        named = {one.envelope.data.alert_id for one in batch} - {None}
        about = {alert.alert_id: alert for alert in self._facts.alerts(ids=named)} if named else {}
        columns = partial(decision_columns, alerts=about, rules=self._rules)
        new = self._written.keep(decisions, batch, key="decision_id", columns=columns)
        if not new:
            return
        for row in new:
            self.touched.unit(row["unit"])
        ids = [row["decision_id"] for row in new]
        positions = [row["position_id"] for row in new if row["position_id"]]
        self._touch(self._inference.units_near(new))
        self._close({other.decision_id for other in self._facts.decisions(positions=positions)})
        self._waiting.subjects_came(decisions=ids, positions=positions)
        self._tell_theses(self._facts.theses(decisions=ids, positions=positions))
        self._written.count("decisions", DECISION, len(new), slots=self._rules.usual)
        self._written.count("barriers", DECISION, sum(self._rules.barred(row) for row in new), slots=[BARRIER])

    def _tell_theses(self, about: Sequence[Any]) -> None:
        """Theses take their direction from what they are about."""
        self._touch({thesis.unit for thesis in about})

    def _take_fills(self, batch: Sequence[Numbered]) -> None:
        new = self._written.keep(fills, batch, key="fill_id", columns=fill_columns)
        if not new:
            return
        named = {row["decision_id"] for row in new if row["decision_id"] and row["position_id"]}
        linked = self._facts.decisions(ids=named)
        self._touch({decision.unit for decision in linked})
        self._touch(self._inference.units_near([decision._asdict() for decision in linked]))
        self._close(Positions(self._work.connection, self._strategy).take(new))
        self._waiting.subjects_came(positions=[row["position_id"] for row in new if row["position_id"]])

    def _close(self, decisions_moved: set[str]) -> None:
        moved = self._facts.decisions(ids=decisions_moved)
        for decision in moved:
            self.touched.slots(decision.unit, [CLOSE])
        self._touch(self._inference.units_near([decision._asdict() for decision in moved]))

    def _take_outcomes(self, batch: Sequence[Numbered]) -> None:
        """What an outcome touches is where the most exact of its names leads, known or yet to come."""
        new = self._written.keep(outcomes, self._room(batch), key="outcome_id", columns=outcome_columns)
        if not new:
            return
        slots: dict[str, dict[str, set[Slot]]] = {name: defaultdict(set) for name in ("decision", "position", "alert")}
        for row in new:
            if name := next((name for name in slots if row[f"{name}_id"]), None):
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
        self._touch(self._inference.units_of_outcomes(new))
        self._waiting.arrived(new)

    def _room(self, batch: Sequence[Numbered]) -> Sequence[Numbered]:
        """The outcomes for which there is room: those that need not wait, and the first of the others."""
        if self._waiting.has_room(len(batch)):
            return batch
        refused = self._waiting.crowded_out([row for _, row in self._written.rows(batch, outcome_columns)])
        for one in batch:
            if one.sequence in refused:
                self._written.refuse(one, refused[one.sequence])
        return [one for one in batch if one.sequence not in refused]

    def _take_theses(self, batch: Sequence[Numbered]) -> None:
        new = self._written.keep(theses, batch, key="thesis_id", columns=partial(thesis_columns, rules=self._rules))
        self._touch({row["unit"] for row in new})
        self._written.count("theses", THESIS, len(new), slots=self._rules.judged)

    def _take_prices(self, batch: Sequence[Numbered]) -> None:
        rows = self._written.bars(batch)
        if not rows:
            return
        self._stirred.before(rows)
        kept = Prices(self._work.connection, owner=OWNER, now=self._work.now).keep(rows)
        changed = [row for row, is_changed in zip(rows, kept, strict=True) if is_changed]
        self._stirred.by(changed, self.touched)
        self._listings.bars_came([row for row in changed if row["final"]])

    def _move(self) -> None:
        """What belongs to another instrument than was thought is joined again."""
        self._touch(self._listings.touched_units)
        if self._listings.touched_books:
            positions = Positions(self._work.connection, self._strategy)
            self._close(positions.rebuild(self._listings.touched_books))
        if self._listings.touched_units:
            self._inference.mark(self.touched.units)
            self.touched.moved()

    def _touch(self, units: set[str]) -> None:
        for unit in units:
            self.touched.unit(unit)
