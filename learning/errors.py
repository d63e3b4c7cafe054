"""What the mathematics refuses."""


class LearningError(ValueError):
    """A number, a shape or a name that no method here can answer for: says which, and what is expected."""
