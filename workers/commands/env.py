"""``learning env``: what another shell needs to work with what runs here."""

import shlex
import sys
from pathlib import Path

from workers.commands.console import installation
from workers.installation import Installation

JOB_SETTINGS = "scheduler.rq_settings"
"""What ``RQ_CONFIG`` names."""


def exports(place: Installation) -> dict[str, str]:
    """The variables that every process of the engine is started with."""
    return {
        "RQ_REDIS_URL": place.settings.redis_url,
        "RQ_CONFIG": JOB_SETTINGS,
        "LEARNING_STORE_URL": place.settings.store_url,
        "LEARNING_MODE": place.settings.mode.value,
        "LEARNING_PREFIX": place.settings.prefix,
        "LEARNING_REGISTRIES": ",".join(place.settings.registries),
    }


def env() -> None:
    """Print the export lines for another shell: eval "$(learning env)"."""
    with installation() as place:
        _ = place.broker
        for name, value in exports(place).items():
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
        sys.stdout.write(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n')
