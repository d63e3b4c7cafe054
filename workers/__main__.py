"""``python -m workers NAME`` runs one worker. What only that one needs is imported with it: others start faster."""
# ruff: noqa: PLC0415

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from events.connection import stored
from schemas.errors import EngineError
from schemas.groups import GROUPS
from store.store import Store
from workers.clock import steady_clock, wall_clock
from workers.installation import Installation
from workers.logs import configure_logs
from workers.processes.procfile import read_procfile
from workers.runtime import Runtime
from workers.worker import Worker

log = structlog.get_logger()


def worker(name: str, installation: Installation) -> Worker:
    """The worker called ``name``, ready for its first turn."""
    return WORKERS[name](installation)


def _attribution(installation: Installation) -> Worker:
    from workers.attribution import Attribution
    from workers.cycle_queue import CycleQueue

    queue = CycleQueue(installation.broker, prefix=installation.settings.prefix)
    registries = installation.registries
    return Attribution(
        installation.store,
        registries=registries,
        clock=wall_clock,
        on_settled=lambda strategy, session: queue.ask_after(registries[strategy], session),
    )


def _thompson(installation: Installation) -> Worker:
    from workers.lost_revisions import LostRevisions
    from workers.thompson import Thompson

    lost = LostRevisions(installation.store, strategies=installation.registries, clock=wall_clock)
    return Thompson(mend=lost.mend)


def _patterns(installation: Installation) -> Worker:
    from workers.patterns import Patterns

    return Patterns(installation.store, registries=installation.registries, clock=wall_clock)


def _bayesian(installation: Installation) -> Worker:
    from workers.bayesian import Bayesian

    return Bayesian(installation.store, registries=installation.registries)


def _deployment(installation: Installation) -> Worker:
    from workers.deployment import Deployment
    from workers.gate.snapshots import Snapshots

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


WORKERS: Mapping[str, Callable[[Installation], Worker]] = {
    "attribution": _attribution,
    "thompson": _thompson,
    "patterns": _patterns,
    "bayesian": _bayesian,
    "deployment": _deployment,
}


def run(name: str, installation: Installation) -> None:
    """Run the worker called ``name`` until a signal stops it.

    Raises:
        EngineError: it cannot start.
    """
    if name in WORKERS:
        started = worker(name, installation)
        settings = installation.settings
        Runtime(started, store=installation.store, settings=settings, clock=wall_clock, steady=steady_clock).run()
    else:
        _run_health(installation)


def _run_health(installation: Installation) -> None:
    """It looks at neither broker nor store before it runs: when these are away is when health is needed most."""
    from workers.health import Health

    settings = installation.settings
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
