"""The calls of an in-process learner, answered over events and from memory, so that its call sites run unchanged."""

from learning_client.compat.learner import Learner
from learning_client.compat.modules import install
from learning_client.compat.published import Published

__all__ = ["Learner", "Published", "install"]
