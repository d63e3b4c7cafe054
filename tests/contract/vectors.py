"""Assignments and checksums worked out a second time, from the words of the contract and nothing of ours."""

import hashlib
from fractions import Fraction

import rfc8785

SYMBOLS = ("ACME", "BRK.B", "BTC-USD", "東京", "Ünïcode Ω", "🚀", "a:b", "e\u0301", "\u00e9", " ", "ACME/x", "X" * 32)
SESSIONS = ("2024-01-31", "2024-02-29")
UNITS = [f"{symbol}/{session}" for symbol in SYMBOLS for session in SESSIONS]

SPLITS = {
    "one-arm.1-1": [10_000],
    "halves.1-1": [5_000, 5_000],
    "threshold.1-17": [250, 9_750],
    "shadow.1-17": [0, 10_000],
    "shadow-between.1-17": [3_333, 0, 6_667],
    "shadow-last.1-17": [10_000, 0],
    "ten-arms.2-3": [1_000] * 10,
    "ten-uneven.2-3": [1, 2, 4, 8, 16, 32, 64, 128, 256, 9_489],
    "rollout.1-1": [500, 9_500],
    "rollout.1-1:again": [2_500, 7_500],
    "größe.1-1": [1, 9_999],
}

BROKEN = {
    "no-arms.1-1": ([], "its shares sum to 0"),
    "too-little.1-1": ([5_000, 4_999], "its shares sum to 9999"),
    "too-much.1-1": ([5_000, 5_001], "its shares sum to 10001"),
    "below-nothing.1-1": ([-1, 10_001], "a share is below 0"),
}


def assignment_vectors():
    """For each allocation, the draw and the arm of each unit; for the even split also the units next to its edge.

    Then allocations that assign nobody: whoever meets one goes on with what it has, at first its own defaults.
    """
    return {
        "rule": "n = first 4 bytes of SHA-256(id ':' unit), big-endian; "
        "the first arm with n * 10000 < cumulative share * 2**32",
        "vectors": [*(vector(name, shares) for name, shares in SPLITS.items()), edge_vector("edge.1-1")],
        "unassigned": [unassigned(name, shares, reason) for name, (shares, reason) in BROKEN.items()],
    }


def vector(name, shares):
    allocation = an_allocation(name, shares)
    return {"allocation": allocation, "units": [assigned(allocation, unit) for unit in UNITS]}


def unassigned(name, shares, reason):
    return {"allocation": an_allocation(name, shares), "unit": UNITS[0], "values": None, "reason": reason}


def an_allocation(name, shares):
    return {
        "id": name,
        "layer": name.partition(".")[0],
        "purpose": "explore",
        "parameters": [f"{name}.x"],
        "arms": [{"values": {f"{name}.x": place / 2}, "share": share} for place, share in enumerate(shares)],
        "unit": "symbol/session",
    }


def edge_vector(name):
    """Of many units, those whose draws lie closest to the edge between two even arms, on both sides."""
    near = sorted(
        (f"U{number}/2024-01-31" for number in range(50_000)), key=lambda unit: abs(drawn(name, unit) - 2**31)
    )
    even = vector(name, [5_000, 5_000])
    return {**even, "units": [assigned(even["allocation"], unit) for unit in near[:8]]}


def drawn(name, unit):
    """The first eight hexadecimal digits of the digest."""
    return int(hashlib.sha256(bytes(name + ":" + unit, "utf-8")).hexdigest()[:8], 16)


def assigned(allocation, unit):
    """The arm whose slice of the unit interval holds the draw, with exact fractions instead of integers."""
    n = drawn(allocation["id"], unit)
    point, edge = Fraction(n, 2**32), Fraction(0)
    for arm in allocation["arms"]:
        edge += Fraction(arm["share"], 10_000)
        if point < edge:
            return {"unit": unit, "n": n, "values": arm["values"]}
    raise AssertionError("the shares sum to the whole")


VERSIONS = (
    {
        "strategy": "main",
        "epoch": 1,
        "number": 1,
        "previous": None,
        "session": "2024-01-31",
        "regime": "all",
        "registry": "5f2a",
        "values": {"discovery.threshold": 0.75},
        "allocations": [],
    },
    {
        "strategy": "momentum",
        "epoch": 2,
        "number": 18,
        "previous": "2-17",
        "session": "2024-02-29",
        "regime": "bull",
        "registry": "größe",
        "values": {
            "whole": 20,
            "whole.as.float": 20.0,
            "small": 1e-7,
            "smaller": 1.5e-9,
            "large": 1e15,
            "sum": 0.1 + 0.2,
            "minus.zero": -0.0,
            "choice": 'limit \u20ac "quoted" \\ \n \u007f',
            "set": ["friday", "\U0001f680", "\ufb33"],
            "curve": [[0.0, 0.05], [0.5, 0.4], [1.0, 0.95]],
            "\U0001f680": 1,
            "\ufb33": 2,
        },
        "allocations": [
            vector("threshold.2-17", [250, 9_750])["allocation"],
            vector("größe.2-1", [0, 10_000])["allocation"],
        ],
    },
    {
        "strategy": "main",
        "epoch": 1,
        "number": 2,
        "previous": "1-1",
        "session": "2024-02-01",
        "regime": "all",
        "registry": "5f2a",
        "values": {},
        "allocations": [vector("ten-arms.1-1", [1_000] * 10)["allocation"]],
    },
)


def checksum_vectors():
    """Versions as the snapshot key holds them, with the canonical text that the checksum is of."""
    return {
        "rule": "checksum = SHA-256, in hexadecimal digits, of the RFC 8785 JSON of everything but the checksum",
        "vectors": [checked(version) for version in VERSIONS],
    }


def checked(version):
    canonical = rfc8785.dumps(version)
    return {"version": {**version, "checksum": hashlib.sha256(canonical).hexdigest()}, "canonical": canonical.decode()}
