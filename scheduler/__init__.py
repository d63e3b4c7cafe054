"""When: crontab, and cycles as lists of stages. Cycles are RQ jobs."""

import os

from schemas.one_thread import one_thread

one_thread(os.environ)
