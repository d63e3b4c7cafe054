"""One run: a broker, the engine's processes, a trading process, and bars handed to it session by session."""

import os
import secrets
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from redis import Redis
from rich.console import Console

from events.broker import EmbeddedBroker
from events.connection import connect
from examples.demo.bars import Bars, read_bars, sample_bars
from examples.demo.books import Books, values_in_force
from examples.demo.folder import clear, csv_line, write_history, write_registry
from examples.demo.follow import Follower
from examples.demo.judge import judge
from examples.demo.options import Options
from examples.demo.outcome import Outcome
from examples.demo.processes import ProcessDied, Processes
from examples.demo.progress import progress_bar
from examples.scanner import DEFAULTS, HISTORY, STRATEGY, Bar
from schemas.calendar import Calendar
from schemas.catalogue import EVENTS
from schemas.cycles import kinds_after
from schemas.errors import EngineError
from schemas.parameters import Registry
from schemas.registry import load_registry
from store.counts import counts
from store.store import Store
from store.versions import Versions
from workers.processes.procfile import read_procfile

ROOT = Path(__file__).parents[2]
REGISTRY = ROOT / "parameters" / "demo.toml"
PATIENCE_SECONDS = 60.0
COUNT_EVERY = 10
"""The progress bar asks the store for its counts every so many sessions."""


class NotEmpty(EngineError):
    """A store that holds versions of the demo's strategy already: a run must begin at its first one."""


def run(options: Options, *, console: Console) -> Outcome:
    """Live through all sessions, and gather what came of it.

    Raises:
        EngineError: bars or servers cannot be used, a process died, or something did not happen in its time.
    """
    began = time.monotonic()
    file = load_registry(REGISTRY)
    calendar = Calendar.named(file.market.calendar)
    whole = read_bars(options.bars, calendar) if options.bars else sample_bars(calendar)
    for gap in whole.gaps:
        console.print(gap, style="yellow", highlight=False)
    history, bars = whole.last(options.sessions, history=HISTORY)
    clear(options.out)
    write_history(options.out, history)
    registry = load_registry(write_registry(options.out, REGISTRY, seed=options.seed))
    with ExitStack() as stack:
        url = options.redis or stack.enter_context(_own_broker(options.out))
        prefix = f"demo-{secrets.token_hex(4)}:" if options.redis else ""
        broker = stack.enter_context(_connected(url, prefix))
        store = stack.enter_context(_empty_store(options.store_url))
        environment = _environment(options, url=url, prefix=prefix)
        processes = stack.enter_context(Processes(logs=options.out / "logs", folder=ROOT, environment=environment))
        follower = Follower(
            broker,
            store,
            prefix=prefix,
            strategy=STRATEGY,
            check=processes.check,
            patience=PATIENCE_SECONDS,
            optimised=any(trial.proposes is not None for trial in registry.trials),
        )
        scanner = _start(processes, options, prefix=prefix)
        _live(scanner, bars, registry, follower, store, check=processes.check, console=console)
        processes.finish("scanner", seconds=PATIENCE_SECONDS)
        events = {kind: int(broker.xlen(prefix + kind)) for kind in EVENTS}
        return _gather(options, registry, bars, follower, store, events=events, began=began)


def _start(processes: Processes, options: Options, *, prefix: str) -> IO[str]:
    """Start the engine and the trading process, and return what the bars are written to."""
    for name, command in read_procfile(ROOT / "Procfile", prefix=prefix).items():
        processes.start(name, command)
    module = "examples.demo.planted" if options.planted else "examples.scanner"
    places = {"--history": options.out / "history.csv", "--state": options.out / "scanner"}
    words = [word for option, place in places.items() for word in (option, str(place.resolve()))]
    return processes.start(
        "scanner",
        shlex.join([sys.executable, "-m", module, *words]),
        environment={"LEARNING_APPLY_PARAMETERS": "1"},
    )


