"""What can be wrong on the trading side. None of it leaves a public method while trading runs."""


class ClientError(Exception):
    """The root of every error of this package.

    Only constructors raise them to the caller, at start; afterwards they are counted and logged.
    """


class Misuse(ClientError, ValueError):
    """The calling program handed over something that can never be right, such as a score of NaN."""


class RefusedVersion(ClientError):
    """A version of the parameters that must not be used, and why.

    Attributes:
        number: which version, ``(epoch, number)``, or None where not even that could be read.
        reason: one sentence for people.
    """

    def __init__(self, number: "tuple[int, int] | None", reason: str) -> None:
        super().__init__(reason)
        self.number = number
        self.reason = reason
