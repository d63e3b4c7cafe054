"""What a command that runs in the process of the tests leaves as it was."""

import signal
from contextlib import contextmanager


@contextmanager
def signals_kept():
    """Within this block handlers of signals may be set; after it they are those of before."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
