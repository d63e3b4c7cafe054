"""How the trading processes are, as they say themselves."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from schemas.client import ClientReported
from schemas.settings import Settings
from store.applications import Applications
from store.client_reports import ClientReport, ClientReports
from store.versions import VersionRow, Versions
from workers.checks.reading import Figure, Reading, Reason, span

PART = "trading"
DROPPED_FOR_US = 3_600_000_000
"""Drops are told for so long after they became more."""

HEARD_US = 180_000_000
"""A client reports every minute; one that was not heard for so long has gone home, which is its own affair."""

FIGURES_OF = 50
"""So many clients have figures of their own, those that were heard last."""

SHUT = "closed"


class Trading:
    """Reads the last report of each client, and what clients said of the version in force."""

    def __init__(self, *, settings: Settings) -> None:
        self._version = settings.health_version_seconds
        self._clock = settings.health_clock_seconds

    def look(self, reading: Connection, *, now: int) -> list[Reading]:
        """One reading for all of trading. Raises what the driver raises."""
        versions = Versions(reading)
        in_force = {name: rows[0] for name in versions.strategies() if (rows := versions.history(name, limit=1))}
        reports = ClientReports(reading).latest(since=now - DROPPED_FOR_US)
        reasons = [reason for report in reports for reason in self._reasons(report, in_force, now)]
        reasons += _refusals(reading, in_force)
        figures = [figure for report in reports[:FIGURES_OF] for figure in _figures(report, now)]
        return [Reading(PART, tuple(reasons), tuple(figures))]

    def _reasons(self, report: ClientReport, in_force: Mapping[str, VersionRow], now: int) -> Iterator[Reason]:
        said, who = report.said, f"{report.client} (strategy {report.strategy})"
        if report.dropped_at is not None and now - report.dropped_at < DROPPED_FOR_US:
            by_type = ", ".join(f"{count:,} {name}" for name, count in sorted(said.dropped.items()) if count)
            ago = span((now - report.dropped_at) / 1e6)
            text = f"{who} has dropped events since its start: {by_type}; the last were told {ago} ago"
            advice = "it could not reach the broker for too long, or sends what nobody takes: its log says which"
            yield Reason(f"dropped {report.client}", f"{text}; {advice}")
        if now - report.time > HEARD_US:
            return
        if said.breaker not in (None, SHUT):
            text = f"{who} has its breaker {said.breaker}: it sends nothing for now and keeps what it has to say"
            yield Reason(f"breaker {report.client}", f"{text}; can it reach the broker?")
        if said.unreadable:
            text = f"{who} has put {len(said.unreadable)} files of its spool aside that it cannot read"
            events = f"{sum(said.unreadable.values()):,} events are known to wait in {', '.join(said.unreadable)}"
            yield Reason(f"unreadable {report.client}", f"{text}: {events}; is its disk failing?")
        offset = said.clock_offset_seconds
        if offset is not None and abs(offset) >= self._clock:
            text = f"the clock of {who} is {abs(offset):,.1f} s {'ahead of' if offset > 0 else 'behind'} the broker's"
            yield Reason(f"clock {report.client}", f"{text} (limit {span(self._clock)}); set it by NTP")
        yield from self._late(who, report, said, in_force, now)

    def _late(
        self, who: str, report: ClientReport, said: ClientReported, in_force: Mapping[str, VersionRow], now: int
    ) -> Iterator[Reason]:
        newest = in_force.get(report.strategy)
        if newest is None or said.version is None or said.version == str(newest.version.id):
            return
        age = (now - newest.recorded_at) / 1e6
        if age >= self._version:
            text = f"{who} runs {said.version}, and {newest.version.id} has been in force for {span(age)}"
            advice = "its log says why it does not take it over"
            yield Reason(f"version {report.client}", f"{text} (limit {span(self._version)}); {advice}")


def _refusals(reading: Connection, in_force: Mapping[str, VersionRow]) -> Iterator[Reason]:
    for strategy, row in in_force.items():
        for word in Applications(reading).of(strategy, str(row.version.id)):
            if word.refused is not None:
                text = f"{word.client} (strategy {strategy}) refused version {word.version}: {word.refused}"
                advice = "its bounds are narrower than the registry's, or what it got was damaged"
                yield Reason(f"refused {word.client}", f"{text}; {advice}")


def _figures(report: ClientReport, now: int) -> Iterator[Figure]:
    said, who = report.said, (report.client,)
    yield Figure("client_report_age_seconds", max(0.0, (now - report.time) / 1e6), who)
    yield Figure("client_dropped_events", report.dropped, who)
    yield Figure("client_spooled_events", sum(said.spooled.values()), who)
    yield Figure("client_queued_events", said.queued or 0, who)
    yield Figure("client_breaker_open", float(said.breaker not in (None, SHUT)), who)
    if said.clock_offset_seconds is not None:
        yield Figure("client_clock_offset_seconds", said.clock_offset_seconds, who)
    if said.version_age_seconds is not None:
        yield Figure("client_version_age_seconds", said.version_age_seconds, who)
