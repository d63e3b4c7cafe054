"""OpenFeature's SDK over its in-memory provider, each flag with the evaluator that a percentage rollout needs."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

from bench.flags.rollout import FLAGS, NEW, OLD, PERCENT, UNITS, Pass

VARIANTS = {"old": OLD, "new": NEW}
BELOW = (PERCENT << 32) // 100

Evaluator = Callable[[InMemoryFlag[float], EvaluationContext], FlagResolutionDetails[float]]


@contextmanager
def opened() -> Iterator[Pass]:
    """A client of the API, in a domain of its own."""
    flags = {flag: InMemoryFlag("old", VARIANTS, context_evaluator=_evaluator(flag)) for flag in FLAGS}
    api.set_provider(InMemoryProvider(flags), "bench")
    client = api.get_client("bench")
    contexts = [EvaluationContext(targeting_key=unit) for unit in UNITS]

    def read() -> int:
        new = 0
        for context in contexts:
            for flag in FLAGS:
                new += client.get_float_value(flag, OLD, context) == NEW
        return new

    yield read
    api.clear_providers()


def _evaluator(flag: str) -> Evaluator:
    """The draw of our own allocations."""
    head = hashlib.sha256(f"{flag}:".encode())

    def evaluated(flag: InMemoryFlag[float], context: EvaluationContext) -> FlagResolutionDetails[float]:
        digest = head.copy()
        digest.update((context.targeting_key or "").encode())
        variant = "new" if int.from_bytes(digest.digest()[:4], "big") < BELOW else "old"
        return FlagResolutionDetails(value=flag.variants[variant], reason=Reason.SPLIT, variant=variant)

    return evaluated
