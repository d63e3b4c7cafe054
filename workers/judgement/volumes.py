"""How well alerts predicted the volume that followed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import fsum
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from sqlalchemy import Connection

from learning.agreement import nearness
from schemas.attributed import ExampleState
from schemas.calendar import Calendar
from store.judged import JudgedAlert
from store.prices import Bar, bars
from workers.join.rules import Rules
from workers.judgement.windows import Windows
from workers.judgement.words import AlertWords, Named

BEFORE = 30
"""The volume of so many bars before the entry is the measure."""

HOUR_US = 3_600_000_000
MONTH_US = 30 * 24 * HOUR_US
"""Alerts that were entered within so many microseconds are looked up together."""


class Mean(Struct, frozen=True, kw_only=True):
    """The mean of ``n`` accuracies, each 0 to 1, which count as ``n_eff``, by their average ``uniqueness``."""

    n: int
    mean: float
    n_eff: float
    uniqueness: float


class VolumeAccuracy(Struct, frozen=True, kw_only=True):
    """How near the predicted volumes came to the actual ones: what trading reported, and what bars say.

    ``predictions``: the alerts that predicted one. Those without ``computed`` are not matched yet, or lack the volume
    of a bar of the window or of one of the 30 bars before it.
    """

    predictions: int
    reported: Mean | None
    computed: Mean | None


class Prediction(NamedTuple):
    """A predicted multiple of the usual volume, and the window that it is about, in microseconds."""

    instrument: int
    venue: str
    expected: float
    entry_time: int
    exit_time: int


class Volumes:
    """Gathers the predictions of alerts and compares them with bars.

    ``reported`` is what trading said of them, each with what it is about, where that is known.
    """

    def __init__(self, connection: Connection, rules: Rules, reported: Sequence[tuple[float, Named | None]]) -> None:
        self._connection = connection
        self._rules = rules
        self._reported = reported
        self._predictions = 0
        self._open: list[Prediction] = []

    def take(self, alert: JudgedAlert, words: AlertWords) -> None:
        """Take an alert in; one that predicts no volume adds nothing."""
        if words.expected_relative_volume is None:
            return
        self._predictions += 1
        if alert.state == ExampleState.MATCHED.value and alert.entry_time is not None and alert.exit_time is not None:
            self._open.append(
                Prediction(
                    alert.instrument,
                    alert.venue,
                    words.expected_relative_volume,
                    alert.entry_time,
                    alert.exit_time,
                )
            )

    def result(self) -> VolumeAccuracy:
        """What is known of all of them."""
        return VolumeAccuracy(predictions=self._predictions, reported=self._as_reported(), computed=self._as_computed())

    def _as_reported(self) -> Mean | None:
        windows = Windows(self._rules, self._rules.market.primary_horizon)
        for _, about in self._reported:
            windows.told(about)
        return _mean([accuracy for accuracy, _ in self._reported], windows)

    def _as_computed(self) -> Mean | None:
        windows, found = Windows(self._rules, self._rules.market.primary_horizon), []
        for prediction, actual in self._actual():
            if actual is not None:
                times = {"entry_time": prediction.entry_time, "exit_time": prediction.exit_time}
                windows.add(prediction.instrument, prediction.venue, **times)
                found.append(nearness(prediction.expected, actual))
        return _mean(found, windows)

    def _actual(self) -> Iterator[tuple[Prediction, float | None]]:
        months: dict[int, list[Prediction]] = defaultdict(list)
        for prediction in self._open:
            months[prediction.entry_time // MONTH_US].append(prediction)
        for month in sorted(months):
            found = self._bars(months[month])
            for prediction in months[month]:
                yield (
                    prediction,
                    relative_volume(
                        found[prediction.instrument],
                        entry_time=prediction.entry_time,
                        exit_time=prediction.exit_time,
                    ),
                )

    def _bars(self, predictions: Sequence[Prediction]) -> Mapping[int, list[Bar]]:
        found: dict[int, list[Bar]] = defaultdict(list)
        rows = bars(
            self._connection,
            {prediction.instrument for prediction in predictions},
            interval=self._rules.market.bars,
            since=self._since(predictions),
            until=max(prediction.exit_time for prediction in predictions),
            precedence=self._rules.market.price_sources,
        )
        for row in rows:
            found[row.instrument].append(row)
        return found

    def _since(self, predictions: Sequence[Prediction]) -> int:
        """Early enough for 30 bars before each entry, by the calendar of its venue."""
        firsts: dict[str, int] = {}
        for prediction in predictions:
            earliest = firsts.get(prediction.venue, prediction.entry_time)
            firsts[prediction.venue] = min(prediction.entry_time, earliest)
        return min(self._before(entry_time, self._rules.calendar_of(venue)) for venue, entry_time in firsts.items())

    def _before(self, entry_time: int, calendar: Calendar) -> int:
        """Early enough for 30 bars before the entry, also where every second one is missing."""
        a_session = max(1, 6 * HOUR_US // (self._rules.interval or 6 * HOUR_US))
        back = 2 * -(-BEFORE // a_session) + 5
        entry = int(np.searchsorted(calendar.closes, entry_time))
        return int(calendar.opens[max(0, min(entry, len(calendar.opens) - 1) - back)])


def relative_volume(found: Sequence[Bar], *, entry_time: int, exit_time: int) -> float | None:
    """The mean volume of the bars of a window as a multiple of that of the 30 bars before it.

    ``found`` are bars of one instrument by their ends, among them all that end in the window. Volumes are compared in
    shares of one size: a factor that halves the prices before it doubles the volumes before it. None where there are
    fewer bars, where one of them lacks its volume, or where nothing was traded before.
    """
    ends = np.array([bar.time for bar in found], dtype=np.int64)
    first, last = (int(np.searchsorted(ends, moment, side="right")) for moment in (entry_time, exit_time))
    if first < BEFORE or last <= first:
        return None
    volumes = _in_one_size(found[first - BEFORE : last])
    if np.isnan(volumes).any():
        return None
    usual = fsum(volumes[:BEFORE]) / BEFORE
    if not usual > 0:
        return None
    return fsum(volumes[BEFORE:]) / (last - first) / usual


def _in_one_size(found: Sequence[Bar]) -> NDArray[np.float64]:
    """The volumes of bars in the shares of the first one; NaN where one is not known."""
    volumes = np.array([np.nan if bar.volume is None else bar.volume for bar in found])
    factors = np.array([1.0 if bar.factor is None else bar.factor for bar in found[1:]])
    sizes: NDArray[np.float64] = np.concatenate([[1.0], np.cumprod(factors)])
    return volumes * sizes


def _mean(known: Sequence[float], windows: Windows) -> Mean | None:
    worth = windows.worth()
    if worth is None:
        return None
    return Mean(n=worth.n, mean=fsum(known) / worth.n, n_eff=worth.n_eff, uniqueness=worth.uniqueness)
