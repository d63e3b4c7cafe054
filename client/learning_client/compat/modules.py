"""The old module's name, with the new calls behind it."""

import sys
from importlib import import_module
from types import ModuleType

from learning_client.compat.learner import Learner
from learning_client.errors import Misuse

CALLS = (
    "get_parameter",
    "get_parameters_snapshot",
    "get_registry",
    "get_outcome_tracker",
    "record_alert_with_params",
    "update_alert_outcome",
    "run_optimization_cycle",
    "run_health_check",
    "get_health_summary",
    "get_learning_status",
    "create_experiment",
    "get_experiment_status",
)


class OldName(ModuleType):
    """A module that ``install`` has made."""


def install(name: str, learner: Learner) -> ModuleType:
    """From now on ``import name`` finds the calls of ``learner``; packages above it are made where they do not exist.

    To be called at start, before anything imports the old learner. Packages that exist are imported, and stay what
    they are. Called again it puts another learner under the name.

    Raises:
        Misuse: the old learner is imported already, and who imported it would keep it; or ``name`` is no module's.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        raise Misuse(f"{name!r} is no name of a module such as 'src.learning.parameter_learning'")
    before = sys.modules.get(name)
    if before is not None and not isinstance(before, OldName):
        raise Misuse(f"{name} is imported already: call install before whatever imports it")
    module = OldName(name, "The calls of the old learner, over learning_client.")
    for call in CALLS:
        setattr(module, call, getattr(learner, call))
    sys.modules[name] = module
    try:
        _bind(module, name)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _bind(module: ModuleType, name: str) -> None:
    """Make ``module`` an attribute of the package above it, and so on up."""
    above, _, leaf = name.rpartition(".")
    if not above:
        return
    package = _package(above)
    setattr(package, leaf, module)


def _package(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
    package = ModuleType(name, "Made for the calls of an old learner.")
    package.__path__ = []
    sys.modules[name] = package
    _bind(package, name)
    return package
