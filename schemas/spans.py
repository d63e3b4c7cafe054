"""Horizons and the lengths of bars, as time."""

SECOND = 1_000_000
DAY = 86_400 * SECOND
_LENGTHS = {"s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND}


def span_of(text: str) -> int | None:
    """The length of ``4h``, ``30m`` or ``10s`` in microseconds; None for ``close``, and for ``5d``: days are sessions.

    >>> span_of("4h")
    14400000000
    """
    length = _LENGTHS.get(text[-1])
    return int(text[:-1]) * length if length is not None and text[:-1].isdigit() else None


def sessions_of(text: str) -> int:
    """How many sessions ``5d`` is."""
    return int(text.removesuffix("d"))
