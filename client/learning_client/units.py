"""What the calling program's numbers are in, and what they are on the wire."""

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import Any

from msgspec import Struct

from learning_client.errors import Misuse
from learning_client.plain import plain

SCALES: Mapping[str, int] = {"0-1": 0, "0-100": 2}
FRACTIONS: Mapping[str, int] = {"fraction": 0, "percent": 2, "bps": 4}
"""How many places to the right of the wire's the decimal point stands."""

KINDS: Mapping[str, Mapping[str, int]] = {
    "scores": SCALES,
    "confidences": SCALES,
    "returns": FRACTIONS,
    "changes": FRACTIONS,
    "sizes": FRACTIONS,
    "fractions": FRACTIONS,
}

FIELDS: Mapping[str, tuple[str, ...]] = {
    "scores": ("score", "catalyst_score", "component_scores", "score_min", "score_max", "score_mean"),
    "confidences": ("confidence", "conviction", "regime_confidence"),
    "returns": ("return_", "gross", "net", "mfe", "mae", "benchmark_return", "returns"),
    "changes": ("spy_change", "qqq_change"),
    "sizes": ("size",),
    "fractions": (
        "atr_fraction",
        "short_interest_fraction",
        "borrow_fee_fraction",
        "utilisation_fraction",
        "iv_percentile",
    ),
}
"""Which fields each kind is about, whatever event they are in."""


class Units(Struct, frozen=True, kw_only=True):
    """In what a program says its numbers; it says them as it has them, and on the wire they are what the wire has.

    Converted is what was written, not its nearest binary number: 1.1 % is 0.011 and 57 points are 0.57, to the last
    bit. Fields of no kind, and ``features``, go as they are. ::

        publisher = EventPublisher(url, source="scanner", units=Units(scores="0-100", returns="percent"))
        alert = publisher.alert(symbol="AAPL", score=73)
        publisher.outcome(alert_id=alert, horizon="5d", return_=2.1)

    Attributes:
        scores: ``0-1`` or ``0-100``: of an alert and a decision, ``catalyst_score``, ``component_scores``, and
            ``score_min``, ``score_max``, ``score_mean`` and ``score_variance`` of a discovery.
        confidences: ``0-1`` or ``0-100``: ``confidence``, ``conviction``, ``regime_confidence``.
        returns: ``fraction``, ``percent`` or ``bps``: ``return_``, ``gross``, ``net``, ``mfe``, ``mae``,
            ``benchmark_return``, ``returns``, and the ``fees`` of an outcome.
        changes: those three for ``spy_change`` and ``qqq_change`` of a market.
        sizes: those three for the ``size`` of a decision.
        fractions: those three for what is named ``_fraction``, and ``iv_percentile``.

    Raises:
        Misuse: a unit that there is not.
    """

    scores: str = "0-1"
    confidences: str = "0-1"
    returns: str = "fraction"
    changes: str = "fraction"
    sizes: str = "fraction"
    fractions: str = "fraction"

    def __post_init__(self) -> None:
        for kind, known in KINDS.items():
            if (unit := getattr(self, kind)) not in list(known):
                raise Misuse(f"{kind}={unit!r} is no unit of {kind}: write {' or '.join(map(repr, known))}")

    @property
    def highest_score(self) -> float:
        """What a score is at the most."""
        return 10.0 ** SCALES[self.scores]


AS_ON_THE_WIRE = Units()


class Conversion:
    """From ``units`` to the wire's."""

    def __init__(self, units: Units) -> None:
        places = {kind: known[getattr(units, kind)] for kind, known in KINDS.items()}
        self._places = {name: places[kind] for kind, names in FIELDS.items() for name in names if places[kind]}
        if places["scores"]:
            self._places["score_variance"] = 2 * places["scores"]
        self._of_outcomes = {"fees": places["returns"]} if places["returns"] else {}

    def convert(self, kind: str, data: dict[str, Any]) -> None:
        """Put the wire's numbers in the place of the caller's in ``data`` of an event; what is no number stays."""
        if self._places:
            known = {**self._places, **self._of_outcomes} if kind == "outcome.observed" else self._places
            for name in known.keys() & data.keys():
                data[name] = _shifted(data[name], known[name])
            if isinstance(market := data.get("market"), Mapping):
                data["market"] = {
                    name: _shifted(value, self._places[name]) if name in self._places else value
                    for name, value in market.items()
                }


def _shifted(value: Any, places: int) -> Any:
    if isinstance(value, Mapping):
        return {name: _shifted(each, places) for name, each in value.items()}
    meant = plain(value)
    if isinstance(meant, bool) or not isinstance(meant, (int, float, Decimal)):
        return value
    number = float(meant)
    return float(Decimal(repr(number)).scaleb(-places)) if isfinite(number) else number
