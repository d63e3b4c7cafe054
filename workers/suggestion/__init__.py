"""Which arms an optimiser wants tried, and what that stands on; the worker is ``workers/bayesian.py``."""
