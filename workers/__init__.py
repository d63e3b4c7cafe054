"""Who does it, event by event: one file a worker, one runtime for all, the command line."""

import os

from schemas.one_thread import one_thread

one_thread(os.environ)
