"""A list of stages, checked when it is put together and not when it runs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from scheduler.stage import Stage
from schemas.errors import EngineError
from schemas.reports import StageReport


class InvalidCycle(EngineError):
    """Stages that cannot follow each other, or a name that no stage has."""


class Cycle:
    """Named stages in the order in which they run.

    Raises:
        InvalidCycle: two stages of one name, two that write one fact, or one that reads a fact which
            neither ``given`` nor an earlier stage provides.
    """

    def __init__(self, kind: str, stages: Iterable[Stage], *, given: Sequence[str]) -> None:
        self.kind = kind
        self.stages = tuple(stages)
        known = set(given)
        names: set[str] = set()
        for stage in self.stages:
            self._check(stage, names, known)
            names.add(stage.name)
            known.add(stage.writes)

    def _check(self, stage: Stage, names: set[str], known: set[str]) -> None:
        if stage.name in names:
            raise InvalidCycle(f"cycle {self.kind}: a second stage {stage.name!r}; give it another name")
        if stage.writes in known:
            raise InvalidCycle(f"cycle {self.kind}: stage {stage.name!r} writes {stage.writes!r}, which exists already")
        if missing := [fact for fact in stage.reads if fact not in known]:
            raise InvalidCycle(
                f"cycle {self.kind}: stage {stage.name!r} reads {missing}, which no earlier stage writes; "
                f"known: {sorted(known)}"
            )

    def run(self, facts: Mapping[str, Any], *, timer: Callable[[], float]) -> tuple[dict[str, Any], list[StageReport]]:
        """Run every stage once, timed; returns all facts and a report for each stage.

        ``timer`` gives seconds that only rise. What a stage raises ends the cycle.
        """
        known = dict(facts)
        reports = []
        for stage in self.stages:
            began = timer()
            known[stage.writes], summary = stage.work(*(known[fact] for fact in stage.reads))
            seconds = timer() - began
            reports.append(StageReport(name=stage.name, seconds=seconds, summary=summary))
        return known, reports


def in_order(stages: Mapping[str, Stage], wanted: Sequence[str] | None) -> list[Stage]:
    """The stages by the names of ``wanted``, or all as they stand where nothing is wanted.

    Raises:
        InvalidCycle: a name that no stage has.
    """
    if wanted is None:
        return list(stages.values())
    if unknown := [name for name in wanted if name not in stages]:
        raise InvalidCycle(f"setting stages: no stage is called {unknown}; there are {list(stages)}")
    return [stages[name] for name in wanted]
