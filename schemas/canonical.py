"""One text for one value, the same in every language: RFC 8785 (JSON Canonicalization Scheme)."""

import hashlib
import math
from collections.abc import Iterable
from decimal import Decimal
from json.encoder import encode_basestring

EXACT = 2**53

_WORDS = {None: "null", True: "true", False: "false"}


def canonical_json(value: object) -> str:
    """``value`` as RFC 8785 writes it: keys sorted, no spaces, numbers as ECMAScript prints them.

    Raises:
        ValueError: NaN, infinity, or an integer beyond 2**53, which not every language holds exactly.
        TypeError: anything that JSON has no form for.
    """
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, dict):
        return (
            "{" + ",".join([f"{encode_basestring(key)}:{canonical_json(value[key])}" for key in _sorted(value)]) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(canonical_json, value)) + "]"
    if isinstance(value, bool) or value is None:
        return _WORDS[value]
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _number(value)
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")


def checksum(value: object) -> str:
    """SHA-256 of the canonical JSON of ``value``, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _sorted(keys: Iterable[str]) -> list[str]:
    """In the order of UTF-16; where all are ASCII, that is the order of their characters."""
    return sorted(keys) if "".join(keys).isascii() else sorted(keys, key=lambda key: key.encode("utf-16-be"))


def _integer(value: int) -> str:
    if abs(value) > EXACT:
        raise ValueError(f"{value} is beyond 2**53: not every language holds it exactly; send it as text")
    return str(value)


def _number(value: float) -> str:
    """ECMAScript Number::toString: the shortest digits that read back, exponents outside 1e-7 to 1e21."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    if value == 0:
        return "0"
    text = repr(value)
    if "e" not in text:  # these digits and no exponent are ECMAScript's as well
        return text.removesuffix(".0")
    sign, digits, exponent = Decimal(text).normalize().as_tuple()
    text = "".join(map(str, digits))
    point = len(text) + int(exponent)
    if 0 < point <= 21:
        body = text[:point].ljust(point, "0") + ("." + text[point:] if len(text) > point else "")
    elif -6 < point <= 0:
        body = "0." + "0" * -point + text
    else:
        body = text[0] + ("." + text[1:] if len(text) > 1 else "") + f"e{point - 1:+d}"
    return "-" * sign + body
