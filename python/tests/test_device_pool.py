"""Pools of workers in Python: answers, strategies, failures, bounds, interruptions."""

import asyncio
import concurrent.futures
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref

import pytest
import tidemill
from tidemill.devices import DevicePool, Worker


def double(x):
    return 2 * x


def fail(x):
    raise OSError(f"no {x}")


def test_tasks_are_answered_once_whoever_does_them():
    with DevicePool([double, Worker(double, slots=3), lambda x: 2 * x]) as pool:
        futures = [pool.submit(x) for x in range(200)]
        assert [future.result(5) for future in futures] == [2 * x for x in range(200)]
        assert pool.run("a") == "aa" and list(pool.map(range(50))) == [2 * x for x in range(50)]
        pool.wait()
        statistics = pool.statistics()
    assert sum(worker.n_answered for worker in statistics) == 251
    assert [worker.slots for worker in statistics] == [1, 3, 1]
    assert [worker.name for worker in statistics] == ["double 0", "double 1", "<lambda> 2"]
    assert all(worker.is_healthy and worker.n_failed == 0 for worker in statistics)


@pytest.mark.parametrize("balance", ["round-robin", "least-loaded", "performance", "random"])
def test_every_strategy_uses_all_workers_and_answers(balance):
    slow = Worker(lambda x: (time.sleep(0.001), x)[1], "slow")
    with DevicePool([slow, slow, slow], balance=balance, seed=3) as pool:
        assert list(pool.map(range(60))) == list(range(60))
        assert all(worker.n_answered > 0 for worker in pool.statistics())


def test_a_worker_that_fails_is_retired_and_comes_back_when_its_check_says_so():
    well = threading.Event()

    def shaky(x):
        if not well.is_set():
            raise OSError("gone")
        return 2 * x

    workers = [Worker(shaky, "shaky", check=well.is_set), Worker(double, "steady")]
    with DevicePool(workers, balance="round-robin", check_interval_s=0.01) as pool:
        assert list(pool.map(range(20))) == [2 * x for x in range(20)]
        shaky_one = pool.statistics()[0]
        assert (shaky_one.n_retired, shaky_one.n_failed, shaky_one.is_healthy) == (1, 1, False)
        well.set()
        end = time.monotonic() + 5
        while not pool.statistics()[0].is_healthy and time.monotonic() < end:
            time.sleep(0.01)
        assert list(pool.map(range(20))) == [2 * x for x in range(20)]
        assert pool.statistics()[0].n_answered > 0


def test_the_last_failure_is_what_a_future_raises():
    with DevicePool([fail, fail], max_attempts=2) as pool, pytest.raises(OSError, match="no 7") as raised:
        pool.run(7)
    assert raised.traceback[-1].name == "fail"


def test_what_a_task_itself_is_at_fault_for_is_not_tried_again():
    calls = []

    def refuse(x):
        calls.append(x)
        raise tidemill.ArgumentError("x: makes no sense")

    with DevicePool([refuse, refuse]) as pool:
        with pytest.raises(tidemill.ArgumentError, match="makes no sense"):
            pool.run(1)
        assert calls == [1] and all(worker.is_healthy for worker in pool.statistics())


def test_a_worker_that_takes_too_long_is_interrupted_and_another_answers():
    stop = threading.Event()
    stuck = Worker(lambda x: stop.wait(10), "stuck", interrupt=stop.set, check=lambda: False)
    with DevicePool([stuck, double], balance="round-robin", timeout_s=0.1) as pool:
        assert [pool.submit(x).result(5) for x in (1, 2)] == [2, 4]
        pool.wait()
        assert stop.is_set() and pool.statistics()[0].n_timeouts == 1


