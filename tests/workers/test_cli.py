import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from schemas.groups import GROUPS
from workers.__main__ import WORKERS
from workers.cli import OWN, app

ROOT = Path(__file__).parents[2]
SLOW = ("pandas", "alembic", "scipy.special", "scipy.stats", "scipy.optimize")


def imported(code):
    """Which of the slow packages are there after ``code``."""
    shown = f"import sys\n{code}\nprint(*[name for name in {SLOW} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", shown], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", [*OWN, "simulate"])
def test_every_command_is_there_under_its_name_and_says_what_it_does(name):
    command = typer.main.get_command(app).commands[name]
    assert name == command.name
    assert command.help


def test_all_commands_are_shown_and_a_misspelt_one_is_answered_with_the_nearest():
    shown = CliRunner().invoke(app, []).output
    assert [] == [name for name in OWN if f" {name} " not in shown]
    assert "'explain'" in CliRunner().invoke(app, ["explian"]).output


def test_help_of_health_imports_nothing_that_only_other_commands_need():
    code = "from workers.cli import app\ntry:\n    app(['health', '--help'])\nexcept SystemExit:\n    pass"
    assert "" == imported(code).splitlines()[-1]


@pytest.mark.parametrize("name", ["attribution", "thompson", "patterns"])
def test_a_worker_imports_nothing_that_only_others_need(name):
    code = f"import workers.__main__, workers.{name}; from schemas.calendar import Calendar; Calendar.named('XNYS')"
    imported(code)  # keeps the sessions, where none are kept yet
    assert "\n" == imported(code)


def test_every_worker_has_its_group():
    assert {*WORKERS, "health"} == set(GROUPS)


def test_every_package_of_ours_is_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = ("schemas", "events", "store", "learning", "workers", "scheduler", "simulation")
    found = {
        ".".join(file.parent.relative_to(ROOT).parts) for room in rooms for file in (ROOT / room).rglob("__init__.py")
    }
    assert found == set(project["tool"]["setuptools"]["packages"])
