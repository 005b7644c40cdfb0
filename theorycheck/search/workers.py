"""Worker processes: a pool whose tasks come back in order, and which outlives a worker that is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain
from math import inf
from threading import Thread
from types import TracebackType
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from theorycheck.errors import InvalidArgument, WorkerLost
from theorycheck.search.evaluation import HAS_TIMER, limit_evaluations

_KILLED = "the worker process died twice (killed, or out of memory)"

Answer = TypeVar("Answer")
Arguments = tuple[Any, ...]

PRELOADED = "theorycheck.search.tasks"  # imported once, by the process that workers are forked from: a new worker costs 10 ms, not 1 s
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
TIME_LIMIT = 60.0  # seconds of a single evaluation
_AHEAD = 2  # tasks queued for each worker: enough to keep it busy, few enough to stop early


def _always(task: Arguments) -> bool:
    return True


class Workers:
    """A pool of processes, each with one thread of linear algebra.

    Parameters
    ----------
    jobs : int
        Number of processes.
    executor : concurrent.futures.Executor, optional
        Another engine with the standard interface (such as a cluster's); it is not closed here.
    time_limit : float, optional
        Seconds after which a single evaluation (a draw, the premises, or the claim of one instance) ends its process. Where the
        system has no interval timer (Windows), and on another engine, there is no limit.

    """

    def __init__(self, jobs: int, executor: Executor | None = None, time_limit: float | None = None) -> None:
        if time_limit is not None and not 0 < time_limit < inf:
            raise InvalidArgument("time_limit", time_limit, "must be a positive number of seconds", "pass time_limit=60, or None for no limit")
        self.jobs, self.time_limit = jobs, time_limit
        self._given = executor
        self._own: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close(at_once=kind is not None)

    def in_order(self, function: Callable[..., Answer], tasks: Iterable[Arguments]) -> Iterator[Answer]:
        """Answers in the order of the tasks, a few tasks ahead; raises `WorkerLost` at a task that kills its worker twice."""
        for _, answer in self.answers(function, tasks):
            if isinstance(answer, WorkerLost):
                raise answer
            yield answer

    def answers(
        self, function: Callable[..., Answer], tasks: Iterable[Arguments], ahead: int = _AHEAD, wanted: Callable[[Arguments], bool] = _always
    ) -> Iterator[tuple[Arguments, Answer | WorkerLost]]:
        """Tasks with their answers, in order.

        Tasks are asked for as late as possible, `ahead` for each worker. Where a worker dies, those that may have been under
        way are run once more, one at a time, so that the one to blame is known: if it kills its worker again, its answer is
        a `WorkerLost`, and the other tasks go on. A task no longer `wanted` by then is left out.
        """
        upcoming = iter(tasks)
        waiting: deque[tuple[Arguments, Future[Answer] | None]] = deque()  # None: to be run alone
        while True:
            while len(waiting) < ahead * self.jobs and all(f is not None for _, f in waiting) and (task := next(upcoming, None)) is not None:
                waiting.append((task, self._submitted(function, task)))
            if not waiting:
                return
            task, future = waiting.popleft()
            if future is None:
                if wanted(task):
                    yield task, self.alone(function, task)
                continue
            try:
                answer: Answer | WorkerLost = future.result()
            except BrokenProcessPool:
                self._bury()
                waiting, innocent = _sorted_out([(task, future), *waiting], 2 * self.jobs)
                upcoming = chain(filter(wanted, innocent), upcoming)
                continue
            yield task, answer

    def alone(self, function: Callable[..., Answer], task: Arguments) -> Answer | WorkerLost:
        """One task with nothing beside it: if a worker dies, this task killed it, and the answer says how."""
        how = _KILLED
        for _ in range(2):  # a pool may have been broken before, by a worker that was idle
            future = self._submitted(function, task)
            if future is None:
                continue
            try:
                return future.result()
            except BrokenProcessPool:
                how = self._bury()
                break
        return WorkerLost(how)

    def _submitted(self, function: Callable[..., Answer], task: Arguments) -> Future[Answer] | None:
        try:
            with _deaf_to_interrupts(), _asking_for_one_thread():
                return self._executor().submit(function, *task)
        except BrokenProcessPool:
            self._bury()
            return None

    def _executor(self) -> Executor:
        if self._given is not None:
            return self._given
        if self._own is None:
            method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
            context = multiprocessing.get_context(method)
            context.set_forkserver_preload([PRELOADED])
            self._own = ProcessPoolExecutor(self.jobs, mp_context=context, initializer=_prepare, initargs=(self.time_limit,))
        return self._own

    def _close(self, at_once: bool) -> None:
        if self._own is None:
            return
        processes = dict(self._own._processes or {})
        # a future cancelled here while its process is ended makes Python 3.11's pool complain on stderr
        self._own.shutdown(wait=not at_once, cancel_futures=not at_once)
        if at_once:
            for process in processes.values():
                process.terminate()
        self._own = None

    def _bury(self) -> str:
        """Close a broken pool; how the worker died that broke it."""
        if self._own is None:
            return _KILLED
        processes = dict(self._own._processes or {})
        self._own.shutdown(wait=True)  # the pool itself ends the others, with a signal of another number
        self._own = None
        timed_out = HAS_TIMER and any(process.exitcode == -signal.SIGALRM for process in processes.values())
        return f"no answer within {self.time_limit:g} s" if timed_out and self.time_limit is not None else _KILLED


def _sorted_out(
    waiting: list[tuple[Arguments, Future[Answer] | None]], suspects: int
) -> tuple[deque[tuple[Arguments, Future[Answer] | None]], list[Arguments]]:
    """After a death: answers that have arrived, the tasks to run alone, and those that cannot have been under way.

    Tasks start in order, so that the first unanswered ones are the suspects: one for each worker, and as many again whose
    answers may have been on their way.
    """
    kept: deque[tuple[Arguments, Future[Answer] | None]] = deque()
    for position, (task, future) in enumerate(waiting):
        if future is not None and future.done() and not isinstance(future.exception(), BrokenProcessPool):
            kept.append((task, future))
        elif suspects:
            suspects -= 1
            kept.append((task, None))
        else:
            return kept, [later for later, _ in waiting[position:]]
    return kept, []


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


@contextmanager
def _asking_for_one_thread() -> Iterator[None]:
    """Processes started inside the block import their libraries with one thread each, unless the environment says otherwise."""
    names = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]


def _prepare(time_limit: float | None = None) -> None:
    """One thread of linear algebra a process, deaf to Ctrl-C, gone with its parent even if that is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if HAS_TIMER:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    limit_evaluations(time_limit)
    threadpool_limits(1)
    Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
