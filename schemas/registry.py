"""Reads the TOML file in which a user says what may be learned."""

import re
import tomllib
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from msgspec import Struct, ValidationError, convert, structs, to_builtins

from schemas.allocation import Value
from schemas.canonical import checksum
from schemas.errors import InvalidRegistry
from schemas.learner import Learner
from schemas.parameters import (
    GateRules,
    LearningRules,
    Market,
    Parameter,
    ParameterType,
    PatternRules,
    Registry,
    Trial,
)
from schemas.soundness import complaints
from schemas.spelling import did_you_mean

WIN, LOSS = "outcome.win_threshold", "outcome.loss_threshold"

WEIGHT_CHANGE = 0.05
"""The largest change a day of a learnable weight that names none."""

Shape = TypeVar("Shape", bound=Struct)


class _File(Struct, frozen=True, kw_only=True):
    """The top level of a registry file."""

    strategy: str = "main"
    description: str = ""
    market: dict[str, Any] = {}
    learning: dict[str, Any] = {}
    gate: dict[str, Any] = {}
    patterns: dict[str, Any] = {}
    parameter: list[dict[str, Any]] = []
    trial: list[dict[str, Any]] = []
    learner: list[dict[str, Any]] = []


def load_registry(path: Path) -> Registry:
    """The registry of one strategy from its TOML file.

    Top level: ``strategy``, ``description``; tables ``[market]``, ``[learning]``, ``[gate]``,
    ``[patterns]``; one ``[[parameter]]`` each, one ``[[trial]]`` each, one ``[[learner]]`` each.

    Raises:
        InvalidRegistry: the file cannot be read, or contradicts itself; one line for each contradiction, with
            the file, the table and what to do.
    """
    try:
        registry = _registry(tomllib.loads(path.read_text(encoding="utf-8")))
        _check(registry)
    except OSError as error:
        raise InvalidRegistry(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRegistry(f"{path} is not TOML: {error}") from error
    except InvalidRegistry as error:
        raise InvalidRegistry("\n".join(f"{path}, {line}" for line in str(error).splitlines())) from error
    return registry


def registry_hash(registry: Registry) -> str:
    """SHA-256 of the canonical JSON of the whole registry: the same for the same content, however it is written."""
    return checksum(to_builtins(registry))


def outcome_thresholds(registry: Registry, values: Mapping[str, Value]) -> tuple[float, float]:
    """From which return on an example is a win, and down to which it is a loss, as fractions.

    They are the parameters ``outcome.win_threshold`` and ``outcome.loss_threshold`` in ``values`` where the
    registry has them, else ``[market]`` win and loss.
    """
    win = registry.fraction(WIN, values) if WIN in registry.parameters else registry.market.win
    loss = registry.fraction(LOSS, values) if LOSS in registry.parameters else registry.market.loss
    return win, loss


def _check(registry: Registry) -> None:
    if found := complaints(registry):
        raise InvalidRegistry("\n".join(found))
    win, loss = outcome_thresholds(registry, registry.defaults)
    if win <= loss:
        raise InvalidRegistry(
            f'[[parameter]] "{WIN}": an example would win from {win:.2%} on and lose down to {loss:.2%}; '
            "win must lie above loss"
        )


def _registry(raw: dict[str, Any]) -> Registry:
    file = _converted(raw, _File, table="top level")
    parameters = [_parameter(table, place) for place, table in enumerate(file.parameter, 1)]
    by_name: dict[str, Parameter] = {}
    for parameter in parameters:
        if parameter.name in by_name:
            raise InvalidRegistry(f'[[parameter]] "{parameter.name}": the name is used twice; rename or remove one')
        by_name[parameter.name] = parameter
    top = {"strategy": file.strategy, "description": file.description}
    return structs.replace(
        _converted(top, Registry, table="top level"),
        market=_converted(file.market, Market, table="[market]"),
        learning=_converted(file.learning, LearningRules, table="[learning]"),
        gate=_converted(file.gate, GateRules, table="[gate]"),
        patterns=_converted(file.patterns, PatternRules, table="[patterns]"),
        parameters=by_name,
        trials=[
            _converted(table, Trial, table=_title("trial", table.get("id"), place))
            for place, table in enumerate(file.trial, 1)
        ],
        learners=[
            _converted(table, Learner, table=_title("learner", table.get("id"), place))
            for place, table in enumerate(file.learner, 1)
        ],
    )


def _parameter(table: dict[str, Any], place: int) -> Parameter:
    """The parameter, its default a float or an integer as its type says, with the budget of a weight."""
    parameter = _converted(table, Parameter, table=_title("parameter", table.get("name"), place))
    default = parameter.default
    if parameter.type is ParameterType.NUMBER and isinstance(default, int):
        parameter = structs.replace(parameter, default=float(default))
    if parameter.type is ParameterType.INTEGER and isinstance(default, float) and default.is_integer():
        parameter = structs.replace(parameter, default=int(default))
    if parameter.learnable and parameter.group is not None and parameter.max_change is None:
        parameter = structs.replace(parameter, max_change=WEIGHT_CHANGE)
    return parameter


def _title(kind: str, name: object, place: int) -> str:
    return f'[[{kind}]] "{name}"' if isinstance(name, str) else f"[[{kind}]] number {place}"


def _converted(raw: dict[str, Any], shape: type[Shape], *, table: str) -> Shape:
    known = {field.encode_name for field in structs.fields(shape)}
    if unknown := sorted(raw.keys() - known):
        raise InvalidRegistry(f"{table}: unknown field {unknown[0]!r}; {did_you_mean(unknown[0], known)}")
    try:
        return convert(raw, shape)
    except ValidationError as error:
        reason = re.sub(r" - at `\$\.?(.+)`$", r" in \1", str(error))
        if wrong := re.fullmatch(r"Invalid enum value '(.*)' in (\w+)", reason):
            reason += f"; {did_you_mean(wrong[1], _words(shape, wrong[2]))}"
        raise InvalidRegistry(f"{table}: {reason}") from error


def _words(shape: type[Struct], field: str) -> list[str]:
    """What an enumeration may be written as."""
    hint = get_type_hints(shape)[field]
    kinds = [kind for kind in (hint, *get_args(hint)) if isinstance(kind, type) and issubclass(kind, Enum)]
    return [str(one.value) for kind in kinds for one in kind]
