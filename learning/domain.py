"""Which values parameters may have, and how far they may move at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError
from learning.simplex import project

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class NoRoom(LearningError):
    """The change budget, the bounds and the steps leave no value, or no values that sum to their total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A number between ``low`` and ``high``, on a grid of ``step`` from ``low`` on.

    Without a step the grid is a power of ten fine enough for at least 10,000 values (``log``: for three digits at
    ``low``), so that what is proposed can be read and written down exactly. ``integer``: the step is 1 unless given,
    and values are ``int``. ``log``: distances are ratios. ``change``: the largest move from the incumbent at
    once, absolute, in the unit of the parameter; None is no limit.
    """

    name: str
    low: float
    high: float
    step: float | None = None
    integer: bool = False
    log: bool = False
    change: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise LearningError(f"{self.name} needs finite bounds, low below high, not {self.low} and {self.high}")
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise LearningError(f"the step of {self.name} must be positive and fit its bounds, not {self.step}")
        if self.log and self.low <= 0:
            raise LearningError(f"{self.name} is log-scaled, so its low bound must be positive, not {self.low}")
        if self.change is not None and not self.change >= 0:
            raise LearningError(f"the change budget of {self.name} must not be negative, and is {self.change}")
        if self.integer and not (float(self.low).is_integer() and float(self.step or 1).is_integer()):
            raise LearningError(f"{self.name} is an integer, so low {self.low} and step {self.step} must be whole")

    @property
    def given_step(self) -> float | None:
        """The step that was asked for."""
        return 1 if self.integer and self.step is None else self.step


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters whose values sum to ``total``, such as the weights of one score."""

    names: tuple[str, ...]
    total: float = 1.0


@dataclass(frozen=True)
class Domain:
    """Parameters and groups of them; a point is one float for each parameter, in their order, in the unit cube.

    Members of a group are neither log-scaled nor on different steps; the cube measures them all by the range of the
    widest, so that what is nearest there is nearest in their values.

    Raises:
        LearningError: a name given twice or unknown, or a group whose steps or bounds cannot make its total.
    """

    parameters: tuple[Parameter, ...]
    groups: tuple[Group, ...] = ()

    def __post_init__(self) -> None:
        members = [name for group in self.groups for name in group.names]
        if not self.parameters or len(set(self.names)) != len(self.names) or len(set(members)) != len(members):
            raise LearningError(f"each parameter is named once and is in one group at most: {self.names}, {members}")
        if unknown := sorted(set(members) - set(self.names)):
            raise LearningError(f"no parameter is called {', '.join(unknown)}; known: {', '.join(self.names)}")
        for group in self.groups:
            self._check(group)
        Region.of(self, None)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """In the order of a point."""
        return tuple(parameter.name for parameter in self.parameters)

    def point(self, values: Mapping[str, float]) -> Floats:
        """Where ``values`` lie in the unit cube (d); outside of it where they are out of bounds.

        Raises:
            LearningError: a value is missing or not finite, or not positive though log-scaled.
        """
        return np.array([self._coordinate(place, values) for place in range(len(self.parameters))])

    def places(self, group: Group) -> list[int]:
        """Which coordinates of a point are the group's."""
        return [self.names.index(name) for name in group.names]

    @cached_property
    def scales(self) -> Floats:
        """What the side of the cube stands for: the range, in logarithms where log-scaled; in a group the widest."""
        ranges = np.array([math.log(p.high / p.low) if p.log else p.high - p.low for p in self.parameters])
        for group in self.groups:
            ranges[self.places(group)] = ranges[self.places(group)].max()
        return ranges

    @cached_property
    def grids(self) -> tuple[tuple[Decimal, Decimal], ...]:
        """By parameter the first value of its grid and the step, exact: the grid of no given step begins at 0."""
        grids = []
        for place, parameter in enumerate(self.parameters):
            if parameter.given_step is not None:
                grids.append((_exact(parameter.low), _exact(parameter.given_step)))
            else:
                width = parameter.low * 10 if parameter.log else float(self.scales[place])
                grids.append((Decimal(0), Decimal(1).scaleb(math.floor(math.log10(width) + 1e-9) - 4)))
        return tuple(grids)

    def _coordinate(self, place: int, values: Mapping[str, float]) -> float:
        parameter = self.parameters[place]
        value = values.get(parameter.name, math.nan)
        if not math.isfinite(value) or (parameter.log and value <= 0):
            kind = "positive number" if parameter.log else "number"
            raise LearningError(f"{parameter.name} needs a {kind}, not {values.get(parameter.name)}")
        moved = math.log(value / parameter.low) if parameter.log else value - parameter.low
        return moved / float(self.scales[place])

    def _check(self, group: Group) -> None:
        places = self.places(group)
        if any(self.parameters[place].log for place in places):
            raise LearningError(f"members of a group must not be log-scaled: {', '.join(group.names)}")
        if len({self.grids[place][1] for place in places}) > 1:
            raise LearningError(f"members of a group must have one step: {', '.join(group.names)}")
        steps = self.steps(group)
        if steps != steps.to_integral_value():
            raise LearningError(f"steps of {self.grids[places[0]][1]} never sum to {group.total}; change step or low")

    def steps(self, group: Group) -> Decimal:
        """How many steps above the beginning of their grids the members are together."""
        places = self.places(group)
        return (_exact(group.total) - sum(self.grids[place][0] for place in places)) / self.grids[places[0]][1]


