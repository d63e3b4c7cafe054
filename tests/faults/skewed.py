"""``python -m tests.faults.skewed FILE NAME``: the worker NAME, with a clock that is wrong by the seconds in FILE."""

import sys
import time
from pathlib import Path

FILE = Path(sys.argv[1])
ABOUT = {"time": 1, "time_ns": 10**9}


def wrong(right, one_second):
    return lambda: right() + int(FILE.read_text()) * one_second


for name, one_second in ABOUT.items():
    setattr(time, name, wrong(getattr(time, name), one_second))
del sys.argv[1]

if __name__ == "__main__":
    from workers.__main__ import main

    sys.exit(main())
