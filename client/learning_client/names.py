"""Names that the engine accepts: a source or strategy it would refuse is refused at start."""

import re

from learning_client.errors import Misuse

NAME = re.compile(r"[A-Za-z0-9_.:\-]{1,100}")


def checked_name(what: str, name: str) -> str:
    """``name``, when it is one to a hundred letters, digits or ``_ . : -``.

    Raises:
        Misuse: it is not.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Misuse(f"{what} {name!r}: write 1 to 100 letters, digits or _ . : - such as 'scanner-1'")
    return name


def checked_prefix(prefix: str) -> str:
    """``prefix`` of streams and keys: empty, or a name such as ``paper:``.

    Raises:
        Misuse: it is neither.
    """
    return prefix if prefix == "" else checked_name("prefix", prefix)
