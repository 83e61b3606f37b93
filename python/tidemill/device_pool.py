"""Work over devices of any kind, each of which may fail: `DevicePool`.

    >>> with DevicePool([on_first_gpu, on_second_gpu], balance="performance") as pool:
    ...     vectors = list(pool.map(batches))
"""

from __future__ import annotations

import asyncio
import collections
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from tidemill import _native
from tidemill._listed import listed
from tidemill._native import DeviceStatistics
from tidemill.errors import ArgumentError, Cancelled, ContextFull, Error, FormatError, NotFound

Answer = TypeVar("Answer")

Strategy = Literal["round-robin", "least-loaded", "performance", "random"]

# What is wrong with the task and not with who does it: no other worker would do better.
_OF_TASKS = (ArgumentError, NotFound, FormatError, ContextFull, Cancelled)


@dataclass(frozen=True)
class Worker(Generic[Answer]):
    """What does work: `call(*arguments)`, from a thread of the pool, `slots` of them at once."""

    call: Callable[..., Answer]
    name: str = ""
    slots: int = 1
    check: Callable[[], object] | None = None
    """Whether it works again; asked while it is retired.  Raising means no, as does what is false.  None: always."""
    interrupt: Callable[[], object] | None = None
    """Asks what it runs to end soon, for that takes longer than `timeout_s`."""


class DevicePool(Generic[Answer]):
    """Workers that share tasks.  A task is arguments: whichever worker is free gets them.  One that raises, or takes longer
    than `timeout_s`, has failed: after `failures_to_retire` in a row it is retired and checked now and then, and its task goes
    to another worker that has not failed at it, `max_attempts` times in all.  An `ArgumentError`, `NotFound`, `FormatError`,
    `ContextFull` or `Cancelled` is the task's own fault and ends it.

    `balance` is who gets a task: "round-robin"; "least-loaded", the smallest share of slots taken; "performance", who was
    fastest lately; "random", by `seed`.  `submit` waits while `max_in_flight` tasks (0: two for each slot) have no answer.  A task
    fails when no worker has worked for `give_up_s` seconds.  All methods may be called from any thread, but not from a worker.
    """

    def __init__(
        self,
        workers: Sequence[Callable[..., Answer] | Worker[Answer]],
        *,
        balance: Strategy = "least-loaded",
        max_in_flight: int = 0,
        max_attempts: int = 3,
        failures_to_retire: int = 1,
        timeout_s: float = 0,
        check_interval_s: float = 0.5,
        max_check_interval_s: float = 30,
        give_up_s: float = 60,
        seed: int = 1,
    ) -> None:
        self._workers = [_worker(worker, index) for index, worker in enumerate(listed("workers", workers))]
        options = _native.DevicePoolOptions()
        options.balance = _strategy(balance)
        options.max_in_flight = max_in_flight
        options.max_attempts = max_attempts
        options.failures_to_retire = failures_to_retire
        options.timeout_s = timeout_s
        options.check_interval_s = check_interval_s
        options.max_check_interval_s = max_check_interval_s
        options.give_up_s = give_up_s
        options.seed = seed
        self._native = _native.DevicePool(list[object](self._workers), options)
        self._room = _Room(max_in_flight or 2 * sum(worker.slots for worker in self._workers))
        self._close = weakref.finalize(self, self._native.close)  # at the interpreter's end, too

    def submit(self, *arguments: Any) -> Future[Answer]:
        """Queues a task.  The future's `result()` raises what the last attempt raised; `cancel()` works until a worker begins."""
        self._room.take()
        return self._start(arguments)

    def run(self, *arguments: Any) -> Answer:
        """What a worker answers; waits for it."""
        future = self.submit(*arguments)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def arun(self, *arguments: Any) -> Answer:
        """The same in asyncio, whose loop goes on meanwhile."""
        await self._room.atake()
        return await asyncio.wrap_future(self._start(arguments))

    def map(self, tasks: Iterable[Any]) -> Iterator[Answer]:
        """The answers to `submit(task)` of each, in order.  Tasks are taken as there is room, some ahead of what is read."""
        waiting: collections.deque[Future[Answer]] = collections.deque()
        try:
            for task in tasks:
                waiting.append(self.submit(task))
                while waiting and (waiting[0].done() or len(waiting) >= self._room.size):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def statistics(self) -> list[DeviceStatistics]:
        """What each worker did, in the order in which they were given."""
        return self._native.statistics()

    def wait(self) -> None:
        """Until no task is without an answer."""
        self._room.wait_until_empty()

    def close(self) -> None:
        """Ends the pool: waits for tasks that run; those that wait fail as `Cancelled`."""
        self._close()

    def __enter__(self) -> DevicePool[Answer]:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            self.wait()
            self.close()
        else:  # who interrupts does not wait for what runs
            threading.Thread(target=self._close, daemon=True).start()

    def _start(self, arguments: tuple[Any, ...]) -> Future[Answer]:
        task = _Task(arguments, self._workers, self._room)
        try:
            self._native.submit(task)
        except BaseException:
            self._room.give()
            raise
        return task.future


