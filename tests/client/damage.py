"""What may come of what the engine said, by accident or by a broker that lies."""

import msgspec
from learning_client.canonical import checksum

ODD = (None, True, -1, 0, 0.0, 0.45, 0.95, 7, 83, -1e-300, 1e300, 10**15, 10**18, "", "high", "2024-01-31")
ODD += ([], [1], [[0.5, 0.7]], {}, {"threshold": 80.0}, [{}])
"""What a place is never meant to hold, or only some are."""


def damaged(whole, chance):
    """``whole`` with a bit turned, its end or a part of it gone, or a part of it replaced."""
    content, how = bytearray(whole), chance.integers(4)
    place, end = sorted(chance.integers(0, len(content), size=2))
    if how == 0:
        content[place] ^= 1 << int(chance.integers(8))
    elif how == 1:
        del content[place:]
    elif how == 2:
        del content[place:end]
    else:
        content[place:end] = chance.bytes(int(end - place))
    return bytes(content)


def lie(version, chance):
    """The document of ``version`` with something odd in one place, or without that place, and signed as it ought to
    be."""
    document = msgspec.to_builtins(version)
    inside = _any(_containers(document), chance)
    place = _any(list(inside) if isinstance(inside, dict) else range(len(inside)), chance)
    if chance.integers(5) == 0:
        del inside[place]
    else:
        inside[place] = _any(ODD, chance)
    return signed(document)


def signed(document):
    """The document of a version with the checksum that it ought to have, where there can be one."""
    covered = {name: value for name, value in document.items() if name != "checksum"}
    try:
        return {**covered, "checksum": checksum(covered)}
    except ValueError:
        return document


def announcement(document):
    """The body of the update to the version of ``document``."""
    told = dict(document)
    values = told.pop("values", None)
    changes = [{"name": name, "new": value} for name, value in values.items()] if isinstance(values, dict) else values
    event = {"specversion": "1.0", "id": "a lie", "source": "engine", "type": "params.updated"}
    return msgspec.json.encode({**event, "data": {**told, "version": told.pop("number", None), "changes": changes}})


def _any(things, chance):
    return things[int(chance.integers(len(things)))]


def _containers(whole):
    """All dictionaries and lists of a document in which there is something."""
    inside = whole.values() if isinstance(whole, dict) else whole
    found = [one for each in inside if isinstance(each, (dict, list)) for one in _containers(each)]
    return [whole, *found] if whole else found
