"""Whether a registry's learners can learn as they are written."""

from collections import Counter
from collections.abc import Iterator

from schemas.learner import LEARNED, TAKEN, Learner, LearnerKind
from schemas.parameters import Parameter, ParameterType, ParameterUnit, Registry, RewardKind
from schemas.spelling import did_you_mean

SCALED = (ParameterUnit.FRACTION, ParameterUnit.PERCENT)
OUTCOMES = 11
"""Fewer sessions than so many of the longest outcome leave no interval: a third is never judged, four blocks lie an
outcome apart, and what is left must hold two and a half (scheduler/refit.py, learning/mean_error.py)."""

HELD = (ParameterUnit.SESSIONS, ParameterUnit.BARS)


def of_learners(registry: Registry) -> Iterator[str]:
    """What contradicts itself in the learners of a registry whose parameters are sound, beginning with the table."""
    for learner in registry.learners:
        yield from (f'[[learner]] "{learner.id}": {complaint}' for complaint in _of_learner(learner, registry))
    for id_, times in Counter(learner.id for learner in registry.learners).items():
        if times > 1:
            yield f'[[learner]] "{id_}": the id is used twice; rename or remove one'
    owners: dict[str, str] = {}
    for learner in registry.learners:
        for name in learner.learned:
            if owners.setdefault(name, learner.id) != learner.id:
                yield (
                    f'[[learner]] "{learner.id}": {name!r} is learned by {owners[name]!r} too; '
                    "no parameter may have two learners"
                )


def _of_learner(learner: Learner, registry: Registry) -> Iterator[str]:
    unfit = [*_of_roles(learner), *_of_names(learner, registry)]
    yield from unfit
    if not unfit:
        found = [*_of_learned(learner, registry), *_of_horizon(learner, registry)]
        if learner.kind in _OF_KIND:
            found += _OF_KIND[learner.kind](learner, registry)
        yield from found or _of_sessions(learner, registry)


def _of_roles(learner: Learner) -> Iterator[str]:
    kind, needed = learner.kind, LEARNED[learner.kind]
    if kind is LearnerKind.WEIGHTS:
        needed = TAKEN[kind]
        if len(learner.weights) < 2:
            yield "a learner of weights needs at least two, such as weights = { 'weight.trend' = 'trend', ... }"
    for role in needed:
        if role not in learner.roles:
            yield f"a learner of kind {kind.value!r} needs {role}: the name of the parameter"
    for role in learner.roles:
        if role not in (*LEARNED[kind], *TAKEN[kind]):
            yield f"a learner of kind {kind.value!r} has no {role}; remove it"
    if kind is LearnerKind.POSITION_SIZE and learner.weights:
        yield "a learner of position sizes scores nothing; remove weights"
    if kind is LearnerKind.EXITS and learner.weights and learner.threshold is None:
        yield "weights score what the threshold lets in; name the threshold, or remove weights"


def _of_names(learner: Learner, registry: Registry) -> Iterator[str]:
    for name, times in Counter((*learner.weights, *learner.roles.values())).items():
        if times > 1:
            yield f"{name!r} has {times} parts to play; each needs a parameter of its own"
    for feature, times in Counter(learner.weights.values()).items():
        if times > 1:
            yield f"the feature {feature!r} has {times} weights; which of them moves it cannot be told, keep one"
    for name in (*learner.weights, *learner.roles.values()):
        parameter = registry.parameters.get(name)
        if parameter is None:
            yield f"there is no parameter {name!r}; {did_you_mean(name, registry.parameters)}"
        elif not parameter.numeric:
            yield f"{name!r} is a {parameter.type.value}; only numbers and integers are learned from history"
        elif name in learner.learned and not parameter.learnable:
            yield f"{name!r} is not learnable; remove it, or write learnable = true there"


def _of_learned(learner: Learner, registry: Registry) -> Iterator[str]:
    for name in learner.learned:
        if (reward := registry.reward_of(name)).kind is not RewardKind.UNIT_PNL:
            yield f"{name!r} is judged by '{reward}', history by what units earn; write reward = 'unit_pnl:close' there"
    if learner.weights:
        yield from _of_group(learner, registry)


