"""RFC 8785 (JSON Canonicalization Scheme): one text for one value, so that one checksum in every language."""

import hashlib
import math
from json.encoder import encode_basestring

EXACT = 2**53

_WORDS = {None: "null", True: "true", False: "false"}


def canonical_json(value: object) -> str:
    """``value`` with sorted keys, no spaces, and numbers as ECMAScript prints them.

    Raises:
        ValueError: NaN, infinity, an integer beyond 2**53, or text that is not Unicode.
        TypeError: something that JSON has no form for.
    """
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, int):
        if not -EXACT <= value <= EXACT:
            raise ValueError(f"{value} is beyond 2**53, where not every language is exact")
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, (list, tuple)):
        return f"[{','.join([canonical_json(item) for item in value])}]"
    if isinstance(value, dict):
        names = sorted(value) if "".join(value).isascii() else sorted(value, key=_utf16)
        return "{" + ",".join([f"{encode_basestring(name)}:{canonical_json(value[name])}" for name in names]) + "}"
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def checksum(value: object) -> str:
    """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")


def _number(value: float) -> str:
    """The shortest digits that read back; ``point`` is how many of them stand before the decimal point."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    if value == 0.0:
        return "0"
    text = repr(value)
    if "e" not in text:  # from 0.0001 to 10**16 both print the same
        return text.removesuffix(".0")
    mantissa, _, exponent = text.removeprefix("-").partition("e")
    sign, digits, point = text[: text.startswith("-")], mantissa.replace(".", ""), int(exponent) + 1
    if point > 21 or point <= -6:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    return f"{sign}{digits}{'0' * (point - len(digits))}"