@dataclass(frozen=True, eq=False)
class Region:
    """What may be proposed: within bounds and change budget, on the grid, groups at their total.

    ``least`` and ``most`` (d) count steps of the grid. A point of it, as it leaves ``values``, keeps step, bound, sum
    and budget exactly, read as the decimals it is written with.
    """

    domain: Domain
    least: Integers
    most: Integers

    @classmethod
    def of(cls, domain: Domain, incumbent: Mapping[str, float] | None) -> Region:
        """The trust region of an incumbent; the whole domain where there is none.

        Raises:
            LearningError: the incumbent lacks a value.
            NoRoom: nothing is left, with the parameter or the group and the figures.
        """
        if incumbent is not None:
            domain.point(incumbent)
        ends = [_ends(domain, place, incumbent) for place in range(len(domain.parameters))]
        region = cls(domain, np.array([low for low, _ in ends]), np.array([high for _, high in ends]))
        for group in domain.groups:
            places, steps = domain.places(group), int(domain.steps(group))
            least, most = int(region.least[places].sum()), int(region.most[places].sum())
            if not least <= steps <= most:
                first, step = zip(*(domain.grids[place] for place in places), strict=True)
                low, high = (sum(first) + count * step[0] for count in (least, most))
                raise NoRoom(f"{', '.join(group.names)} must sum to {group.total:g}, and can to {low} to {high} only")
        return region

    @cached_property
    def low(self) -> Floats:
        """The lower corner in the unit cube (d)."""
        return np.asarray(self.points(self.least[None])[0])

    @cached_property
    def high(self) -> Floats:
        """The upper corner in the unit cube (d)."""
        return np.asarray(self.points(self.most[None])[0])

    def project(self, points: Floats) -> Floats:
        """The nearest points (n x d) between the corners with groups at their total, steps aside."""
        nearest = np.clip(points, self.low, self.high)
        for places, total in self._totals:
            bounds = {"lower": self.low[places], "upper": self.high[places]}
            nearest[:, places] = project(points[:, places], total=total, **bounds)
        return nearest

    def along(self, gradients: Floats) -> Floats:
        """Gradients (n x d) without what leads out of the planes on which groups have their total. They may point out
        of the corners: whoever follows them projects, and a point at a bound leaves it where that is higher."""
        gradients = gradients.copy()
        for places, _ in self._totals:
            gradients[:, places] -= gradients[:, places].mean(axis=1, keepdims=True)
        return gradients

    def snap(self, points: Floats) -> Integers:
        """The steps (n x d) of feasible values near ``points``: the nearest ones; in a group, largest remainders."""
        steps = np.rint(self._wanted(points)).clip(self.least, self.most).astype(np.int64)
        for group in self.domain.groups:
            places = self.domain.places(group)
            steps[:, places] = _shared_out(
                self._wanted(points)[:, places],
                least=self.least[places],
                most=self.most[places],
                total=int(self.domain.steps(group)),
            )
        return steps

    def points(self, steps: Integers) -> Floats:
        """Where ``steps`` (n x d) lie in the unit cube."""
        values = self._first + steps * self._step
        lows = np.array([parameter.low for parameter in self.domain.parameters])
        scaled = np.divide(values, lows, out=np.ones_like(values), where=self._log)
        return np.asarray(np.where(self._log, np.log(scaled), values - lows) / self.domain.scales)

    def values(self, steps: Sequence[int] | Integers) -> dict[str, float]:
        """The values of one row of ``steps``."""
        exact = [first + int(count) * step for (first, step), count in zip(self.domain.grids, steps, strict=True)]
        return {
            parameter.name: int(value) if parameter.integer else float(value)
            for parameter, value in zip(self.domain.parameters, exact, strict=True)
        }

    def _wanted(self, points: Floats) -> Floats:
        """Steps that ``points`` stand for, not yet whole."""
        lows = np.array([parameter.low for parameter in self.domain.parameters])
        moved = points * self.domain.scales
        values = np.where(self._log, lows * np.exp(np.where(self._log, moved, 0)), lows + moved)
        return np.asarray((values - self._first) / self._step)

    @cached_property
    def _totals(self) -> list[tuple[list[int], float]]:
        """By group its places and what their coordinates in the cube sum to."""
        found = []
        for group in self.domain.groups:
            places = self.domain.places(group)
            lows = sum(_exact(self.domain.parameters[place].low) for place in places)
            found.append((places, float(_exact(group.total) - lows) / float(self.domain.scales[places[0]])))
        return found

    @cached_property
    def _first(self) -> Floats:
        return np.array([float(first) for first, _ in self.domain.grids])

    @cached_property
    def _step(self) -> Floats:
        return np.array([float(step) for _, step in self.domain.grids])

    @cached_property
    def _log(self) -> NDArray[np.bool_]:
        return np.array([parameter.log for parameter in self.domain.parameters])


