"""Worker processes: a pool whose tasks come back in order, and which outlives a worker that is killed."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, TypeVar

from theorycheck.errors import WorkerLost

Answer = TypeVar("Answer")

_TRIES = 2
_AHEAD = 2  # tasks queued for each worker: enough to keep it busy, few enough to stop early


class Workers:
    """A pool of processes, each with one thread of linear algebra.

    Parameters
    ----------
    jobs : int
        Number of processes.
    executor : concurrent.futures.Executor, optional
        Another engine with the standard interface (such as a cluster's); it is not closed here.

    """

    def __init__(self, jobs: int, executor: Executor | None = None) -> None:
        self.jobs = jobs
        self._given = executor
        self._own: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close(wait=kind is None)

    def submit(self, function: Callable[..., Answer], *arguments: Any) -> Future[Answer]:
        """Hand one task to the pool."""
        return self._executor().submit(function, *arguments)

    def in_order(self, function: Callable[..., Answer], tasks: Sequence[tuple[Any, ...]]) -> Iterator[Answer]:
        """Answers in the order of the tasks, a few tasks ahead; a task whose worker dies is tried once more.

        Raises `WorkerLost` where it dies again.
        """
        waiting: deque[tuple[tuple[Any, ...], Future[Answer]]] = deque()
        upcoming, lost = deque(tasks), 0
        try:
            while upcoming or waiting:
                while upcoming and len(waiting) < _AHEAD * self.jobs:
                    task = upcoming.popleft()
                    waiting.append((task, self.submit(function, *task)))
                try:
                    answer = waiting[0][1].result()
                except BrokenProcessPool:
                    lost += 1
                    self._close(wait=False)
                    if lost >= _TRIES:
                        raise WorkerLost(f"a worker process died {lost} times (killed, or out of memory); run again with jobs=1 to see where") from None
                    upcoming.extendleft(task for task, _ in reversed(waiting))
                    waiting.clear()
                    continue
                waiting.popleft()
                lost = 0
                yield answer
        finally:
            for _, future in waiting:
                future.cancel()

    def _executor(self) -> Executor:
        if self._given is not None:
            return self._given
        if self._own is None:
            method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
            self._own = ProcessPoolExecutor(self.jobs, mp_context=multiprocessing.get_context(method), initializer=_one_thread)
        return self._own

    def _close(self, wait: bool) -> None:
        if self._own is not None:
            processes = dict(self._own._processes or {})
            self._own.shutdown(wait=wait, cancel_futures=True)
            if not wait:
                for process in processes.values():
                    process.terminate()
            self._own = None


def _one_thread() -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")
