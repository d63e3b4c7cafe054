import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "learning").rglob("*.py"))
PURE = {
    "__future__",
    "bisect",
    "math",
    "collections",
    "collections.abc",
    "decimal",
    "dataclasses",
    "functools",
    "typing",
    "enum",
    "itertools",
    "operator",
}
PURE |= {"numpy", "numpy.typing", "scipy.fft", "scipy.linalg", "scipy.optimize", "scipy.special", "scipy.stats"}
REACHES_OUT = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"}
SHARED = {"rvs", "datetime64", "load", "loadtxt", "genfromtxt", "fromfile", "memmap"}
SHARED |= {"getcontext", "setcontext", "localcontext"}


def dotted(node):
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def imported(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or "."] if isinstance(node, ast.ImportFrom) else []


def impurities(source):
    """What in ``source`` could reach a clock, the network, the environment or a generator that all share."""
    found = []
    for node in ast.walk(ast.parse(source)):
        for name in imported(node):
            if name not in PURE and name.split(".")[0] != "learning":
                found.append(name)
        if isinstance(node, ast.ImportFrom) and node.module == "numpy":
            found += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            found += [alias.name for alias in node.names if alias.name in SHARED]
        if isinstance(node, ast.Attribute):
            random = "random" in dotted(node).split(".")[:-1] and node.attr != "Generator"
            if random or node.attr in SHARED:
                found.append(dotted(node))
        if isinstance(node, ast.Call):
            if dotted(node.func) in REACHES_OUT:
                found.append(dotted(node.func))
            if dotted(node.func).endswith("Sobol") and not {"seed", "rng"} & {word.arg for word in node.keywords}:
                found.append(f"{dotted(node.func)} without a seed")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_in_learning_can_reach_a_clock_the_network_the_environment_or_shared_randomness(file):
    assert [] == impurities(file.read_text())


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "from os import environ",
        "import time",
        "from datetime import datetime",
        "import random",
        "import socket",
        "import redis",
        "import sqlalchemy",
        "from store import tables",
        "import numpy as np\nnp.random.normal()",
        "import numpy as np\nnp.random.default_rng()",
        "from numpy.random import normal",
        "from numpy import random",
        "import numpy\nnumpy.random.normal()",
        "from scipy import datasets",
        "from scipy.stats import norm\nnorm.rvs(3)",
        "import numpy as np\nnp.datetime64('now')",
        "from scipy.stats import qmc\nqmc.Sobol(3)",
        "from decimal import getcontext",
        "import decimal\ndecimal.getcontext()",
        "open('x')",
    ],
)
def test_the_check_itself_sees_what_it_is_for(source):
    assert [] != impurities(source)


POISONED = """
import sys, os, time, random, socket, builtins, threading
import numpy as np, scipy.special, scipy.stats

def poisoned(*args, **kwargs):
    raise AssertionError("learning reached outside of itself")

class Poison(dict):
    __getitem__ = __contains__ = __iter__ = get = keys = items = poisoned

os.environ = Poison()
for module, names in (
    (os, "getenv urandom system popen"),
    (time, "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns sleep localtime gmtime"),
    (random, "random randint choice shuffle gauss uniform seed getrandbits"),
    (socket, "socket create_connection getaddrinfo"),
    (np.random, "random rand randn normal uniform choice permutation shuffle seed integers standard_normal"),
):
    for name in names.split():
        setattr(module, name, poisoned)
state = np.random.get_state()[1].tolist()

from learning import bootstrap, cohorts, confidence, differences, gate, rewards, shares

def total(*values):
    return sum((rewards.quantise(value, bound=1.0) for value in values), rewards.RewardSum())

sessions = [{"a": total(0.1, 0.2), "b": total(0.0, 0.1, 0.05), "c": total(0.1, -0.1)}] * 12
tables = [[[[getattr(one[arm], of) for arm in "acb"] for one in sessions]] for of in ("n", "total", "squares")]
believed = differences.within_sessions(cohorts.Cohorts(*map(np.array, tables)), regimes=1, prior_sd=0.1)
best = shares.probability_best(believed.means[0, 0], believed.covariances[0, 0], seed=3)
assert 10_000 == sum(shares.integer_shares(best, baseline_index=2, budget=0.05, floor=0.005))
gate.judge(gate.evidence_for(sessions, arm="a", baseline="b", alpha=0.05), gate.Rules())
bootstrap.mean_interval(np.arange(40.0), generator=np.random.Generator(np.random.PCG64(1)))
assert state == np.random.get_state()[1].tolist()
builtins.print("learned in peace")
"""


def test_learning_works_with_clock_network_environment_and_shared_randomness_poisoned():
    command = [sys.executable, "-c", POISONED]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ("learned in peace\n", 0) == (done.stdout, done.returncode), done.stderr
