"""Whoever learns does so in one thread, so that the number of cores changes no bit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAID = """
import hashlib
import {entry}
import numpy as np
draws = np.random.default_rng(0).standard_normal((300, 300))
answer = np.linalg.inv(draws @ draws.T + np.eye(300))
print(hashlib.sha256(answer.tobytes()).hexdigest())
print(len(__import__("os").listdir("/proc/self/task")))
"""


def bits(entry, threads):
    """A hash of what linear algebra answers once ``entry`` is imported, and how many threads there are then."""
    asked = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    script = SAID.format(entry=entry)
    found = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.split()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted where Linux lists them")
@pytest.mark.parametrize("entry", ["workers", "scheduler", "simulation"])
def test_what_an_engine_process_computes_does_not_hang_on_the_number_of_threads(entry):
    """Each process of the Procfile, each command and each simulation imports one of these first."""
    one, several = bits(entry, 1), bits(entry, 4)
    assert one == several
