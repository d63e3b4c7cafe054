"""Planted worlds, run through the real codec, store, learner and gate."""

import os

from schemas.one_thread import one_thread

one_thread(os.environ)
