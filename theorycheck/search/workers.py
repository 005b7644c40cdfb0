"""Worker processes: a pool whose tasks come back in order, and which outlives a worker that is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from threading import Thread
from types import TracebackType
from typing import Any, TypeVar

from theorycheck.errors import WorkerLost

Answer = TypeVar("Answer")

_AHEAD = 2  # tasks queued for each worker: enough to keep it busy, few enough to stop early
_DEAD = (BrokenProcessPool, CancelledError)


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

    def in_order(self, function: Callable[..., Answer], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Answer]:
        """Answers in the order of the tasks, a few tasks ahead; raises `WorkerLost` at a task that kills its worker twice."""
        with closing(self.answers(function, tasks)) as answers:
            for answer in answers:
                if isinstance(answer, WorkerLost):
                    raise answer
                yield answer

    def answers(
        self, function: Callable[..., Answer], tasks: Iterable[tuple[Any, ...]], ahead: int = _AHEAD
    ) -> Generator[Answer | WorkerLost, None, None]:
        """Answers in the order of the tasks; these are asked for as late as possible, `ahead` for each worker.

        Where a worker dies, the tasks under way are run once more, one at a time, so that the one to blame is known: if it
        kills its worker again, its answer is a `WorkerLost`, and the other tasks go on.
        """
        upcoming = iter(tasks)
        waiting: deque[tuple[tuple[Any, ...], Future[Answer] | None]] = deque()  # None: to be run alone
        try:
            while True:
                while len(waiting) < ahead * self.jobs and all(f is not None for _, f in waiting) and (task := next(upcoming, None)) is not None:
                    waiting.append((task, self._submitted(function, task)))
                if not waiting:
                    return
                task, future = waiting.popleft()
                try:
                    answer = self._alone(function, task) if future is None else future.result()
                except _DEAD:
                    self._close(wait=False)
                    waiting = deque((t, f if f is not None and _answered(f) else None) for t, f in waiting)
                    answer = self._alone(function, task)
                yield answer
        finally:
            for _, future in waiting:
                if future is not None:
                    future.cancel()

    def _submitted(self, function: Callable[..., Answer], task: tuple[Any, ...]) -> Future[Answer] | None:
        try:
            with _deaf_to_interrupts():
                return self._executor().submit(function, *task)
        except BrokenProcessPool:
            self._close(wait=False)
            return None

    def _alone(self, function: Callable[..., Answer], task: tuple[Any, ...]) -> Answer | WorkerLost:
        future = self._submitted(function, task)
        try:
            if future is not None:
                return future.result()
        except _DEAD:
            self._close(wait=False)
        return WorkerLost("the worker process died twice (killed, or out of memory)")

    def _executor(self) -> Executor:
        if self._given is not None:
            return self._given
        if self._own is None:
            method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
            self._own = ProcessPoolExecutor(self.jobs, mp_context=multiprocessing.get_context(method), initializer=_prepare)
        return self._own

    def _close(self, wait: bool) -> None:
        if self._own is not None:
            processes = dict(self._own._processes or {})
            self._own.shutdown(wait=wait, cancel_futures=True)
            if not wait:
                for process in processes.values():
                    process.terminate()
            self._own = None


def _answered(future: Future[Any]) -> bool:
    return future.done() and not future.cancelled() and not isinstance(future.exception(), BrokenProcessPool)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes started inside the block never see Ctrl-C, which is the parent's to handle, not even while they start."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare() -> None:
    """One thread of linear algebra a process, deaf to Ctrl-C, gone with its parent even if that is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
