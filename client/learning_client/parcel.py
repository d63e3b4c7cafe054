"""An event on its way."""

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from learning_client.segment import Segment

PRICE = "price.observed"


class Parcel(Struct, frozen=True, gc=False):
    """One event, ready to be sent. Without ``gc``, as what is told: thousands are kept.

    Attributes:
        order: when it was told, among all that this process told; -1 where it comes from a spool.
        again: whether the broker had it already and may have lost it.
        segment: where it waited, if it comes from a spool.
    """

    order: int
    kind: str
    body: bytes
    again: bool = False
    segment: "Segment | None" = None
