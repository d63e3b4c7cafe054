"""By which names outcomes and cases find each other."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from workers.join.cases import ALERT, DECISION, Case


class Further(msgspec.Struct):
    """The returns at other horizons that an outcome tells beside its own."""

    returns: dict[str, float] | None = None


def most_exact(row: Mapping[str, Any]) -> tuple[str, str]:
    """The most exact name that an outcome bears, ``decision``, ``position`` or ``alert``; ("alert", "") for none."""
    if row["decision_id"]:
        return "decision", row["decision_id"]
    return ("position", row["position_id"]) if row["position_id"] else ("alert", row["alert_id"] or "")


def names_of(case: Case) -> Iterator[tuple[str, str]]:
    """The names by which outcomes are a case's own, the most exact first."""
    if case.subject == ALERT:
        yield "alert", case.id
    if case.subject == DECISION:
        yield "decision", case.id
    if case.bought:
        yield from (("position", name) for name in case.positions)
        if case.alert_id:
            yield "alert", case.alert_id


def told_horizons(body: str, *, horizon: str) -> set[str]:
    """The horizons that an outcome tells of: its own, and those of its further returns."""
    return {horizon, *(msgspec.json.decode(body, type=Further).returns or ())}
