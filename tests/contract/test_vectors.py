import msgspec
import pytest
from learning_client import ParameterClient, Switches
from learning_client import canonical as theirs
from learning_client import version as client
from learning_client.declared import Declared
from learning_client.split import Split

from schemas import canonical as ours
from schemas.allocation import Allocation, InvalidAllocation, draw
from schemas.version import Version
from tests.contract.golden import CONTRACT
from tests.contract.vectors import assignment_vectors, checksum_vectors


def read(name):
    return msgspec.json.decode((CONTRACT / name).read_bytes())


ASSIGNMENTS = [
    (vector["allocation"], case["unit"], case["n"], case["values"])
    for vector in read("assignment.json")["vectors"]
    for case in vector["units"]
]
UNASSIGNED = [(case["allocation"], case["unit"], case["reason"]) for case in read("assignment.json")["unassigned"]]
CHECKSUMS = [(vector["version"], vector["canonical"]) for vector in read("checksum.json")["vectors"]]


def test_the_vectors_are_those_that_a_second_computation_gives():
    assert msgspec.to_builtins(assignment_vectors()) == read("assignment.json")
    assert checksum_vectors() == read("checksum.json")


def test_the_vectors_hold_what_goes_wrong_elsewhere():
    assert len(ASSIGNMENTS) >= 200
    assert {1, 2, 10} <= {len(allocation["arms"]) for allocation, *_ in ASSIGNMENTS}
    assert any(arm["share"] == 0 for allocation, *_ in ASSIGNMENTS for arm in allocation["arms"])
    assert any(not unit.isascii() for _, unit, *_ in ASSIGNMENTS)
    assert any([] == allocation["arms"] for allocation, *_ in UNASSIGNED)
    assert all(reason for *_, reason in UNASSIGNED)


def test_the_engine_assigns_as_the_vectors_say():
    for allocation, unit, n, values in ASSIGNMENTS:
        assert n == draw(allocation["id"], unit)
        assert values == msgspec.convert(allocation, Allocation).arm_of(unit).values


def test_the_client_assigns_as_the_vectors_say():
    for allocation, unit, n, values in ASSIGNMENTS:
        declared = Declared(dict.fromkeys(allocation["parameters"], 0.0), {})
        split = Split(msgspec.convert(allocation, client.Allocation), declared=declared, number=None)
        assert n == split.draw(unit)
        assert values == split.arms[split.place_of(unit)] == split.used[split.place_of(unit)]


@pytest.mark.parametrize("kind", [Allocation, client.Allocation], ids=["engine", "client"])
def test_an_allocation_that_assigns_nobody_is_refused_by_both_sides(kind):
    for allocation, *_ in UNASSIGNED:
        with pytest.raises((InvalidAllocation, msgspec.ValidationError), match=allocation["id"]):
            msgspec.convert(allocation, kind)


def known_to_trading(url, broker, *, unit, name, allocations):
    """What a trading process with the default 0.75 knows of a version that says 0.25."""
    content = {**CHECKSUMS[0][0], "values": {name: 0.25}, "allocations": allocations}
    del content["checksum"]
    broker.set("params:main:snapshot", msgspec.json.encode({**content, "checksum": ours.checksum(content)}))
    params = ParameterClient(url, defaults={name: 0.75}, client_id="bot", switches=Switches(apply=True))
    params.start()
    assert params.wait_ready(10)
    known = params.snapshot(unit)
    params.close()
    return known


def test_where_there_are_no_arms_trading_goes_on_with_its_default_and_says_so(redis_url, broker):
    [(allocation, unit)] = [(allocation, unit) for allocation, unit, _ in UNASSIGNED if not allocation["arms"]]
    [name] = allocation["parameters"]
    known = known_to_trading(redis_url, broker, unit=unit, name=name, allocations=[allocation])
    assert ({name: 0.75}, {}, "default") == (dict(known.values), dict(known.assignments), known.origin)
    assert known.reason.startswith("no version of the parameters could be used")
    assert allocation["id"] in known.reason


def test_where_there_are_no_allocations_every_unit_has_the_versions_own_values(redis_url, broker):
    plain = next(version for version, _ in CHECKSUMS if not version["allocations"])
    assert {} == msgspec.convert(plain, Version).assigned("ACME/2024-01-31")
    assert plain["values"] == msgspec.convert(plain, Version).values_for("ACME/2024-01-31")
    known = known_to_trading(redis_url, broker, unit="ACME/2024-01-31", name="x", allocations=[])
    assert ({"x": 0.25}, {}, "learned") == (dict(known.values), dict(known.assignments), known.origin)


@pytest.mark.parametrize("kind", [Version, client.Version], ids=["engine", "client"])
def test_both_sides_find_the_checksums_of_the_vectors_intact(kind):
    for version, _ in CHECKSUMS:
        assert msgspec.convert(version, kind).intact
        assert not msgspec.convert({**version, "regime": "other"}, kind).intact


@pytest.mark.parametrize("side", [ours, theirs], ids=["engine", "client"])
def test_both_sides_write_the_canonical_text_of_the_vectors(side):
    for version, canonical in CHECKSUMS:
        covered = {name: value for name, value in version.items() if name != "checksum"}
        assert canonical == side.canonical_json(covered)
        assert version["checksum"] == side.checksum(covered)


def test_the_engine_gives_a_new_version_the_checksum_of_the_vectors():
    for version, _ in CHECKSUMS:
        assert version["checksum"] == msgspec.convert({**version, "checksum": ""}, Version).checksum
