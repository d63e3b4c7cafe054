"""``python -m workers NAME`` runs one worker."""

import gc
import os
import sys
from pathlib import Path

import structlog

from events.connection import stored
from schemas.errors import EngineError
from workers.attribution import Attribution
from workers.clock import wall_clock
from workers.cycle_queue import CycleQueue
from workers.deployment import Deployment
from workers.gate.snapshots import Snapshots
from workers.installation import Installation
from workers.logs import configure_logs
from workers.runtime import Runtime
from workers.thompson import Thompson
from workers.worker import Worker

log = structlog.get_logger()

NAMES = ("attribution", "thompson", "deployment")


def worker(name: str, installation: Installation) -> Worker:
    """The worker called ``name``, ready for its first turn."""
    if name == "attribution":
        queue = CycleQueue(installation.broker)
        return Attribution(
            installation.store, registries=installation.registries, clock=wall_clock, on_settled=queue.ask
        )
    if name == "thompson":
        return Thompson()
    snapshots = Snapshots(
        installation.store,
        strategies=installation.registries,
        at_broker=lambda key: stored(installation.broker, f"{installation.settings.prefix}{key}"),
        clock=wall_clock,
    )
    deployment = Deployment(registries=installation.registries, mode=installation.settings.mode, mend=snapshots.mend)
    with installation.store.begin() as work:
        deployment.open(work)
        work.commit()
    return deployment


def _calm_collector() -> None:
    """A turn makes many small values and no cycles: the usual thresholds would spend two fifths of it on looking."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def main() -> int:
    """Run the worker that the command line names until a signal stops it; the exit code."""
    if len(sys.argv) != 2 or sys.argv[1] not in NAMES:
        sys.stderr.write(f"usage: python -m workers {{{'|'.join(NAMES)}}}\n")
        return 2
    try:
        installation = Installation(os.environ, folder=Path.cwd())
        configure_logs(installation.settings)
        chosen = worker(sys.argv[1], installation)
        _calm_collector()
        Runtime(chosen, store=installation.store, settings=installation.settings, clock=wall_clock).run()
    except EngineError as error:
        log.error("worker.refused", worker=sys.argv[1], error=str(error))  # noqa: TRY400  the message is the story
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
