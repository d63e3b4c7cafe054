"""How alerts and decisions are joined with what came of them; the worker is ``workers/attribution.py``."""
