"""What is looked at of a call at once, beside words and numbers. All raise KeyError for what is missing, and Misuse."""

import re
from datetime import date

from learning_client.errors import Misuse
from learning_client.moments import micros, session_text
from learning_client.telling import Said

FOLLOWED = ("decision_id", "alert_id", "position_id")
TRADE = ("symbol", "direction", "entry_time")
"""An outcome names one of the former, or says all of the latter."""

SESSION = re.compile(r"\d{4}-\d{2}-\d{2}")
LONGEST_REASON = 2_000


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


def check_session(said: Said) -> None:
    """A session, as text, and a name where there is a new one."""
    said["session"] = _session(said["session"])
    if said.get("renamed_to") == "":
        raise Misuse("renamed_to='' names nothing: leave it out where the symbol ends")


def check_applied(said: Said) -> None:
    """A time that is one, and a reason that is not too long."""
    if said.get("applied_at") is not None:
        said["applied_at"] = micros(said["applied_at"])
    if said.get("refused") is not None:
        said["refused"] = said["refused"][:LONGEST_REASON]


def _session(session: str | date) -> str:
    text = session_text(session)
    if not SESSION.fullmatch(text):
        raise Misuse(f"session {session!r}: write the exchange's date, such as '2024-01-31'")
    return text
