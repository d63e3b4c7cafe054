"""The consumer groups of the engine's own workers, each named as its worker."""

GROUPS = ("attribution", "thompson", "patterns", "bayesian", "deployment", "health")
"""What these have not taken in is never deleted, however long they have been away."""