def _live(
    scanner: IO[str],
    bars: Bars,
    registry: Registry,
    follower: Follower,
    store: Store,
    *,
    check: Callable[[], None],
    console: Console,
) -> None:
    """Hand one session's bars over after the other, each when all that the one before set off is done."""
    with progress_bar(console) as progress:
        task = progress.add_task("sessions", total=len(bars.sessions), alerts=0, examples=0, versions=0)
        follower.await_first_version()
        for done, (session, of_session) in enumerate(bars.by_session.items(), start=1):
            _hand_over(scanner, of_session, check=check)
            follower.await_session(session, kinds_after(registry, session))
            progress.update(task, advance=1, versions=len(follower.published))
            if done % COUNT_EVERY == 0 or done == len(bars.sessions):
                with store.read() as reading:
                    found = counts(reading, STRATEGY)
                progress.update(task, alerts=found.alerts, examples=found.examples.get("matched", 0))


def _hand_over(scanner: IO[str], bars: Sequence[Bar], *, check: Callable[[], None]) -> None:
    """Write one session's bars to the trading process, and the blank line that ends it."""
    try:
        scanner.write("".join(map(csv_line, bars)) + "\n")
        scanner.flush()
    except BrokenPipeError as error:
        check()
        raise ProcessDied("the scanner reads no more bars, though it has not ended") from error


def _gather(
    options: Options,
    registry: Registry,
    bars: Bars,
    follower: Follower,
    store: Store,
    *,
    events: Mapping[str, int],
    began: float,
) -> Outcome:
    with store.read() as reading:
        books = Books(reading, registry)
        versions, candidates = books.versions(), books.candidates()
        in_force = values_in_force(versions, bars.sessions)
        return Outcome(
            sessions=bars.sessions,
            events=events,
            examples=books.examples(),
            versions=versions,
            latencies={str(version): ms for version, ms in follower.latencies.items()},
            proposals=books.proposals(),
            moves=books.moves(),
            standings=books.standings(),
            said=books.said(),
            learned_alerts=books.alerts_after(str(versions[0].id)),
            judgement=judge(
                candidates,
                bars,
                in_force=in_force,
                defaults=DEFAULTS,
                traded=books.traded(),
                best=options.best,
                seed=options.seed,
            ),
            seconds=time.monotonic() - began,
            planted=options.best,
        )


def _environment(options: Options, *, url: str, prefix: str) -> dict[str, str]:
    """What every process of the run is told, in place of whatever the caller's environment says of the engine."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEARNING_")}
    return inherited | {
        "LEARNING_MODE": "act",
        "LEARNING_REGISTRIES": str((options.out / "registry.toml").resolve()),
        "LEARNING_STORE_URL": options.store_url,
        "LEARNING_PREFIX": prefix,
        "LEARNING_BATCH": str(options.batch),
        "RQ_REDIS_URL": url,
        "RQ_CONFIG": "scheduler.rq_settings",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def _own_broker(folder: Path) -> Iterator[str]:
    broker = EmbeddedBroker(folder)
    try:
        yield broker.start()
    finally:
        broker.stop()


@contextmanager
def _connected(url: str, prefix: str) -> Iterator[Redis]:
    """A connection; what the run left under its prefix on somebody's server is removed at the end."""
    with connect(url) as broker:
        try:
            yield broker
        finally:
            if prefix:
                for pattern in (f"{prefix}*", f"rq:*:{prefix}*"):
                    if keys := list(broker.scan_iter(match=pattern, count=1_000)):
                        broker.unlink(*keys)
                broker.srem("rq:queues", f"rq:queue:{prefix}learning")


@contextmanager
def _empty_store(url: str) -> Iterator[Store]:
    store = Store.open(url, clock=lambda: time.time_ns() // 1_000)
    try:
        store.migrate()
        with store.read() as reading:
            if Versions(reading).latest(STRATEGY) is not None:
                raise NotEmpty(f"{store.place} holds versions of strategy {STRATEGY!r} already; name an empty store")
        yield store
    finally:
        store.close()
