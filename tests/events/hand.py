"""A clock that is moved by hand."""


class Hand:
    """Seconds."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now
