"""``learning env``: what another shell needs to work with what runs here."""

import shlex
import sys
from pathlib import Path

from workers.commands.console import installation
from workers.installation import Installation

JOB_SETTINGS = "scheduler.rq_settings"
"""What ``RQ_CONFIG`` names."""


def exports(place: Installation) -> dict[str, str]:
    """What a process must be told beside ``learning.toml``: where the broker is, what RQ and the Procfile read."""
    exported = {"RQ_REDIS_URL": place.settings.redis_url, "RQ_CONFIG": JOB_SETTINGS}
    return exported | ({"LEARNING_PREFIX": place.settings.prefix} if place.settings.prefix else {})


def env() -> None:
    """Print the export lines for another shell: eval "$(learning env)"."""
    with installation() as place:
        _ = place.broker
        for name, value in exports(place).items():
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
        sys.stdout.write(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n')
