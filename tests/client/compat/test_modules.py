"""The old module's name: call sites import what they always imported."""

import importlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from learning_client import Misuse
from learning_client.compat import install
from learning_client.compat.modules import CALLS

from tests.client.compat.conftest import OLD_NAME

pytestmark = pytest.mark.filterwarnings("ignore:.*of the old learner:DeprecationWarning")


def package(folder, name, **files):
    (folder / name).mkdir(parents=True)
    for stem, text in {"__init__": "", **files}.items():
        (folder / name / f"{stem}.py").write_text(textwrap.dedent(text))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


def test_call_sites_run_unchanged(old, broker, publisher):
    site = {}
    exec(
        textwrap.dedent("""
        import src.learning.parameter_learning
        from src.learning import parameter_learning
        from src.learning.parameter_learning import get_parameter, record_alert_with_params, update_alert_outcome

        threshold = get_parameter("threshold")
        alert = record_alert_with_params(ticker="AAPL", score=71.0, score_breakdown={"theme": {"heat": 3.0}})
        done = update_alert_outcome(alert, {"1d": 3.2, "3d": 5.1, "5d": 2.8})
        same = src.learning.parameter_learning is parameter_learning
        """),
        site,
    )
    assert (0.6, True, True) == (site["threshold"], site["done"], site["same"])
    assert publisher.flush(10.0)
    assert 1 == broker.redis.xlen("alert.raised")
    assert 3 == broker.redis.xlen("outcome.observed")


def test_every_call_has_its_name_in_the_module(old):
    assert dict.fromkeys(CALLS, True) == {name: callable(getattr(old, name, None)) for name in CALLS}


def test_packages_that_exist_stay_and_the_old_file_is_not_run(learner, modules, folder):
    package(folder, "src", other="value = 5")
    package(folder, "src/learning", parameter_learning="raise RuntimeError('the old learner runs')")
    (folder / "src/learning/__init__.py").write_text("from .parameter_learning import get_parameter\n")
    module = install(OLD_NAME, learner)
    assert 5 == importlib.import_module("src.other").value
    assert module is importlib.import_module(OLD_NAME)
    assert 0.6 == importlib.import_module("src.learning").get_parameter("threshold")


def test_the_old_learner_that_is_imported_already_is_not_replaced_behind_its_users(learner, modules, folder):
    package(folder, "bot", learner="get_parameter = None")
    importlib.import_module("bot.learner")
    with pytest.raises(Misuse, match="imported already: call install before"):
        install("bot.learner", learner)
    assert importlib.import_module("bot.learner").get_parameter is None


def test_a_package_that_cannot_be_imported_says_why_and_nothing_is_left(learner, modules, folder):
    package(folder, "broken")
    (folder / "broken/__init__.py").write_text("import no_such_package_anywhere")
    with pytest.raises(ModuleNotFoundError, match="no_such_package_anywhere"):
        install("broken.learner", learner)
    assert "broken.learner" not in sys.modules


@pytest.mark.parametrize("name", ["", "src.", "src learning", "1.2"])
def test_what_is_no_name_is_refused(learner, name):
    with pytest.raises(Misuse, match="no name of a module"):
        install(name, learner)


def test_installing_again_puts_another_learner_there(old, learner):
    again = install(OLD_NAME, learner)
    assert again is importlib.import_module(OLD_NAME) is importlib.import_module("src.learning").parameter_learning


def test_nothing_is_written_and_leaving_does_not_hang(tmp_path):
    program = """
        from learning_client import EventPublisher, ParameterClient, compat

        url = "redis://127.0.0.1:1/0"
        events = EventPublisher(url, source="bot")
        params = ParameterClient(url, defaults={"weight.catalyst": 0.18}, publisher=events)
        params.start()
        status = compat.Published(url)
        status.start()
        compat.install("src.learning.parameter_learning", compat.Learner(events, params, status))
        from src.learning.parameter_learning import get_parameter, get_learning_status, record_alert_with_params
        record_alert_with_params("AAPL", 80, {"theme": {"heat": 1}})
        assert get_learning_status()["version"] is None
        print(get_parameter("weight.catalyst"))
    """
    client = str(Path(__file__).parents[3] / "client")
    ended = subprocess.run(
        [sys.executable, "-W", "default", "-c", textwrap.dedent(program)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": client},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (0, "0.18\n") == (ended.returncode, ended.stdout), ended.stderr
    assert 3 == ended.stderr.count("DeprecationWarning")
    assert [] == list(tmp_path.iterdir())
