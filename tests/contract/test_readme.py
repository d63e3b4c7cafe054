import re
import shlex

import msgspec
import pytest

from events.codec import decode
from schemas.catalogue import EVENTS, INCOMING
from schemas.params import Change
from tests.contract.golden import CONTRACT
from tests.contract.samples import NOW
from tests.docs.pages import rows

README = (CONTRACT / "README.md").read_text(encoding="utf-8")
EXAMPLES = [block.encode() for block in re.findall(r"```json\n(.*?)```", README, re.DOTALL)]
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("body", EXAMPLES)
def test_every_example_of_the_contract_is_understood(body):
    kind = msgspec.json.decode(body)["type"]
    found = decode({b"event": body}, stream=kind, entry="1706734800000-0", now=NOW, sample_unknown=True)
    assert () == found.unknown


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_contract_is_understood(line):
    command, stream, star, *fields = shlex.split(line)
    assert ("XADD", "*") == (command, star)
    entry = {name.encode(): text.encode() for name, text in zip(fields[::2], fields[1::2], strict=True)}
    assert () == decode(entry, stream=stream, entry="1706734800000-0", now=NOW, sample_unknown=True).unknown


def test_the_contract_names_every_type_and_shows_every_type_that_trading_sends():
    assert set(EVENTS) == set(re.findall(r"^\| `([a-z.]+)` \|", README, re.MULTILINE)) & set(EVENTS)
    assert {shape.type for shape in INCOMING} == {msgspec.json.decode(body)["type"] for body in EXAMPLES}


def test_the_contract_explains_every_figure_of_a_change():
    told = {
        name for names, _ in rows("docs/contract/README.md", header="figure") for name in re.findall(r"`(.+?)`", names)
    }
    assert set(Change.__struct_fields__) - {"name", "old", "new", "reason"} == told