def test_submit_waits_for_room():
    gate = threading.Event()
    with DevicePool([lambda x: (gate.wait(10), x)[1]], max_in_flight=2) as pool:
        first = [pool.submit(x) for x in (1, 2)]
        third = concurrent.futures.ThreadPoolExecutor(1).submit(pool.submit, 3)
        time.sleep(0.05)
        assert not third.done()
        gate.set()
        assert third.result(5).result(5) == 3 and [future.result(5) for future in first] == [1, 2]


def test_a_future_that_nobody_has_begun_can_be_cancelled():
    gate, done = threading.Event(), []
    with DevicePool([lambda x: (gate.wait(10), done.append(x))]) as pool:
        first, second = pool.submit(1), pool.submit(2)
        assert second.cancel()
        gate.set()
        first.result(5)
        pool.wait()
    assert done == [1] and second.cancelled()


def test_closing_ends_what_waits():
    gate = threading.Event()
    pool = DevicePool([lambda x: gate.wait(10)], max_in_flight=8)
    running, *waiting = [pool.submit(x) for x in range(4)]
    while not running.running():
        time.sleep(0.001)
    threading.Timer(0.05, gate.set).start()
    pool.close()
    assert running.done()
    for future in waiting:
        with pytest.raises(tidemill.Cancelled):
            future.result(5)
    with pytest.raises(tidemill.ArgumentError, match="closed"):
        pool.submit(1)
    pool.close()


def test_asyncio_goes_on_while_workers_work():
    async def many():
        with DevicePool([lambda x: (time.sleep(0.01), x)[1]] * 2, max_in_flight=3) as pool:
            answers = asyncio.gather(*(pool.arun(x) for x in range(20)))
            n_turns = 0
            while not answers.done():
                await asyncio.sleep(0.001)
                n_turns += 1
            return await answers, n_turns

    answers, n_turns = asyncio.run(many())
    assert answers == list(range(20)) and n_turns > 20


def test_a_cancelled_wait_in_asyncio_gives_its_room_back():
    async def some():
        gate = threading.Event()
        with DevicePool([lambda x: (gate.wait(10), x)[1]], max_in_flight=1) as pool:
            first = asyncio.create_task(pool.arun(1))
            second = asyncio.create_task(pool.arun(2))
            await asyncio.sleep(0.05)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            gate.set()
            return await first, await pool.arun(3)

    assert asyncio.run(some()) == (1, 3)


@pytest.mark.parametrize("waiting", ["pool.run(1)", "[pool.submit(x) for x in range(9)]", "pool.wait()", "list(pool.map([1, 2]))"])
def test_ctrl_c_ends_a_wait_at_once(waiting):
    program = f"""
import threading, time
from tidemill.devices import DevicePool
gate = threading.Event()
pool = DevicePool([lambda x: gate.wait(20)])
pool.submit(0)
print("ready", flush=True)
try:
    {waiting}
except KeyboardInterrupt:
    print(time.monotonic(), flush=True)
gate.set()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        sent = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        assert float(process.stdout.readline()) - sent < 0.1
        assert process.wait(10) == 0


def test_a_pool_that_is_forgotten_ends_with_its_workers():
    class Counter:
        def __call__(self, x):
            return x

    worker = Counter()
    seen = weakref.ref(worker)
    pool = DevicePool([worker])
    assert pool.run(1) == 1
    del worker, pool
    gc.collect()
    assert seen() is None


@pytest.mark.parametrize(
    "arguments",
    [{"workers": []}, {"balance": "fastest"}, {"max_attempts": 0}, {"failures_to_retire": 0}, {"timeout_s": -1},
     {"check_interval_s": 0}, {"max_in_flight": -1}, {"workers": [Worker(double, slots=0)]}],
)  # fmt: skip
def test_options_out_of_range(arguments):
    with pytest.raises(tidemill.ArgumentError):
        DevicePool(**{"workers": [double], **arguments})


@pytest.mark.parametrize("workers", [5, "len", [5], [None], [Worker(double, slots="2")], [Worker(double, check=5)]])
def test_workers_that_are_none(workers):
    with pytest.raises(TypeError):
        DevicePool(workers)
