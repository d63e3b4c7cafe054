"""Which values were in force for a unit, and whether trading says the same."""

from collections.abc import Iterable, Mapping

import msgspec

from schemas.allocation import Allocation, arm_key
from schemas.version import Version
from workers.join.cases import Case
from workers.story.story import Arm, Changed, InForce


def in_force(cases: Iterable[Case], version: Version | None, *, proposal: str | None) -> InForce:
    """What was in force for ``cases``, of one unit, that name one version; ``version`` None where it is unknown."""
    given = list(cases)
    first = given[0]
    told = _told(given)
    known = {allocation.id for allocation in version.allocations} if version else set()
    return InForce(
        of=[f"{case.subject} {case.id}" for case in given],
        unit=first.unit,
        version=first.params_version,
        published=version is not None,
        session=version.session if version else None,
        regime=version.regime if version else None,
        proposal=proposal,
        changed=_changed(version, first.unit) if version else [],
        arms=[_arm(version, one, first.unit, told) for one in version.allocations] if version else [],
        strange={name: values for name, values in (told or {}).items() if name not in known},
    )


def _told(cases: Iterable[Case]) -> Mapping[str, dict[str, float]] | None:
    """What trading says by allocation; None where it says nothing."""
    said = [
        msgspec.json.decode(case.assignments, type=dict[str, dict[str, float]]) for case in cases if case.assignments
    ]
    return {name: values for each in said for name, values in each.items()} if said else None


def _changed(version: Version, unit: str) -> list[Changed]:
    return [
        Changed(name=name, baseline=version.values.get(name), value=value)
        for name, value in version.values_for(unit).items()
        if version.values.get(name) != value
    ]


def _arm(version: Version, allocation: Allocation, unit: str, told: Mapping[str, dict[str, float]] | None) -> Arm:
    arm = allocation.arm_of(unit)
    said = None if told is None else told.get(allocation.id)
    # Trading tells numbers alone: of an arm's words it can say nothing.
    numbers = {name: value for name, value in arm.values.items() if isinstance(value, int | float)}
    return Arm(
        allocation=allocation.id,
        purpose=allocation.purpose.value,
        arm=arm.key,
        propensity=arm.share,
        baseline=all(version.values.get(name) == value for name, value in arm.values.items()),
        told=said,
        agrees=None if said is None else arm_key(numbers) == arm_key(dict(said)),
    )
