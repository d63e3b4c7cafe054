"""What is looked at of a call at once, of each kind. All raise KeyError for what is missing, and Misuse."""

import re
from datetime import date
from math import isfinite

from learning_client.errors import Misuse
from learning_client.moments import session_text
from learning_client.telling import Said

TRADE = frozenset({"symbol", "direction", "entry_time"})
"""What an outcome without ids must say."""

FOLLOWED = ("decision_id", "alert_id", "position_id")
"""One of these otherwise."""

SESSION = re.compile(r"\d{4}-\d{2}-\d{2}")


def check_alert(said: Said) -> None:
    """A score of 0 to 1, and a symbol."""
    if not 0.0 <= said["score"] <= 1.0:
        raise Misuse(f"a score of {said['score']!r}: scores are 0 to 1")
    if not said["symbol"]:  # said without a call: this check is made most often
        _named(said["symbol"])


def check_decision(said: Said) -> None:
    """A symbol and an action."""
    _named(said["symbol"])
    _named(said["action"])


def check_fill(said: Said) -> None:
    """Numbers, a symbol and a side."""
    _finite(said["quantity"], said["price"])
    _named(said["symbol"])
    _named(said["side"])


def check_outcome(said: Said) -> None:
    """What it followed, named in one of the two ways; without a horizon it is the close."""
    for name in FOLLOWED:
        if name in said and not said[name]:
            del said[name]
    if said.keys().isdisjoint(FOLLOWED) and any(said.get(name) is None for name in TRADE):
        raise Misuse(
            "an outcome names the decision_id, alert_id or position_id that it followed, "
            "or symbol, direction and entry_time together"
        )
    said.setdefault("horizon", "close")


def check_price(said: Said) -> None:
    """Four numbers, a symbol and an interval."""
    _finite(said["open"], said["high"], said["low"], said["close"])
    _named(said["symbol"])
    _named(said["interval"])


def check_discovery(said: Said) -> None:
    """Two numbers."""
    _finite(said["universe_size"], said["candidate_count"])


def check_thesis(said: Said) -> None:
    """A symbol and what is recommended."""
    _named(said["symbol"])
    _named(said["recommendation"])


def check_closed(said: Said) -> None:
    """A session, as text."""
    said["session"] = _session(said["session"])


def check_changed(said: Said) -> None:
    """A symbol, a session as text, and a name where there is a new one."""
    _named(said["symbol"])
    said["session"] = _session(said["session"])
    if said.get("renamed_to") is not None:
        _named(said["renamed_to"])


def _named(word: str) -> None:
    if not word:
        raise Misuse(f"{word!r} names nothing: a symbol, action, side or interval is needed")


def _session(session: str | date) -> str:
    text = session_text(session)
    if not SESSION.fullmatch(text):
        raise Misuse(f"session {session!r}: write the exchange's date, such as '2024-01-31'")
    return text


def _finite(*numbers: float) -> None:
    for number in numbers:
        if not isfinite(number):
            raise Misuse(f"{number!r} is not a finite number")
