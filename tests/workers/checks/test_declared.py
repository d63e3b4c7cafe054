from pathlib import Path

from schemas.groups import GROUPS
from workers.checks.declared import declared
from workers.processes.procfile import read_procfile

PROCFILE = Path(__file__).parents[3] / "Procfile"


def test_every_process_of_our_procfile_is_watched():
    found = declared(read_procfile(PROCFILE))
    own = {name: name for name in ("attribution", "thompson", "patterns", "bayesian", "deployment", "health", "cron")}
    assert (own, {"cycles": ("learning",)}) == found
    assert {*found.hearts, *found.queues} == set(read_procfile(PROCFILE))


def test_what_a_worker_of_our_procfile_has_not_taken_in_is_never_deleted():
    assert {*declared(read_procfile(PROCFILE)).hearts.values()} - {"cron"} == set(GROUPS)


def test_names_are_those_of_the_procfile_and_what_is_none_of_ours_is_not_watched():
    found = declared(
        {
            "one": "/opt/bin/python3.11 -m workers thompson",
            "web": "gunicorn app",
            "jobs": "rq worker high low --burst",
            "default": "/opt/bin/rq worker",
            "bare": "python -m workers",
        }
    )
    assert {"one": "thompson"} == found.hearts
    assert {"jobs": ("high", "low"), "default": ("default",)} == found.queues
