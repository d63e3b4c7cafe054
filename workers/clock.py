"""The one place of the workers that reads the machine's clocks; everything else is handed them."""

import time


def wall_clock() -> int:
    """Now, in int64 microseconds since 1970 in UTC."""
    return time.time_ns() // 1_000


def steady_clock() -> int:
    """Microseconds that only go forward, whatever is done to the machine's clock: for durations in one process."""
    return time.monotonic_ns() // 1_000
