"""``learning suggestions``: what was proposed, what the gate made of it, and why nothing was."""

import pytest

from tests.workers.suggestion.field import FILE, Field, parameter, registry
from workers.commands.suggestions import suggestions


@pytest.fixture
def field(store, tmp_path, monkeypatch):
    (tmp_path / "test.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEARNING_REGISTRIES", "test.toml")
    monkeypatch.setenv("LEARNING_STORE_URL", store.place)
    rules = registry(parameter("x", 0.3, step=0.01), rules={"dwell": 1})
    return Field(store, rules, lambda values: -0.5 * (values["x"] - 0.45) ** 2)


def shown(capsys, **options):
    capsys.readouterr()
    suggestions(**{"strategy": None, "limit": 10} | options)
    return capsys.readouterr().out


def test_before_the_first_look_it_says_what_is_missing(field, capsys):
    assert "it has not looked yet" in shown(capsys)


def test_what_was_proposed_is_shown_with_what_the_gate_made_of_it(field, capsys):
    field.live(1)
    said = shown(capsys)
    assert "3 first arms, spread over what may be changed within a day" in said
    assert "deployed: in force" in said
    assert "0.0 effective units of other arms than the baseline; no model yet" in said


def test_what_is_believed_of_each_arm_is_shown_after_the_newest_look(field, capsys):
    field.live(8)
    said = shown(capsys)
    row, found = field.suggestions()[-1]
    assert f"t.1-1 after {row.session}, version {row.version}, regime all" in said
    assert "length scales in parts of each range: x" in said
    for known in found.known:
        assert f"{known.gain:+.6f} ± {known.deviation:.6f}" in said
        assert f"{known.difference:+.6f} ± {known.error:.6f}" in said


def test_as_many_looks_as_are_asked_for(field, capsys):
    field.live(8)
    assert "3 first arms" in shown(capsys)
    assert "3 first arms" not in shown(capsys, limit=1)
