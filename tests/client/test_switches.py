"""What the trading side allows is decided by its environment, on the safe side where that is not clear."""

import pytest
from learning_client import Switches, switches_from


def said(switches):
    return (switches.integration, switches.collect, switches.apply)


def test_by_default_events_go_out_and_no_value_comes_in():
    assert (True, True, False) == said(switches_from({}))


@pytest.mark.parametrize(("word", "meaning"), [("1", True), ("On", True), ("true", True), ("0", False), ("no", False)])
def test_each_switch_has_its_variable(word, meaning):
    assert (meaning, True, False) == said(switches_from({"LEARNING_INTEGRATION_ENABLED": word}))
    assert (True, meaning, False) == said(switches_from({"LEARNING_DATA_COLLECTION": word}))
    assert (True, True, meaning) == said(switches_from({"LEARNING_APPLY_PARAMETERS": word}))


def test_a_word_that_is_neither_on_nor_off_is_off_and_said(caplog):
    assert (False, False, False) == said(
        switches_from(
            dict.fromkeys(
                ("LEARNING_INTEGRATION_ENABLED", "LEARNING_DATA_COLLECTION", "LEARNING_APPLY_PARAMETERS"), "ture"
            )
        )
    )
    assert 3 == caplog.text.count("'ture' is neither on nor off")


@pytest.mark.parametrize("name", ["integration", "collect", "apply"])
def test_a_text_turns_a_switch_as_it_does_in_the_environment(name, caplog):
    switches = Switches(apply=True)
    for text, meaning in (("on", True), ("0", False), ("True", True), ("off", False), ("yes", True), ("ofd", False)):
        setattr(switches, name, text)
        assert meaning is getattr(switches, name)
    assert f"{name}='ofd' is neither on nor off" in caplog.text
    assert (False, False, False) == said(Switches(integration="no", collect="false", apply="0"))
