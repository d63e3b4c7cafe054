"""Parameters as flags: values, reasons, variants and events as OpenFeature has them."""

import pytest
from learning_client import ParameterClient, Switches, unit_of
from learning_client.openfeature import ParameterProvider
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from tests.client.test_parameters import split

AAPL = EvaluationContext(targeting_key=unit_of("AAPL", "2024-01-31"))
DEFAULTS = {"threshold": 0.6, "hold": 10, "style": "calm", "avoid": ["X"], "curve": [[0.0, 0.1], [1.0, 0.9]]}


@pytest.fixture
def params(broker):
    client = ParameterClient(
        broker.url, defaults=DEFAULTS, bounds={"threshold": (0.4, 0.9)}, switches=Switches(apply=True), stale_after=0.5
    )
    yield client
    client.close(2.0)


@pytest.fixture
def flags(params):
    """A client of OpenFeature on our provider, as a program has one."""
    api.set_provider_and_wait(ParameterProvider(params), domain="bot")
    yield api.get_client(domain="bot")
    api.shutdown()


@pytest.fixture
def learned(broker, params, flags, version, eventually):
    """The same, when version 1-1 has come; one split sets the threshold."""
    broker.publish(version(1, threshold=0.7, allocations=[split(5_000, 5_000)], avoid=["A", "B"]))
    eventually(lambda: "1-1" == params.snapshot().version)
    return flags


def test_before_a_version_is_known_the_clients_defaults_hold_because_of_that(flags):
    details = flags.get_float_details("threshold", 0.1)
    assert (0.6, Reason.DEFAULT, None) == (details.value, details.reason, details.variant)
    assert "default" == details.flag_metadata["standing"]


def test_a_flag_that_no_split_sets_is_static_and_its_variant_is_the_version(learned, params):
    details = learned.get_integer_details("hold", 1, AAPL)
    assert (20, Reason.STATIC, "1-1") == (details.value, details.reason, details.variant)
    assert params.snapshot().checksum == details.flag_metadata["checksum"]
    assert "live" == details.flag_metadata["standing"]
    assert "allocation" not in details.flag_metadata


def test_a_unit_gets_the_value_of_its_arm_because_of_the_split(learned, params):
    details = learned.get_float_details("threshold", 0.1, AAPL)
    assert (params.value("threshold", AAPL.targeting_key), Reason.SPLIT) == (details.value, details.reason)
    assert ("explore.1-1", AAPL.targeting_key) == (details.flag_metadata["allocation"], details.flag_metadata["unit"])
    values = {
        learned.get_float_value("threshold", 0.1, EvaluationContext(targeting_key=f"S{place}/2024-01-31"))
        for place in range(50)
    }
    assert {0.5, 0.6} == values


def test_without_a_unit_the_baseline_holds(learned):
    details = learned.get_float_details("threshold", 0.1)
    assert (0.7, Reason.STATIC) == (details.value, details.reason)


def test_choices_sets_and_curves_have_their_types(learned):
    assert "calm" == learned.get_string_value("style", "wild")
    assert ["A", "B"] == learned.get_object_value("avoid", [])
    assert [[0.0, 0.1], [1.0, 0.9]] == learned.get_object_value("curve", [])


@pytest.mark.parametrize(
    ("ask", "default", "name"),
    [
        ("get_boolean_details", True, "style"),
        ("get_string_details", "x", "hold"),
        ("get_integer_details", 7, "threshold"),
        ("get_float_details", 0.5, "style"),
        ("get_object_details", ["x"], "hold"),
    ],
)
def test_another_type_is_a_mismatch_and_gives_what_the_caller_said(learned, ask, default, name):
    details = getattr(learned, ask)(name, default)
    assert (default, ErrorCode.TYPE_MISMATCH) == (details.value, details.error_code)


def test_a_flag_without_a_default_is_not_found(learned):
    details = learned.get_float_details("treshold", 0.3)
    assert (0.3, ErrorCode.FLAG_NOT_FOUND) == (details.value, details.error_code)


def test_while_applying_is_off_it_is_disabled(learned, params):
    params.switches.apply = False
    details = learned.get_float_details("threshold", 0.1, AAPL)
    assert (0.6, Reason.DISABLED) == (details.value, details.reason)
    assert "version 1-1 is known" in details.flag_metadata["why"]


def test_a_new_version_and_a_broker_that_is_lost_and_found_are_told(broker, learned, version, eventually):
    heard = []
    for event in ProviderEvent:
        api.get_client(domain="bot").add_handler(event, lambda details, event=event: heard.append((event, details)))
    before = version(1, threshold=0.7, allocations=[split(5_000, 5_000)], avoid=["A", "B"])
    broker.publish(version(2, threshold=0.8), after=before)
    eventually(lambda: ProviderEvent.PROVIDER_CONFIGURATION_CHANGED in dict(heard))
    assert "threshold" in dict(heard)[ProviderEvent.PROVIDER_CONFIGURATION_CHANGED].flags_changed
    heard.clear()
    broker.hang()
    eventually(lambda: ProviderEvent.PROVIDER_STALE in dict(heard))
    eventually(lambda: Reason.STALE == learned.get_float_details("threshold", 0.1).reason)
    details = learned.get_float_details("threshold", 0.1)
    assert (0.8, "1-2") == (details.value, details.variant)
    heard.clear()
    broker.wake()
    eventually(lambda: ProviderEvent.PROVIDER_READY in dict(heard))
    eventually(lambda: Reason.STATIC == learned.get_float_details("threshold", 0.1).reason)