def _of_group(learner: Learner, registry: Registry) -> Iterator[str]:
    groups = sorted({registry.parameters[name].group or "" for name in learner.weights})
    if groups != [group for group in groups if group][:1]:
        yield f"its weights are in the groups {groups}; a score is the sum of the members of one group"
        return
    if missing := sorted(set(registry.groups[groups[0]]) - set(learner.weights)):
        yield f"{missing} of group {groups[0]!r} have no feature; without them nothing can be scored anew"
    steps = sorted({registry.parameters[name].step or 0.0 for name in learner.weights})
    if learner.kind is LearnerKind.WEIGHTS and len(steps) > 1:
        yield f"the steps of its weights are {steps}; they need one and the same to sum to 1"


def _of_horizon(learner: Learner, registry: Registry) -> Iterator[str]:
    horizon, market = learner.horizon, registry.market
    if learner.kind is LearnerKind.EXITS:
        if horizon is not None:
            yield "exits end a position by themselves; remove horizon"
    elif horizon == "close" and learner.kind is not LearnerKind.POSITION_SIZE:
        yield f"what was not bought has no close; write horizon = '{market.primary_horizon}'"
    elif horizon not in (None, "close", *market.horizons):
        yield f"the horizon {horizon!r} is not in [market] horizons {market.horizons}; add it there"


def _of_sessions(learner: Learner, registry: Registry) -> Iterator[str]:
    longest, named = _longest(learner, registry)
    if learner.sessions < OUTCOMES * longest:
        yield (
            f"{learner.sessions} sessions are too few to judge outcomes of {longest} sessions ({named}); "
            f"write sessions = {OUTCOMES * longest} or more, or make that shorter"
        )


def _longest(learner: Learner, registry: Registry) -> tuple[int, str]:
    """How many sessions an outcome may take, and what says so; 1 where it takes less than a few."""
    market = registry.market
    if learner.kind is LearnerKind.EXITS:
        hold = registry.parameters[learner.roles["max_hold"]]
        return int(hold.max or 1), f"the max of {hold.name!r}"
    sized = learner.kind is LearnerKind.POSITION_SIZE
    horizon = learner.horizon or ("close" if sized else market.primary_horizon)
    if horizon == "close":
        return market.close_after, "[market] close_after"
    return int(horizon[:-1]) if horizon.endswith("d") else 1, f"the horizon {horizon!r}"


def _of_exits(learner: Learner, registry: Registry) -> Iterator[str]:
    if registry.market.bars != "1d":
        yield f"exits are learned on daily bars; [market] bars is {registry.market.bars!r}"
    for role in ("take_profit", "stop_loss"):
        yield from _positive(registry.parameters[learner.roles[role]])
    stop = registry.parameters[learner.roles["stop_loss"]]
    if stop.unit in SCALED and stop.max is not None and stop.fraction(stop.max) >= 1:
        yield f"{stop.name!r} reaches {stop.max:g}: no price falls by all it has; lower its max below 100 %"
    hold = registry.parameters[learner.roles["max_hold"]]
    if hold.type is not ParameterType.INTEGER or hold.unit not in HELD or (hold.min or 0) < 1:
        yield f"{hold.name!r} counts sessions: it needs type = 'integer', unit = 'sessions' and a min of at least 1"


def _positive(parameter: Parameter) -> Iterator[str]:
    if parameter.unit not in SCALED or (parameter.min or 0) <= 0:
        yield f"{parameter.name!r} needs the unit fraction or percent, and a min above 0"


def _of_position_size(learner: Learner, registry: Registry) -> Iterator[str]:
    yield from _positive(registry.parameters[learner.roles["cap"]])


_OF_KIND = {
    LearnerKind.EXITS: _of_exits,
    LearnerKind.POSITION_SIZE: _of_position_size,
}
