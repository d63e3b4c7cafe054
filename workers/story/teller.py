"""Tells the story of a name, from stored rows alone."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from events.moments import moment
from schemas.parameters import Registry
from schemas.version import VersionNumber
from store.examples import Revision
from store.facts import Facts
from store.positions import LotRow, TripRow
from store.statistics import JournalRow
from store.stories import Stories
from workers.join.cases import Case, Cohort
from workers.join.rules import Rules
from workers.story.assignments import in_force
from workers.story.cast import Cast, Casting, Player, Role
from workers.story.consequences import Consequences
from workers.story.figures import example
from workers.story.notes import Notes
from workers.story.prices import PriceBook
from workers.story.story import Example, Found, Happening, InForce, Lot, Story, Trip, Unit
from workers.story.verdicts import verdicts
from workers.story.waits import Waits


class Teller:
    """Tells stories of one strategy through one reading connection, and so of one moment."""

    def __init__(self, reading: Connection, registry: Registry) -> None:
        self._reading = reading
        self._rules = Rules(registry)
        self._strategy = registry.strategy
        self._stories = Stories(reading, registry.strategy)
        self._casting = Casting(reading, self._rules)
        self._waits = Waits(reading, self._rules)
        self._notes = Notes(reading, self._rules)
        self._consequences = Consequences(reading, registry.strategy)

    def stories(self, roles: Sequence[Role]) -> list[Story]:
        """The stories of ``roles``, the same one told once."""
        told: list[tuple[Cast, Story]] = []
        for role in roles:
            if not any(role in cast.players or _is_position(role, cast) for cast, _ in told):
                told.append(self._told(role))
        return [story for _, story in told]

    def _told(self, role: Role) -> tuple[Cast, Story]:
        if role.what == "discovery run":
            return Cast(), self._of_run(role)
        cast = self._casting.of(role)
        return cast, self._of_cast(role, cast)

    def _of_cast(self, role: Role, cast: Cast) -> Story:
        cohorts = self._casting.cohorts(cast)
        cases = self._casting.cases(cast)
        rows = self._stories.examples([case.fact for case in cases])
        journal = self._stories.journal(row.example.name for row in rows)
        trips, lots = self._positions(cast)
        examples = self._examples(rows, cases, journal)
        return Story(
            strategy=self._strategy,
            name=role.name,
            asked=role.what,
            instruments=sorted({f"{case.venue}:{case.symbol}" if case.venue else case.symbol for case in cases}),
            happenings=[_happening(player) for player in cast.by_time()],
            units=[_unit(name, cohort) for name, cohort in sorted(cohorts.items())],
            in_force=list(self._in_force(cases)),
            trips=trips,
            lots=lots,
            waiting=list(self._waits.of(cast)),
            examples=examples,
            verdicts=list(verdicts(cast.of("thesis"), examples, horizon=self._rules.market.judged_at)),
            consequences=self._consequences.of(journal),
            found=[],
        )

    def _of_run(self, role: Role) -> Story:
        cast = Cast()
        alert_ids = self._stories.found_by(role.name)
        self._casting.add(cast, role.what, run_id=[role.name])
        return Story(
            strategy=self._strategy,
            name=role.name,
            asked=role.what,
            instruments=[],
            happenings=[_happening(player) for player in cast.by_time()],
            units=[],
            in_force=[],
            trips=[],
            lots=[],
            waiting=[],
            examples=[],
            verdicts=[],
            consequences=[],
            found=self._found(alert_ids),
        )

    def _in_force(self, cases: Iterable[Case]) -> Iterable[InForce]:
        together: dict[tuple[str, str], list[Case]] = {}
        for case in cases:
            if case.params_version is not None:
                together.setdefault((case.unit, case.params_version), []).append(case)
        for (_, number), given in sorted(together.items()):
            row = self._stories.version(VersionNumber.parse(number))
            yield in_force(given, row.version if row else None, proposal=row.proposal_id if row else None)

    def _positions(self, cast: Cast) -> tuple[list[Trip], list[Lot]]:
        ids = cast.ids("fill")
        books = self._stories.books(ids)
        trips = [_trip(trip) for book in books for trip in self._stories.trips(book, ids)]
        return trips, [_lot(lot) for book in books for lot in self._stories.lots(book, ids)]

    def _examples(
        self, rows: Sequence[Revision], cases: Iterable[Case], journal: Sequence[JournalRow]
    ) -> list[Example]:
        by_fact = {case.fact: case for case in cases}
        prices = PriceBook(
            self._reading, self._rules, venues={case.instrument: case.venue for case in by_fact.values()}
        )
        moved: dict[str, list[JournalRow]] = {}
        for one in journal:
            moved.setdefault(one.example_id, []).append(one)
        made = []
        for row in rows:
            case = by_fact[row.example.fact]
            bars = prices.of(row.example, fill_price=case.fill_price)
            note, journaled = self._notes.of(row.example, case), moved.get(row.example.name, [])
            made.append(example(row, sign=case.sign, note=note, prices=bars, journal=journaled))
        return sorted(made, key=lambda it: (it.subject, it.subject_id, it.origin, it.due, it.horizon))

    def _found(self, alert_ids: Sequence[str]) -> list[Found]:
        facts = Facts(self._reading, self._strategy)
        alerts = sorted(facts.called(facts.alerts(ids=alert_ids)), key=lambda row: (-row.score, row.alert_id))
        decided: dict[str, list[str]] = {}
        for decision in sorted(facts.decisions(alerts=alert_ids), key=lambda row: (row.time, row.decision_id)):
            decided.setdefault(decision.alert_id or "", []).append(f"{decision.action} {decision.decision_id}")
        primary = self._rules.market.primary_horizon
        rows = self._stories.examples([row.sequence for row in alerts])
        examples = {
            row.example.fact: row.example
            for row in rows
            if (row.example.horizon, row.example.origin) == (primary, "prices")
        }
        return [
            Found(
                alert_id=row.alert_id,
                symbol=row.symbol,
                score=row.score,
                decisions=decided.get(row.alert_id, []),
                horizon=primary,
                state=known.state if (known := examples.get(row.sequence)) else None,
                return_=known.return_ if known else None,
                outcome_class=known.outcome_class if known else None,
            )
            for row in alerts
        ]


def _is_position(role: Role, cast: Cast) -> bool:
    return role.what == "position" and role.name in cast.positions


def _happening(player: Player) -> Happening:
    row = player.told
    return Happening(
        what=player.role.what,
        name=row.name,
        time=moment(row.time),
        recorded_at=moment(row.recorded_at),
        sequence=row.sequence,
        source=row.source,
        event_id=row.event_id,
        said=player.said,
    )


def _unit(name: str, cohort: Cohort) -> Unit:
    chosen = cohort.representative
    return Unit(
        unit=name,
        session=cohort.cases[0].session,
        cases=[f"{case.subject} {case.id}" for case in sorted(cohort.cases, key=lambda case: (case.time, case.key))],
        represented_by=f"{chosen.subject} {chosen.id}" if chosen else None,
    )


def _trip(row: TripRow) -> Trip:
    return Trip(
        entry_fill=row.entry_fill,
        exit_fill=row.exit_fill,
        decision=row.entry_decision,
        account=row.account,
        quantity=row.quantity,
        multiplier=row.multiplier,
        entry_price=row.entry_price,
        exit_price=row.exit_price,
        entry_time=moment(row.entry_time),
        exit_time=moment(row.exit_time),
        gross=row.gross,
        fees=row.fees,
        net=row.net,
    )


def _lot(row: LotRow) -> Lot:
    return Lot(
        fill=row.fill,
        decision=row.decision,
        account=row.account,
        quantity=row.quantity,
        multiplier=row.multiplier,
        price=row.price,
        time=moment(row.time),
        fees=row.fees,
    )
