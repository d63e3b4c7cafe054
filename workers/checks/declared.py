"""Which processes should be there: those of the Procfile."""

import shlex
from collections.abc import Mapping
from pathlib import PurePath
from typing import NamedTuple


class Declared(NamedTuple):
    """The processes of a Procfile, sorted by how they show that they live.

    Attributes:
        hearts: the part whose heartbeat is expected, by the process's name.
        queues: the queues that an RQ worker is expected to read, by the process's name.
    """

    hearts: Mapping[str, str]
    queues: Mapping[str, tuple[str, ...]]


def declared(processes: Mapping[str, str]) -> Declared:
    """What is expected of the commands of a Procfile; a command that is none of ours is not watched."""
    hearts: dict[str, str] = {}
    queues: dict[str, tuple[str, ...]] = {}
    for name, command in processes.items():
        words = shlex.split(command)
        first = PurePath(words[0]).name
        if first.startswith("python") and words[1:3] == ["-m", "workers"] and len(words) > 3:
            hearts[name] = words[3]
        elif first == "rq" and words[1:2] == ["cron"]:
            hearts[name] = "cron"
        elif first == "rq" and words[1:2] == ["worker"]:
            queues[name] = tuple(word for word in words[2:] if not word.startswith("-")) or ("default",)
    return Declared(hearts, queues)