def _worker(worker: Any, index: int) -> Worker[Any]:
    if not isinstance(worker, Worker):
        worker = Worker(worker)
    if not callable(worker.call):
        raise TypeError(f"workers: number {index} is of {type(worker.call).__name__}; give functions, or Worker objects")
    if not isinstance(worker.name, str) or not isinstance(worker.slots, int):
        raise TypeError(f"workers: number {index} has a name that is no text, or slots that are no number")
    for part in (worker.check, worker.interrupt):
        if part is not None and not callable(part):
            raise TypeError(f"workers: number {index} has a check or interrupt that is no function")
    name = worker.name or f"{getattr(worker.call, '__name__', 'worker')} {index}"
    return Worker(worker.call, name, worker.slots, worker.check, worker.interrupt)


def _strategy(balance: str) -> _native.Balance:
    found = {one.name.replace("_", "-"): one for one in _native.Balance}
    if balance not in found:
        raise ArgumentError(f"balance: there is no such strategy; give one of {', '.join(found)}")
    return found[balance]


class _Task(Generic[Answer]):
    """What the native pool calls, from its threads."""

    def __init__(self, arguments: tuple[Any, ...], workers: list[Worker[Answer]], room: _Room) -> None:
        self.future: Future[Answer] = Future()
        self._arguments, self._workers, self._room = arguments, workers, room
        self._lock = threading.Lock()
        self._begins = True
        self._problem: Error | None = None

    def attempt(self, index: int) -> tuple[Answer] | None:
        with self._lock:  # a second attempt may run beside a first that is too late
            if self._begins and not self.future.set_running_or_notify_cancel():
                return None
            self._begins = False
        try:
            return (self._workers[index].call(*self._arguments),)
        except _OF_TASKS as problem:
            self._problem = problem
            return None

    def answer(self, answer: tuple[Answer]) -> None:
        self._room.give()
        self.future.set_result(answer[0])

    def fail(self, problem: BaseException) -> None:
        self._room.give()
        if self._begins and not self.future.cancelled():
            self.future.set_running_or_notify_cancel()
        if not self.future.cancelled():
            self.future.set_exception(self._problem or problem)


class _Room:
    """How many tasks may be without an answer.  Waits end with a signal at once, as those of the native pool cannot."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._changed = threading.Condition(threading.Lock())
        self._waiting: collections.deque[Future[None]] = collections.deque()

    def take(self) -> None:
        place = self._place()
        try:
            place.result()
        except BaseException:
            self._leave(place)
            raise

    async def atake(self) -> None:
        place = self._place()
        try:
            await asyncio.wrap_future(place)
        except BaseException:
            self._leave(place)
            raise

    def give(self) -> None:
        with self._changed:
            while self._waiting:
                place = self._waiting.popleft()
                if place.set_running_or_notify_cancel():
                    place.set_result(None)
                    return
            self._free += 1
            self._changed.notify_all()

    def wait_until_empty(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._free == self.size)

    def _place(self) -> Future[None]:
        place: Future[None] = Future()
        with self._changed:
            if self._free == 0:
                self._waiting.append(place)
            else:
                self._free -= 1
                place.set_running_or_notify_cancel()
                place.set_result(None)
        return place

    def _leave(self, place: Future[None]) -> None:
        if not place.cancel() and not place.cancelled():  # it was given at that moment
            self.give()


__all__ = ["DevicePool", "DeviceStatistics", "Strategy", "Worker"]
