"""Linear algebra in one thread: in several, sums are made in another order, and the last bits differ with the cores."""

from collections.abc import MutableMapping

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""What the libraries under numpy read when they are loaded, and never again."""


def one_thread(environ: MutableMapping[str, str]) -> None:
    """Keep linear algebra to one thread, in this process and in those that it starts, whatever was set before.

    Belongs before the first import of numpy.
    """
    environ.update(ONE_THREAD)
