from pathlib import Path

import pytest

from schemas.errors import InvalidSettings
from schemas.settings import LogFormat, Mode, Settings, settings_from, without_password


def settings(folder: Path, toml: str = "", **environ: str) -> Settings:
    if toml:
        (folder / "learning.toml").write_text(toml)
    return settings_from(environ, folder=folder)


def test_a_fresh_install_learns_and_publishes_nothing(tmp_path):
    fresh = settings(tmp_path)
    assert Mode.OBSERVE is fresh.mode
    assert ("", "sqlite:///var/learning.db", "") == (fresh.redis_url, fresh.store_url, fresh.prefix)
    assert (500, 15.0, 100) == (fresh.batch, fresh.claim_after_seconds, fresh.block_ms)
    assert ["parameters/scanner.toml"] == fresh.registries
    assert fresh.stages is None
    assert Path("var") == fresh.data_dir


def test_the_environment_stands_above_the_file(tmp_path):
    found = settings(tmp_path, 'batch = 7\nmode = "advise"\nlog = "json"', LEARNING_BATCH="9")
    assert (9, Mode.ADVISE, LogFormat.JSON) == (found.batch, found.mode, found.log)


def test_lists_come_from_an_array_or_from_words_between_commas(tmp_path):
    found = settings(tmp_path, 'registries = ["a.toml", "b.toml"]', LEARNING_STAGES="censor, shares,propose")
    assert ["a.toml", "b.toml"] == found.registries
    assert ["censor", "shares", "propose"] == found.stages


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("redis://a:1/0", {"RQ_REDIS_URL": "redis://a:1/0", "REDIS_URL": "redis://b:1/0"}),
        ("redis://b:1/0", {"RQ_REDIS_URL": "", "REDIS_URL": "redis://b:1/0"}),
        ("redis://c:1/0", {}),
    ],
)
def test_the_broker_is_the_one_that_rq_reads(tmp_path, url, environ):
    assert url == settings(tmp_path, 'redis_url = "redis://c:1/0"', **environ).redis_url


def test_a_second_name_for_the_broker_is_refused(tmp_path):
    with pytest.raises(InvalidSettings, match="LEARNING_REDIS_URL is not read; set RQ_REDIS_URL"):
        settings(tmp_path, LEARNING_REDIS_URL="redis://a:1/0")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("LEARNING_BACTH", "LEARNING_BATCH"),
        ("LEARNING_STORE", "LEARNING_STORE_URL"),
        ("LEARNING_APPLY_PARAMETER", "LEARNING_APPLY_PARAMETERS"),
    ],
)
def test_a_misspelt_variable_is_refused_by_name_with_the_right_one(tmp_path, wrong, right):
    with pytest.raises(InvalidSettings, match=f"environment variable {wrong}: .*did you mean '{right}'"):
        settings(tmp_path, **{wrong: "1"})


def test_a_misspelt_key_of_the_file_is_refused_by_name_with_the_right_one(tmp_path):
    with pytest.raises(InvalidSettings, match=r"learning\.toml: there is no setting 'prefx'; did you mean 'prefix'"):
        settings(tmp_path, 'prefx = "paper:"')


def test_a_file_that_is_not_toml_is_refused_with_the_line(tmp_path):
    with pytest.raises(InvalidSettings, match=r"learning\.toml is not TOML: .*line 2"):
        settings(tmp_path, "batch = 1\nmode = act")


def test_the_switches_of_the_trading_side_are_known_and_left_to_it(tmp_path):
    switches = ("LEARNING_DATA_COLLECTION", "LEARNING_APPLY_PARAMETERS", "LEARNING_INTEGRATION_ENABLED")
    assert Settings() == settings(tmp_path, **dict.fromkeys(switches, "on"))


def test_variables_of_others_are_none_of_our_business(tmp_path):
    assert Settings() == settings(tmp_path, PATH="/bin", E_LEARNING_X="1", RQ_CONFIG="x")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("LEARNING_BATCH", "many", "Expected `int`"),
        ("LEARNING_BATCH", "0", ">= 1"),
        ("LEARNING_BLOCK_MS", "60000", "<= 5000"),
        ("LEARNING_CLAIM_AFTER_SECONDS", "nan", "> 0.0"),
        ("LEARNING_MODE", "live", "write observe, advise, act"),
        ("LEARNING_PREFIX", "a b", "write such as paper:"),
        ("LEARNING_PREFIX", "paper:\n", "write such as paper:"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_name_and_the_right_form(tmp_path, name, value, reason):
    with pytest.raises(InvalidSettings) as refused:
        settings(tmp_path, **{name: value})
    assert str(refused.value).startswith(f"{name} = {value!r}: ")
    assert reason in str(refused.value)


def test_an_empty_list_of_registries_is_refused(tmp_path):
    with pytest.raises(InvalidSettings, match=r"LEARNING_REGISTRIES = \[\]: .*length >= 1"):
        settings(tmp_path, LEARNING_REGISTRIES="")


def test_a_wrong_value_in_the_file_is_refused_with_file_and_key(tmp_path):
    with pytest.raises(InvalidSettings, match=r"learning\.toml, heartbeat_seconds = 0"):
        settings(tmp_path, "heartbeat_seconds = 0")


@pytest.mark.parametrize(
    ("shown", "url"),
    [
        ("redis://:***@host:6379/0", "redis://:hush@host:6379/0"),
        ("redis://user:***@host/0", "redis://user:hu/s:h@@host/0"),
        ("redis://host/0?password=***&db=1", "redis://host/0?password=hush&db=1"),
        ("postgresql://u:***@h/d", "postgresql://u:hush@h/d"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("sqlite:///var/learning.db", "sqlite:///var/learning.db"),
    ],
)
def test_a_password_is_hidden_where_an_address_is_shown(shown, url):
    assert shown == without_password(url)


def test_no_password_appears_in_a_log_line_or_in_a_refusal(tmp_path):
    found = settings(tmp_path, REDIS_URL="redis://:hush@host:1/0", LEARNING_STORE_URL="postgresql://me:hush@host/db")
    assert "hush" in found.redis_url
    assert "hush" not in f"{found} {found!r} {found.__rich_repr__()} {found.redis_url_shown} {found.store_url_shown}"
    with pytest.raises(InvalidSettings) as refused:
        settings(tmp_path, REDIS_URL="http://:hush@host")
    assert "hush" not in str(refused.value)
    assert "redis://127.0.0.1:6379/0" in str(refused.value)
