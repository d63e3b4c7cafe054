"""First in, first out: how the fills of one book become round trips, and lots that are still open."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Context, Decimal

DUST = 1e-12
"""What differs by no more than this fraction of the larger fill is equal: the noise of some thousand added floats."""

_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. ``quantity`` is above 0 where it bought and below 0 where it sold.

    ``price`` is currency, ``multiplier`` the currency that one unit of price is worth a piece, ``fees`` currency for
    the whole fill, None where nobody told them. ``time`` is in microseconds, ``rank`` the broker's order among fills
    of one time. ``decision`` is carried along: whom what the fill opens belongs to.
    """

    id: str
    time: int
    quantity: float
    price: float
    fees: float | None = None
    multiplier: float = 1.0
    rank: int | None = None
    decision: str | None = None

    @property
    def order(self) -> tuple[int, bool, int, str]:
        """Sorts the fills of a book: by time, then by rank and those without one last, then by id."""
        return (self.time, self.rank is None, self.rank or 0, self.id)

    def fees_of(self, quantity: float) -> float | None:
        """The share in the fees that a part of the fill bears."""
        return None if self.fees is None else self.fees * abs(quantity / self.quantity)


@dataclass(frozen=True, slots=True)
class Lot:
    """What is still open of a fill: ``quantity`` above 0 is long, below 0 short.

    ``place`` orders the lots of a position: 0 opened it, each further lot is one more. A fill that crosses
    through zero closes the position and goes on counting, so a lot at 0 was opened when nothing was held.
    """

    fill: Fill
    place: int
    quantity: float

    @property
    def cost(self) -> float:
        """What it took to open it, in currency; below 0 for what a short sale brought in."""
        return self.quantity * self.fill.price * self.fill.multiplier

    @property
    def fees(self) -> float | None:
        """Its share in the fees of its fill."""
        return self.fill.fees_of(self.quantity)


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A lot, or a part of it, from its fill to the fill that closed it. ``quantity`` has the sign of the position.

    Amounts are currency, at the multiplier of the fill that opened; ``place`` is that of the lot.
    """

    entry: Fill
    exit: Fill
    place: int
    quantity: float

    @property
    def gross(self) -> float:
        """What it earned before fees."""
        return self.quantity * (self.exit.price - self.entry.price) * self.entry.multiplier

    @property
    def fees(self) -> float | None:
        """The shares in the fees of both fills; None where one of them is not known."""
        entry, exit_ = self.entry.fees_of(self.quantity), self.exit.fees_of(self.quantity)
        return None if entry is None or exit_ is None else entry + exit_

    @property
    def net(self) -> float | None:
        """What it earned after fees; None where these are not known."""
        return None if self.fees is None else self.gross - self.fees


@dataclass(frozen=True, slots=True)
class Matched:
    """What fills made of a book: ``lots`` stand where ``reached``, of the lots handed in, stood before."""

    trips: tuple[RoundTrip, ...]
    reached: tuple[Lot, ...]
    lots: tuple[Lot, ...]


def match(fills: Iterable[Fill], *, lots: Iterable[Lot] = (), place: int = 0) -> Matched:
    """Let fills close the oldest lots first, and open lots with what is left of them.

    Fills are taken in their ``order``; none may come before one that made ``lots``. ``lots`` are those open before,
    oldest first, and ``place`` is that of the next one (0 where nothing is open): going on from there gives the
    same bits as all fills at once. Lots are read only as far as fills reach, so they may be read as they are asked for.

    Quantities are added as the decimals that they are written as and then rounded to the nearest float: 0.1 and
    0.2 are closed by 0.3, and by the 0.30000000000000004 of one who added floats (``DUST``). A fill of 0 changes
    nothing.

    >>> day = match([Fill("a", 1, 10, 5.0, fees=1.0), Fill("b", 2, -15, 6.0, fees=3.0)])
    >>> [(trip.quantity, trip.gross, trip.fees) for trip in day.trips]
    [(10, 10.0, 3.0)]
    >>> [(lot.quantity, lot.cost, lot.fees) for lot in day.lots]
    [(-5.0, -30.0, 1.0)]
    """
    queue = _Queue(lots, place)
    for fill in sorted(fills, key=lambda fill: fill.order):
        queue.take(fill)
    return Matched(tuple(queue.trips), tuple(queue.reached), tuple(queue.open))


class _Queue:
    """The lots of a book, oldest first, while fills go through it."""

    def __init__(self, lots: Iterable[Lot], place: int) -> None:
        self.open: deque[Lot] = deque()
        self.trips: list[RoundTrip] = []
        self.reached: list[Lot] = []
        self._before = iter(lots)
        self._place = place
        self._reach()

    def take(self, fill: Fill) -> None:
        left = fill.quantity
        while left and self.open and (self.open[0].quantity > 0) != (left > 0):
            left = self._close(self.open.popleft(), fill, left)
        if left:
            self.open.append(Lot(fill, self._place, left))
            self._place += 1

    def _close(self, lot: Lot, fill: Fill, left: float) -> float:
        """Close ``lot`` with the ``left`` of ``fill``, and say what is then left of it."""
        rest = _sum(lot.quantity, left)
        if abs(rest) <= DUST * max(abs(lot.fill.quantity), abs(fill.quantity)):
            rest = 0.0
        closed = lot.quantity if abs(lot.quantity) <= abs(left) else -left
        self.trips.append(RoundTrip(lot.fill, fill, lot.place, closed))
        if rest and (rest > 0) == (lot.quantity > 0):
            self.open.appendleft(replace(lot, quantity=rest))
            return 0.0
        self._reach()
        if not rest and not self.open:
            self._place = 0
        return rest

    def _reach(self) -> None:
        """The next lot of those that were open before, ahead of all that were opened since."""
        lot = next(self._before, None)
        if lot is not None:
            self.reached.append(lot)
            self.open.appendleft(lot)


def _sum(left: float, right: float) -> float:
    return float(_EXACT.add(Decimal(repr(left)), Decimal(repr(right))))
