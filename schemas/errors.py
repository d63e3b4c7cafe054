"""The root of every error that the engine raises."""


class EngineError(Exception):
    """What went wrong, with the value, the place and what to do about it.

    Every error of the engine is one of these, so that a caller who wants to survive
    anything of ours catches one class. Subclasses carry the facts as attributes.
    """


class InvalidSettings(EngineError):
    """A setting is misspelt, out of bounds or of the wrong kind. Raised at start, never later."""


class InvalidRegistry(EngineError):
    """A parameter registry contradicts itself. Raised at start, with file and table."""


class Refused(EngineError):
    """An event that decodes but that this strategy does not accept, with the right form."""
