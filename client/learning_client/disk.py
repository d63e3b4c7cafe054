"""A disk, which may be slow, full, or not answer at all."""

import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread
from typing import Generic, TypeVar

from learning_client.guard import Troubles

T = TypeVar("T")

PATIENCE_SECONDS = 1.0
"""A disk that takes longer over one piece of work counts as hung."""


class DiskHangs(OSError):
    """The disk does not answer."""


class Work(Generic[T]):
    """Something that is done on the disk, and what is done with that which it gives."""

    def __init__(self, work: Callable[[], T], then: Callable[[T], object]) -> None:
        self._work = work
        self._then = then
        self._done = Event()
        self._answer: tuple[T] | Exception = DiskHangs("it was never begun")

    def run(self) -> None:
        """Do it, on the thread of the disk."""
        try:
            self._answer = (self._work(),)
        except Exception as error:  # noqa: BLE001 - it is raised where somebody waits for it
            self._answer = error
        self._done.set()

    def ended(self, within: float) -> bool:
        """Whether it ends within so many seconds."""
        return self._done.wait(max(0.0, within))

    def hand_over(self) -> None:
        """Hand over what it gave, or raise what it raised."""
        if isinstance(self._answer, Exception):
            raise self._answer
        self._then(*self._answer)


class Disk:
    """A daemon thread on which all is done that touches the disk, so that nobody else waits for one that hangs.

    One piece of work is under way at a time. While one is late the disk counts as hung and nothing else is begun; what
    it gives in the end is handed over to whoever asks next. Those who ask do so one at a time.
    """

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Work[object] | None] = SimpleQueue()
        self._late: Work[object] | None = None
        self._thread: Thread | None = None

    @property
    def hangs(self) -> bool:
        """Whether something is late, or was until a moment ago."""
        return self._late is not None

    def do(self, work: Callable[[], T], then: Callable[[T], object], *, until: float | None = None) -> None:
        """Have ``work`` done, and call ``then`` with what it gives.

        Args:
            until: by the monotonic clock; by default a second for new work, and no time for what is late.

        Raises:
            DiskHangs: it is not done in time, or what was late before is not done yet.
            OSError: what the work raises, or what was late has raised.
        """
        self.catch_up(until=until)
        made: Work[object] = Work(work, then)  # type: ignore[arg-type]
        self._begin(made)
        self._late = made
        self._finish(made, within=PATIENCE_SECONDS if until is None else until - time.monotonic())

    def catch_up(self, *, until: float | None = None) -> None:
        """Hand over what was late.

        Raises:
            DiskHangs: it is not done yet.
            OSError: what it has raised.
        """
        if self._late is not None:
            self._finish(self._late, within=0.0 if until is None else until - time.monotonic())

    def attempt(
        self,
        work: Callable[[], object],
        *,
        trouble: str,
        troubles: Troubles,
        errors: tuple[type[Exception], ...] = (OSError,),
    ) -> None:
        """Call ``work``, which asks this disk, and note what it raises of ``errors``; that the disk hangs, once."""
        hung = self.hangs
        try:
            work()
        except DiskHangs as error:
            if not hung:
                troubles.note("the disk hangs", error)
        except errors as error:
            troubles.note(trouble, error)

    def end(self) -> None:
        """Let the thread go, once what is under way is done."""
        self._waiting.put(None)

    def _begin(self, work: Work[object]) -> None:
        if self._thread is None:
            thread = Thread(target=self._run, name="learning-client-disk", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the interpreter leaves, or there are too many
                raise DiskHangs(f"no thread for it can be started: {error}") from error
            self._thread = thread
        self._waiting.put(work)

    def _finish(self, work: Work[object], *, within: float) -> None:
        if not work.ended(within):
            raise DiskHangs("the disk does not answer; what waits stays in memory until it does")
        self._late = None
        work.hand_over()

    def _run(self) -> None:
        while (work := self._waiting.get()) is not None:
            work.run()
