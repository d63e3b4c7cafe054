"""``python -m workers NAME`` runs one worker."""

import os
import sys
from pathlib import Path

import structlog

from events.connection import stored
from schemas.errors import EngineError
from schemas.groups import GROUPS
from store.store import Store
from workers.attribution import Attribution
from workers.bayesian import Bayesian
from workers.clock import steady_clock, wall_clock
from workers.cycle_queue import CycleQueue
from workers.deployment import Deployment
from workers.gate.snapshots import Snapshots
from workers.health import Health
from workers.installation import Installation
from workers.logs import configure_logs
from workers.lost_revisions import LostRevisions
from workers.patterns import Patterns
from workers.processes.procfile import read_procfile
from workers.runtime import Runtime
from workers.thompson import Thompson
from workers.worker import Worker

log = structlog.get_logger()


def worker(name: str, installation: Installation) -> Worker:
    """The worker called ``name``, ready for its first turn."""
    if name == "attribution":
        queue = CycleQueue(installation.broker, prefix=installation.settings.prefix)
        registries = installation.registries
        return Attribution(
            installation.store,
            registries=registries,
            clock=wall_clock,
            on_settled=lambda strategy, session: queue.ask_after(registries[strategy], session),
        )
    if name == "thompson":
        lost = LostRevisions(installation.store, strategies=installation.registries, clock=wall_clock)
        return Thompson(mend=lost.mend)
    if name == "patterns":
        return Patterns(installation.store, registries=installation.registries, clock=wall_clock)
    if name == Bayesian.name:
        return Bayesian(installation.store, registries=installation.registries)
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


def run(name: str, installation: Installation) -> None:
    """Run the worker called ``name`` until a signal stops it.

    Raises:
        EngineError: it cannot start.
    """
    settings = installation.settings
    if name != Health.name:
        started = worker(name, installation)
        Runtime(started, store=installation.store, settings=settings, clock=wall_clock, steady=steady_clock).run()
        return
    # Neither looks at broker or store before it runs: when these are away is when health is needed most.
    store = Store.open(settings.store_url, clock=wall_clock)
    processes = read_procfile(installation.folder / "Procfile", prefix=settings.prefix)
    health = Health(store, settings=settings, processes=processes, clock=wall_clock, steady=steady_clock)
    runtime = Runtime(health, store=store, settings=settings, clock=wall_clock, steady=steady_clock)
    health.start()
    runtime.run()
    health.stop()
    store.close()


def main() -> int:
    """Run the worker that the command line names until a signal stops it; the exit code."""
    if len(sys.argv) != 2 or sys.argv[1] not in GROUPS:
        sys.stderr.write(f"usage: python -m workers {{{'|'.join(GROUPS)}}}\n")
        return 2
    try:
        installation = Installation(os.environ, folder=Path.cwd())
        configure_logs(installation.settings)
        run(sys.argv[1], installation)
    except EngineError as error:
        log.error("worker.refused", worker=sys.argv[1], error=str(error))  # noqa: TRY400  the message is the story
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
