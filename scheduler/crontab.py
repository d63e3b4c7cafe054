"""What ``rq cron`` runs: it speaks UTC and forgets what it missed, so it only asks what is due."""

import os
from pathlib import Path

from rq import cron

from scheduler.jobs import due, tidy
from scheduler.pulse import start_pulse
from schemas.settings import settings_from

PREFIX = settings_from(os.environ, folder=Path.cwd()).prefix
QUEUE = f"{PREFIX}learning"

cron.register(due, queue_name=QUEUE, name=f"{PREFIX}due", cron="*/10 * * * *", job_timeout=1_800)
cron.register(tidy, queue_name=QUEUE, name=f"{PREFIX}tidy", cron="7-57/10 * * * *", job_timeout=1_800)

# RQ says only once a minute that cron lives; and its end would be seen after two.
start_pulse("cron")
