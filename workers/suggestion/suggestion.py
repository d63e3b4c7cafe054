"""What an allocation should try next, with what that stands on."""

from msgspec import Struct

from schemas.allocation import Value


class KnownArm(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An arm that was measured, and what is believed of it.

    ``difference`` to the baseline and ``error`` are as measured within sessions; ``gain`` and ``deviation`` are the
    posterior's, ``better`` is the probability that the gain is positive, ``contends`` that the arm is no worse
    than the best one known. What is not known is absent. ``fate`` is kept, dropped, or ended: with an
    earlier generation, or dropped before.
    """

    values: dict[str, Value]
    fate: str
    regime: str | None = None
    units: int = 0
    effective: float = 0.0
    sessions: int = 0
    difference: float | None = None
    error: float | None = None
    gain: float | None = None
    deviation: float | None = None
    better: float | None = None
    contends: float | None = None


class NewArm(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An arm to be tried: its believed gain over the baseline, and the expected improvement over the best arm known.

    Beliefs are absent where it is one of the first arms, spread over what may be changed.
    """

    values: dict[str, Value]
    gain: float | None = None
    deviation: float | None = None
    better: float | None = None
    improvement: float | None = None


class Suggestion(Struct, frozen=True, kw_only=True):
    """What is to be tried beside the baseline, and why.

    ``arms`` is the full list of values, or None where it stays as it is. ``effective`` counts effective units of other
    arms than the baseline. ``length_scales`` are by parameter, in parts of its range.
    """

    reason: str
    arms: list[dict[str, Value]] | None
    regime: str
    effective: float
    known: list[KnownArm]
    new: list[NewArm]
    length_scales: dict[str, float]
