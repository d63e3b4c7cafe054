"""What the tests share that kill parts, and what is said of them at the end."""

from itertools import count
from pathlib import Path

import pytest
import structlog
from rich.console import Console
from rich.table import Table

from schemas.registry import load_registry
from store.store import Store
from tests.faults.books import Inquiry, at_rest, in_order, keep_letters, now
from tests.faults.cradle import Cradle
from tests.faults.engine import Engine
from tests.faults.scene import Scene
from tests.faults.waiting import until

SESSIONS = 12
FOUND = pytest.StashKey()
"""What was done to the engine and what came of it: (scenario, kills, findings), in the order in which it was done."""


def pytest_collection_modifyitems(items):
    """What lies here bears the mark of its folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture(scope="session")
def shows(tmp_path_factory):
    """Scenes by their number of sessions, each with its registry and the books that it leads to."""
    made = {}

    def show(sessions=SESSIONS):
        if sessions not in made:
            made[sessions] = Show(Scene(sessions), tmp_path_factory.mktemp("show"))
        return made[sessions]

    return show


class Show:
    """A scene, its registry, and the books of a straight computation."""

    def __init__(self, scene, folder):
        self.scene = scene
        (folder / "registry.toml").write_text(scene.registry)
        self.registry = load_registry(folder / "registry.toml")
        store = Store.open(f"sqlite:///{folder}/learning.db", clock=now)
        store.migrate()
        with structlog.testing.capture_logs():
            self.books = in_order(store, self.registry, scene.portions)
        store.close()


@pytest.fixture(scope="session")
def cradle():
    """Where workers come from that are to die."""
    made = Cradle()
    yield made
    made.close()


@pytest.fixture
def engines(tmp_path, redis_url, broker, cradle):
    """Makes engines on a broker of the tests, each with streams and a store of its own."""
    numbers, made = count(), []

    def make(show, **more):
        at = {"broker": broker, "redis_url": redis_url, "cradle": cradle} | more
        number = next(numbers)
        made.append(Engine(tmp_path / f"engine{number}", prefix=f"e{number}:", scene=show.scene, **at))
        keep_letters(made[-1].store)
        return made[-1]

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def inquire(request):
    """Waits until an engine has come to rest, and makes sure that nothing is wrong with it."""

    def ask(scenario, engine, show, *, kills, lossy=False):
        until(lambda: at_rest(engine), "the engine to come to rest")
        if lossy:
            engine.until_announced()
        engine.stop()
        found = list(Inquiry(engine, show.books, registry=show.registry, lossy=lossy).findings())
        request.config.stash.setdefault(FOUND, []).append((scenario, kills, found))
        assert [] == found

    return ask


def pytest_terminal_summary(terminalreporter, config):
    """One row a scenario: how often it was run, how often something died, and what was wrong afterwards."""
    done = config.stash.get(FOUND, [])
    if not done:
        return
    table = Table("scenario", "runs", "kills", "found", title="after every run the books were compared")
    for scenario in dict.fromkeys(name for name, _, _ in done):
        rows = [(kills, found) for name, kills, found in done if name == scenario]
        wrong = [sentence for _, found in rows for sentence in found]
        table.add_row(scenario, str(len(rows)), str(sum(kills for kills, _ in rows)), "; ".join(wrong) or "nothing")
    table.add_row("all", str(len(done)), str(sum(kills for _, kills, _ in done)), "")
    console = Console(width=118)
    with console.capture() as shown:
        console.print(table)
    terminalreporter.write("\n" + shown.get())
