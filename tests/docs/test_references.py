"""What the pages name is there."""

import re
import tomllib

import pytest
import typer
from msgspec import structs

from schemas.catalogue import EVENTS
from schemas.settings import BROKER, TRADING, Settings
from tests.docs.pages import PAGES, ROOT, blocks, inline, rows, text
from workers.cli import app

MADE_BY_RUNNING = ("var/", ".venv/")
NOT_YET = "not there yet"

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def code(page):
    return [*inline(page), *blocks(page, "sh")]


def variables():
    return {f"LEARNING_{field.name.upper()}" for field in structs.fields(Settings)} - {"LEARNING_REDIS_URL"} | TRADING


@each_page
def test_every_command_exists(page):
    commands = typer.main.get_command(app).commands
    for first, second in re.findall(r"(?<![\w:-])learning ([a-z-]+)(?: ([a-z]+))?", "\n".join(code(page))):
        assert first in commands
        if second and hasattr(commands[first], "commands"):
            assert second in commands[first].commands


@each_page
def test_every_option_of_a_command_exists(page):
    commands = typer.main.get_command(app).commands
    for first, rest in re.findall(r"(?<![\w:-])learning ([a-z-]+)([^\n]*)", "\n".join(code(page))):
        named = getattr(commands[first], "commands", {}).get(rest.split()[0] if rest.split() else "", commands[first])
        known = {option for parameter in named.params for option in parameter.opts}
        assert set(re.findall(r"(?<= )--[a-z-]+", rest)) <= known | {"--burst"}


@each_page
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", text(page)):
        if "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), target


@each_page
def test_every_path_exists(page):
    for word in inline(page):
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)*(/|\.(py|toml|md|txt))", word) and "/" in word:
            assert word.startswith(MADE_BY_RUNNING) or (ROOT / word).exists(), word


@each_page
def test_every_make_target_exists(page):
    targets = re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE)
    for target in re.findall(r"^make ([a-z]+)", "\n".join(code(page)), re.MULTILINE):
        assert target in targets


@each_page
def test_every_environment_variable_is_known(page):
    assert set(re.findall(r"\bLEARNING_[A-Z_]+", text(page))) <= variables()


@each_page
def test_every_dotted_word_is_an_event_or_stands_in_the_code(page):
    dotted = {word for word in inline(page) if re.fullmatch(r"[a-z]+\.[a-z]+", word)}
    rooms = ("workers", "scheduler", "events", "client")
    sources = "".join(file.read_text(encoding="utf-8") for room in rooms for file in (ROOT / room).rglob("*.py"))
    assert [] == [word for word in sorted(dotted - EVENTS.keys()) if word not in sources and not (ROOT / word).exists()]


def names(requirements):
    return {re.match(r"[\w-]+", requirement)[0] for requirement in requirements}


def test_every_dependency_has_its_reason_and_nothing_else_has():
    project = tomllib.loads(text("pyproject.toml"))["project"]
    client = tomllib.loads(text("client/pyproject.toml"))["project"]
    extras = {
        (name, extra + whose)
        for whose, of in (("", project), (" (client)", client))
        for extra, packages in of["optional-dependencies"].items()
        for name in names(packages)
    }
    packages = rows("docs/dependencies.md", header="package")
    plain = [row[0].strip("`") for row in packages if len(row) == 2]
    assert sorted([*names(project["dependencies"]), *names(client["dependencies"])]) == sorted(plain)
    assert extras == {(row[0].strip("`"), row[1].replace("`", "")) for row in packages if len(row) == 3}
    assert all(row[-1] for row in packages)


def test_every_setting_stands_in_the_table_with_its_default():
    told = {row[0].strip("`"): row for row in rows("docs/deploying.md", header="in learning.toml")}
    assert set(told) == {field.name for field in structs.fields(Settings)}
    for name, (_, variable, default, _) in told.items():
        real = getattr(Settings(), name)
        shown = ",".join(real) if isinstance(real, list) else str(getattr(real, "value", real))
        if real and name != "redis_url":
            assert shown.removesuffix(".0") == default.strip("`"), name
        expected = BROKER if name == "redis_url" else (f"LEARNING_{name.upper()}",)
        assert expected == tuple(re.findall(r"`(\w+)`", variable))


def test_every_word_of_another_system_is_answered_with_a_file_or_with_not_there_yet():
    terms = rows("docs/terms.md", header="there")
    assert 30 < len(terms)
    for there, here, command, test in terms:
        assert there
        assert NOT_YET in here or "/" in here or "price.observed" in here, there
        assert NOT_YET in here or test, f"{there}: which test holds it?"
        assert not command or command.startswith("`learning ")
        assert not test or (ROOT / test.strip("`")).is_file()