def _ends(domain: Domain, place: int, incumbent: Mapping[str, float] | None) -> tuple[int, int]:
    """The first and the last step of a parameter's grid that its bounds and its change budget allow."""
    parameter, (first, step) = domain.parameters[place], domain.grids[place]
    low, high = _exact(parameter.low), _exact(parameter.high)
    if incumbent is not None and parameter.change is not None and math.isfinite(parameter.change):
        middle, change = _exact(incumbent[parameter.name]), _exact(parameter.change)
        low, high = max(low, middle - change), min(high, middle + change)
    least = ((low - first) / step).to_integral_value(ROUND_CEILING)
    most = ((high - first) / step).to_integral_value(ROUND_FLOOR)
    if least > most:
        raise NoRoom(f"{parameter.name} has no value between {low} and {high} on steps of {step} from {first}")
    return int(least), int(most)


def _shared_out(wanted: Floats, *, least: Integers, most: Integers, total: int) -> Integers:
    """Whole numbers (n x d) within bounds that sum to ``total``, nearest to ``wanted``."""
    ideal = project(wanted, lower=least.astype(np.float64), upper=most.astype(np.float64), total=total)
    nearest = np.rint(ideal)
    ideal = np.where(abs(ideal - nearest) < 1e-6, nearest, ideal)
    whole = np.floor(ideal).astype(np.int64)
    spare = total - whole.sum(axis=1)
    order = np.argsort(whole - ideal, axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    return np.asarray(whole + (rank < spare[:, None]))


def _exact(number: float) -> Decimal:
    """The decimal that a float is written as."""
    return Decimal(repr(float(number)))
