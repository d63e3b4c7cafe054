"""What ``RQ_CONFIG`` names: where the jobs' Redis is. Importing it warms every job that is forked later."""

import gc
import os
from pathlib import Path

from scheduler.jobs import warm
from schemas.settings import settings_from

REDIS_URL = settings_from(os.environ, folder=Path.cwd()).redis_url

warm()

# What is here stays for good. Left to the collector, each forked job would touch and so copy all of its pages.
gc.collect()
gc.freeze()
