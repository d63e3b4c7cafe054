"""Where entries wait that only a newer engine can read: in the hand of a consumer that nobody is."""

PLACE = "schema-"
"""How the names of these consumers begin; the version that the entries are of follows."""


def place_of(version: int) -> str:
    """The name of the consumer that entries of this schema version wait with."""
    return f"{PLACE}{version}"


def version_at(consumer: bytes) -> int | None:
    """The schema version of what waits with ``consumer``; None for one that is somebody."""
    place, _, version = consumer.decode(errors="replace").rpartition("-")
    return int(version) if f"{place}-" == PLACE and version.isdecimal() else None
