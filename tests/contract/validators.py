"""The schemas beside the page of the contract, in a validator that knows nothing of ours."""

import msgspec
from jsonschema import Draft202012Validator

from schemas.catalogue import EVENTS
from tests.contract.golden import CONTRACT

SCHEMAS = {
    kind: Draft202012Validator(msgspec.json.decode((CONTRACT / "schemas" / f"{kind}.json").read_bytes()))
    for kind in EVENTS
}


def valid(said, kind):
    """Whether an event, as plain values, passes the schema of its type."""
    return SCHEMAS[kind].is_valid(said)
