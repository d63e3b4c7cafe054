"""Who plays in a story: everything that was told and names each other."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from events.moments import microseconds
from schemas.outcome import OutcomeObserved
from store.facts import Facts
from store.instruments import Instruments, Listing
from store.tables import alerts, decisions, discovery_runs, fills, outcomes, theses
from store.told import NAMES, Told, told
from workers.join.candidates import Candidates, Moment
from workers.join.cases import Case, Cohort, read_units
from workers.join.inference import MINUTE_US, Inference
from workers.join.rules import Rules

TABLES = {
    "discovery run": discovery_runs,
    "alert": alerts,
    "decision": decisions,
    "thesis": theses,
    "fill": fills,
    "outcome": outcomes,
}
"""Where the facts are that a story is made of, by what they are called; in this order where they are of one moment."""

NAMING = {"alert": "alert_id", "decision": "decision_id", "thesis": "thesis_id", "position": "position_id"}
"""The field by which one fact names another, by what it names."""

CASES = ("alert", "decision", "thesis")


class Role(NamedTuple):
    """One who plays: what it is, and its name on the trading side."""

    what: str
    name: str


class Player(NamedTuple):
    """A fact and what it says."""

    role: Role
    told: Told
    said: dict[str, Any]

    def names(self, what: str) -> str | None:
        """Which alert, decision, thesis or position it names."""
        name: str | None = self.said.get(NAMING[what])
        return name


class Cast:
    """The facts of one story by their role, and the positions that they name."""

    def __init__(self) -> None:
        self.players: dict[Role, Player] = {}
        self.positions: set[str] = set()

    def of(self, *what: str) -> Iterator[Player]:
        """The players of these kinds."""
        return (player for role, player in self.players.items() if role.what in what)

    def ids(self, what: str) -> list[str]:
        """The names of the players of a kind, sorted."""
        return sorted(role.name for role in self.players if role.what == what)

    def named(self, what: str, *by: str) -> set[str]:
        """The alerts, decisions, theses or positions that players of the kinds ``by`` name, all kinds where none is."""
        players = self.of(*by) if by else self.players.values()
        return {name for player in players if (name := player.names(what))}

    def by_time(self) -> list[Player]:
        """Everybody, by time, then in the order of ``TABLES``."""
        order = list(TABLES)
        return sorted(self.players.values(), key=lambda it: (it.told.time, order.index(it.role.what), it.role.name))


class Casting:
    """Gathers who plays in the stories of one strategy."""

    def __init__(self, connection: Connection, rules: Rules) -> None:
        self._connection = connection
        self._rules = rules
        self._strategy = rules.registry.strategy
        self._facts = Facts(connection, self._strategy)

    def of(self, role: Role) -> Cast:
        """The story of ``role``: what it names and what names it, as far as one alert's or position's story goes.

        The alerts of other decisions in its positions belong to it; what else was decided about these does not.
        """
        cast = Cast()
        if role.what == "position":
            cast.positions.add(role.name)
            self.add(cast, "decision", position_id=cast.positions)
            self.add(cast, "fill", position_id=cast.positions)
        else:
            self.add(cast, role.what, **{NAMES[TABLES[role.what]]: [role.name]})
        self._upwards(cast, role)
        self._downwards(cast)
        return cast

    def cases(self, cast: Cast) -> list[Case]:
        """The alerts, decisions and theses of the cast, as the join sees them."""
        return [
            case
            for cohort in self.cohorts(cast).values()
            for case in cohort.cases
            if Role(case.subject, case.id) in cast.players
        ]

    def cohorts(self, cast: Cast) -> dict[str, Cohort]:
        """The units that the cast belongs to, with everybody in them."""
        units = {row.unit for row in self._facts.alerts(ids=cast.ids("alert"))}
        units |= {row.unit for row in self._facts.decisions(ids=cast.ids("decision"))}
        units |= {row.unit for row in self._facts.theses(ids=cast.ids("thesis"))}
        return read_units(self._facts, sorted(units))

    def _upwards(self, cast: Cast, role: Role) -> None:
        """What the one that was asked for is about."""
        if role.what == "thesis":
            self.add(cast, "decision", thesis_id=[role.name])
        self.add(cast, "decision", decision_id=cast.named("decision"))
        if not cast.ids("decision"):
            self.add(cast, "decision", position_id=cast.named("position"))
        if role.what == "outcome":
            self._add_owner(cast, cast.players[role])
        self.add(cast, "alert", alert_id=cast.named("alert"))

    def _downwards(self, cast: Cast) -> None:
        self.add(cast, "decision", alert_id=cast.ids("alert"))
        self.add(cast, "fill", decision_id=cast.ids("decision"))
        cast.positions |= cast.named("position")
        self.add(cast, "decision", position_id=cast.positions)
        self.add(cast, "alert", alert_id=cast.named("alert", "decision"))
        about = {"alert": cast.ids("alert"), "decision": cast.ids("decision"), "position": cast.positions}
        by = {NAMING[what]: names for what, names in about.items()}
        self.add(cast, "thesis", thesis_id=cast.named("thesis"), **by)
        self.add(cast, "outcome", **by)
        self.add(cast, "fill", decision_id=by["decision_id"], position_id=by["position_id"])
        self.add(cast, "outcome", outcome_id=self._inferred(cast))
        runs = [player.said["run_id"] for player in cast.of("alert") if player.said.get("run_id")]
        self.add(cast, "discovery run", run_id=runs)

    def add(self, cast: Cast, what: str, **wanted: Iterable[str]) -> None:
        """Add the facts of a kind that have one of the wanted values in the column of that name."""
        for row in told(self._connection, TABLES[what], strategy=self._strategy, **wanted):
            role = Role(what, row.name)
            cast.players[role] = Player(role, row, msgspec.json.decode(row.body))

    def _inferred(self, cast: Cast) -> list[str]:
        """The outcomes without ids that the declared rule joins to alerts and decisions of the cast."""
        joined = Inference(self._connection, self._rules).outcomes_for(self.cases(cast))
        return [row.outcome_id for rows in joined.values() for row in rows]

    def _add_owner(self, cast: Cast, player: Player) -> None:
        """Whose an outcome without ids is, where the declared rule finds one."""
        outcome = msgspec.json.decode(player.told.body, type=OutcomeObserved)
        within = (self._rules.market.infer_within_minutes or 0) * MINUTE_US
        if outcome.symbol is None or outcome.entry_time is None or not within or any(map(player.names, NAMING)):
            return
        listing, time = Listing(outcome.venue or "", outcome.symbol), microseconds(outcome.entry_time)
        eras = Instruments(self._connection).eras(self._strategy, listing)
        then = [Moment(number, time) for since, number in eras if since <= time][-1:]
        near = Candidates(self._connection, self._rules, within=within).before(then)
        joined = Inference(self._connection, self._rules).outcomes_for(near)
        for case in near:
            if player.role.name in {row.outcome_id for row in joined.get(case.key, ())}:
                self.add(cast, case.subject, **{NAMES[TABLES[case.subject]]: [case.id]})
