"""What is installed beside a bot: for which versions of Python, with which packages, and out of which files.

That the standard library of each version has what the client asks of it is looked at by mypy, in ``make check``;
``make pythons`` runs it on all that are there.
"""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "client"
PACKAGE = CLIENT / "learning_client"
PROJECT = tomllib.loads((CLIENT / "pyproject.toml").read_text(encoding="utf-8"))

VERSIONS = [(3, minor) for minor in range(10, 14)]


def imports(file):
    """The names of the modules that a file imports, but for those that only a type checker reads."""
    read = ast.parse(file.read_text(encoding="utf-8"))
    runs = [one for one in read.body if not (isinstance(one, ast.If) and "TYPE_CHECKING" == ast.unparse(one.test))]
    for node in (inner for one in runs for inner in ast.walk(one)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_every_file_is_in_the_syntax_of_the_oldest_python(file):
    ast.parse(file.read_text(encoding="utf-8"), str(file), feature_version=VERSIONS[0])


def test_it_says_which_versions_of_python_it_is_for():
    assert ">=3.10" == PROJECT["project"]["requires-python"]
    said = {word.rpartition(" ")[2] for word in PROJECT["project"]["classifiers"] if "Python ::" in word}
    assert {f"{major}.{minor}" for major, minor in VERSIONS} == said


def test_it_needs_redis_and_msgspec_and_nothing_else():
    needed = {line.partition(">=")[0] for line in PROJECT["project"]["dependencies"]}
    assert {"redis", "msgspec"} == needed
    imported = {name.partition(".")[0] for file in PACKAGE.rglob("*.py") for name in imports(file)}
    assert {"redis", "msgspec"} == imported - {"learning_client", "openfeature", *sys.stdlib_module_names}


def test_every_folder_of_it_is_installed():
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    assert {*PROJECT["tool"]["setuptools"]["packages"]} == {".".join(one.relative_to(CLIENT).parts) for one in folders}


def test_it_runs_alone(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-P", str(Path(__file__).with_name("alone.py")), str(CLIENT / "README.md")],
        cwd=tmp_path,
        env={"PYTHONPATH": str(CLIENT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == ran.returncode, ran.stderr
