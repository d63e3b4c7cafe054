"""When a new value of a parameter takes effect: what a trading side may say of each of its names."""

NOW, NEXT_DECISION, NEXT_SESSION, WHEN_FLAT = "now", "next_decision", "next_session", "when_flat"

EFFECTS = (NOW, NEXT_DECISION, NEXT_SESSION, WHEN_FLAT)
"""``now``: as soon as it is here. The others: at the next ``snapshot()``, ``session()`` or ``flat()`` of the client."""
