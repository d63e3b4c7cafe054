"""An OpenFeature provider: parameters as flags, for teams that read theirs by that standard (extra ``openfeature``).

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from learning_client.openfeature import ParameterProvider

api.set_provider(ParameterProvider(params))
flags = api.get_client()
flags.get_float_value("threshold", 0.6, EvaluationContext(targeting_key=unit_of("AAPL", "2024-01-31")))
"""

# ruff: noqa: ARG002 - the standard hands over more than is needed here

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEventDetails
from openfeature.exception import FlagNotFoundError, TypeMismatchError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata

from learning_client.parameters import ParameterClient
from learning_client.snapshot import Snapshot
from learning_client.view import LAST_KNOWN_GOOD, LIVE, STALE

V = TypeVar("V")


class ParameterProvider(AbstractProvider):
    """Answers from the memory of ``params``; the targeting key of a context is the unit.

    The reason is SPLIT where the unit is assigned an arm that sets the flag, STATIC where it is not, STALE where the
    version is not known to be the newest, DISABLED where applying is switched off, DEFAULT where no version is known;
    with the last two the value is that of the defaults that ``params`` was made with. The variant is the version. A new
    version is told as PROVIDER_CONFIGURATION_CHANGED, a broker that is not heard as PROVIDER_STALE, one that is heard
    again as PROVIDER_READY.
    """

    def __init__(self, params: ParameterClient) -> None:
        super().__init__()
        self._params = params
        params.on_update(self._updated)
        params.on_standing(self._stood)

    def get_metadata(self) -> Metadata:
        """The name of the provider."""
        return Metadata(name="learning-client")

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Begin to follow the broker; there is a value at once, so nothing is waited for."""
        self._params.start()

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """No parameter is one: a choice of two words is asked for as a string."""
        raise TypeMismatchError(f"{flag_key!r} is {self._found(flag_key, evaluation_context)[1]!r}, no boolean")

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """A choice."""
        snapshot, value = self._found(flag_key, evaluation_context)
        if not isinstance(value, str):
            raise TypeMismatchError(f"{flag_key!r} is {value!r}, no string")
        return self._details(flag_key, snapshot, value)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """An integer; a number that is not whole is none."""
        snapshot, value = self._found(flag_key, evaluation_context)
        if not isinstance(value, (int, float)) or value != int(value):
            raise TypeMismatchError(f"{flag_key!r} is {value!r}, no integer")
        return self._details(flag_key, snapshot, int(value))

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """A number or an integer."""
        snapshot, value = self._found(flag_key, evaluation_context)
        if not isinstance(value, (int, float)):
            raise TypeMismatchError(f"{flag_key!r} is {value!r}, no number")
        return self._details(flag_key, snapshot, float(value))

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """A set, or the knots of a curve."""
        snapshot, value = self._found(flag_key, evaluation_context)
        if not isinstance(value, tuple):
            raise TypeMismatchError(f"{flag_key!r} is {value!r}, no set and no curve")
        return self._details(flag_key, snapshot, [list(one) if isinstance(one, tuple) else one for one in value])

    def _found(self, flag_key: str, context: EvaluationContext | None) -> tuple[Snapshot, Any]:
        snapshot = self._params.snapshot(context.targeting_key if context is not None else None)
        if flag_key not in snapshot.values:
            raise FlagNotFoundError(f"there is no parameter {flag_key!r} among the defaults of the client")
        return snapshot, snapshot[flag_key]

    def _details(self, flag_key: str, snapshot: Snapshot, value: V) -> FlagResolutionDetails[V]:
        known = {
            "version": snapshot.version,
            "checksum": snapshot.checksum,
            "unit": snapshot.unit,
            "allocation": next((name for name, arm in snapshot.assignments.items() if flag_key in arm), None),
        }
        told: dict[str, bool | int | float | str] = {name: word for name, word in known.items() if word is not None}
        return FlagResolutionDetails(
            value=value,
            reason=self._reason(flag_key, snapshot),
            variant=snapshot.version,
            flag_metadata={**told, "standing": snapshot.standing, "why": snapshot.reason},
        )

    def _reason(self, flag_key: str, snapshot: Snapshot) -> Reason:
        if snapshot.origin == "default":
            switches = self._params.switches
            return Reason.DEFAULT if switches.apply and switches.integration else Reason.DISABLED
        if snapshot.standing in (STALE, LAST_KNOWN_GOOD):
            return Reason.STALE
        return Reason.SPLIT if any(flag_key in arm for arm in snapshot.assignments.values()) else Reason.STATIC

    def _updated(self, old: Snapshot, new: Snapshot) -> None:
        changed = [name for name, value in new.would_be.items() if old.would_be.get(name) != value]
        self.emit_provider_configuration_changed(ProviderEventDetails(flags_changed=changed, message=new.reason))

    def _stood(self, before: str, after: str) -> None:
        if after == STALE:
            self.emit_provider_stale(ProviderEventDetails(message="the broker is not heard"))
        elif after == LIVE and before in (STALE, LAST_KNOWN_GOOD):
            self.emit_provider_ready(ProviderEventDetails(message="the broker is heard again"))
