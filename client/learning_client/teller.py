"""What a trading process has to tell, each kind by a call of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from learning_client.checks import check_applied, check_outcome, check_session
from learning_client.moments import Moment
from learning_client.snapshot import Snapshot
from learning_client.telling import Telling, tells

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from learning_client.fields import (
        AlertFields,
        DecisionFields,
        DiscoveryFields,
        FillFields,
        OutcomeFields,
        PriceFields,
        ThesisFields,
    )

ALERTED = ("features", "component_scores", "risk_flags", "assignments")
DECIDED = ("component_scores", "weights", "market", "assignments")
FOLLOWED = ("returns",)
DISCOVERED = ("counts_by_tag", "counts_by_stage")
FORMED = ("market",)
"""What a caller may change afterwards."""


class Teller(Telling):
    """What can be told, and what is checked of it at once: as much as costs nearly nothing.

    Each call returns the event's id, which is also the ``alert_id`` (``decision_id``, …) where none was given, or None
    when nothing will be sent. None of them raises.
    """

    @tells("alert.raised", named="alert_id", words=("symbol",), score="score", owned=ALERTED)
    def alert(
        self,
        *,
        symbol: str,
        score: float,
        alert_id: str | None = None,
        features: Mapping[str, float] | None = None,
        snapshot: Snapshot | None = None,
        time: Moment | None = None,
        **more: Unpack[AlertFields],
    ) -> str | None:
        """A candidate that the scanner found, bought or not; ``score`` and ``confidence`` are 0 to 1, or in units."""

    @tells("decision.made", named="decision_id", words=("symbol", "action"), owned=DECIDED)
    def decision(
        self,
        *,
        symbol: str,
        action: str,
        decision_id: str | None = None,
        snapshot: Snapshot | None = None,
        time: Moment | None = None,
        **more: Unpack[DecisionFields],
    ) -> str | None:
        """A decision: BUY, SELL, HOLD, IGNORE, TRIM or LIQUIDATE; ``size`` is a fraction of equity, or in units."""

    @tells("fill.reported", named="fill_id", words=("symbol", "side"), numbers=("quantity", "price"))
    def fill(
        self,
        *,
        symbol: str,
        side: str,
        quantity: float,
        price: float,
        fill_id: str | None = None,
        time: Moment | None = None,
        **more: Unpack[FillFields],
    ) -> str | None:
        """One execution: ``side`` buy or sell, ``quantity`` without sign, ``price`` before ``fees``."""

    @tells("outcome.observed", named="outcome_id", checked=check_outcome, owned=FOLLOWED)
    def outcome(
        self,
        *,
        decision_id: str | None = None,
        alert_id: str | None = None,
        position_id: str | None = None,
        horizon: str = "close",
        outcome_id: str | None = None,
        time: Moment | None = None,
        **more: Unpack[OutcomeFields],
    ) -> str | None:
        """What followed a decision, alert or position, one of them named; ``horizon`` is ``close``, ``1d``, ``4h``.

        A tracker that has no ids says ``symbol``, ``direction`` and ``entry_time``; whether and how far back the
        engine then looks for what it followed is for its registry to say.
        """

    @tells("price.observed", words=("symbol", "interval"), numbers=("open", "high", "low", "close"))
    def price(
        self,
        *,
        symbol: str,
        interval: str,
        open: float,  # noqa: A002 - the wire's word
        high: float,
        low: float,
        close: float,
        time: Moment | None = None,
        **more: Unpack[PriceFields],
    ) -> str | None:
        """One bar; ``time`` is its *end*, ``interval`` its length such as ``1m`` or ``1d``."""

    @tells("discovery.completed", named="run_id", numbers=("universe_size", "candidate_count"), owned=DISCOVERED)
    def discovery(
        self,
        *,
        universe_size: int,
        candidate_count: int,
        run_id: str | None = None,
        snapshot: Snapshot | None = None,
        time: Moment | None = None,
        **more: Unpack[DiscoveryFields],
    ) -> str | None:
        """One run of a scanner over its universe."""

    @tells("thesis.formed", named="thesis_id", words=("symbol", "recommendation"), owned=FORMED)
    def thesis(
        self,
        *,
        symbol: str,
        recommendation: str,
        thesis_id: str | None = None,
        time: Moment | None = None,
        **more: Unpack[ThesisFields],
    ) -> str | None:
        """Why a position is held: BUY_MORE, HOLD, TRIM, TRIM_25, TRIM_50, LIQUIDATE or RESEARCH."""

    @tells("session.closed", checked=check_session)
    def session_closed(self, *, session: str | date, time: Moment | None = None) -> str | None:
        """Nothing more of ``session`` (the exchange's date) will come from this source."""

    @tells("symbol.changed", words=("symbol",), checked=check_session)
    def symbol_changed(
        self,
        *,
        symbol: str,
        session: str | date,
        renamed_to: str | None = None,
        venue: str | None = None,
        time: Moment | None = None,
    ) -> str | None:
        """From ``session`` on ``symbol`` is another one; what it was goes on as ``renamed_to``, or ends."""

    @tells("params.applied", checked=check_applied, always=True)
    def params_applied(
        self,
        *,
        client: str,
        epoch: int,
        version: int,
        strategy: str,
        applied_at: Moment | None = None,
        refused: str | None = None,
    ) -> str | None:
        """A version was taken over, or refused. ``ParameterClient`` tells it, also where nothing is collected."""
