"""What the gate lets in, and how it comes into force; the worker is ``workers/deployment.py``."""
