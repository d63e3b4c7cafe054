"""The end of a trading day, as one source tells it."""

from typing import ClassVar

from schemas.event import Event
from schemas.quantities import Session


class SessionClosed(Event, frozen=True, kw_only=True):
    """Nothing more of ``session`` will come from this envelope's source."""

    type: ClassVar[str] = "session.closed"

    session: Session
