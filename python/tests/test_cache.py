"""tidemill.cache: what a dict in order would do, whatever keys, values, threads and tasks do meanwhile."""

import asyncio
import gc
import sys
import threading
import time
import weakref
from collections import OrderedDict

import numpy as np
import pytest
import tidemill
from hypothesis import given, settings
from hypothesis import strategies as st
from tidemill.cache import CacheManager, LRUCache, size_of

KEYS = st.one_of(st.integers(-3, 3), st.text("ab", max_size=1), st.tuples(st.integers(0, 1), st.text("a", max_size=1)),
                 st.booleans(), st.floats(0, 2, width=16), st.none(), st.binary(max_size=1))  # fmt: skip


@settings(max_examples=200)
@given(st.integers(1, 5), st.lists(st.tuples(st.sampled_from(["get", "put", "remove", "in"]), KEYS), max_size=60))
def test_does_what_an_ordered_dict_does(capacity, calls):
    cache, model = LRUCache(capacity), OrderedDict()
    for step, (call, key) in enumerate(calls):
        if call == "get":
            assert cache.get(key, "none") == model.get(key, "none")
            if key in model:
                model.move_to_end(key)
        elif call == "put":
            cache.put(key, step)
            model[key] = step
            model.move_to_end(key)
            if len(model) > capacity:
                model.popitem(last=False)
        elif call == "remove":
            assert cache.remove(key) == (model.pop(key, None) is not None)
        else:
            assert (key in cache) == (key in model)
        assert len(cache) == len(model)
    assert dict(cache.items()) == dict(model)


class Odd:
    """A key whose comparison is code of its own."""

    def __init__(self, value, on_eq=lambda: None):
        self.value, self.on_eq = value, on_eq

    def __hash__(self):
        return 7

    def __eq__(self, other):
        self.on_eq()
        return isinstance(other, Odd) and self.value == other.value


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(["get", "put", "remove"]), st.integers(0, 4)), max_size=40))
def test_keys_with_code_of_their_own(calls):
    cache, model = LRUCache(100), {}
    for step, (call, value) in enumerate(calls):
        if call == "put":
            cache.put(Odd(value), step)
            model[value] = step
        elif call == "get":
            assert cache.get(Odd(value)) == model.get(value)
        else:
            assert cache.remove(Odd(value)) == (model.pop(value, None) is not None)
    counted = cache.stats()
    assert counted.entries == len(model) and counted.hits + counted.misses == sum(call == "get" for call, _ in calls)


def test_a_comparison_may_use_the_cache():
    cache = LRUCache(4)

    def meddle():
        cache.put("other", 1)
        cache.remove("other")
        cache.get(5)

    cache.put(Odd(1, meddle), "one")
    cache.put(Odd(2, meddle), "two")
    assert cache.get(Odd(2)) == "two" and cache.get(Odd(1)) == "one" and cache.get(Odd(3)) is None

    cache = LRUCache(4)

    def forget():
        cache.clear()

    cache.put(Odd(1, forget), "one")
    assert cache.get(Odd(1)) is None
    cache.put(Odd(1, forget), "again")
    assert len(cache) == 1


def test_what_a_comparison_raises_passes_through():
    def fail():
        raise RuntimeError("no")

    cache = LRUCache(4)
    cache.put(Odd(1, fail), 1)
    for call in (cache.get, cache.remove, lambda key: cache.put(key, 1), lambda key: cache.get_or_compute(key, int)):
        with pytest.raises(RuntimeError, match="no"):
            call(Odd(1))
    assert len(cache) == 1
    with pytest.raises(TypeError):
        cache.get([])
    with pytest.raises(TypeError):
        cache.put({}, 1)


def test_a_dying_value_may_use_the_cache():
    cache, seen = LRUCache(2), []

    class Dying:
        def __del__(self):
            seen.append(len(cache))
            cache.get("x")
            cache.remove("gone")

    for key in range(10):
        cache.put(key, Dying())
    cache.put(9, None)
    cache.clear()
    assert len(seen) == 10


def test_as_a_dict():
    cache = LRUCache(2)
    cache["a"] = 1
    assert cache["a"] == 1 and "a" in cache and len(cache) == 1 and cache.items() == [("a", 1)]
    del cache["a"]
    with pytest.raises(KeyError, match="a"):
        cache["a"]
    with pytest.raises(KeyError):
        del cache["a"]
    cache.put("none", None)
    assert cache.get("none", 5) is None and cache["none"] is None
    assert "LRUCache(2, policy='lru')" in repr(cache)


def test_values_expire():
    cache = LRUCache.with_ttl(10, 0.05)
    cache.put("a", 1)
    assert cache.get("a") == 1 and cache.ttl_seconds == 0.05
    time.sleep(0.08)
    assert cache.get("a") is None and "a" not in cache
    assert cache.stats().expirations == 1 and cache.stats().evictions == 0


def test_memory_is_counted():
    cache = LRUCache(100, max_memory=10_000)
    for key in range(50):
        cache.put(key, np.zeros(100))
    counted = cache.stats()
    assert 8000 < counted.bytes <= 10_000 and counted.entries < 13 and counted.evictions == 50 - counted.entries
    cache.put("large", bytes(20_000))
    assert "large" not in cache and cache.max_memory == 10_000
    cache.clear()
    assert cache.stats().bytes == 0
    measured = LRUCache(100, size_of=len)
    measured.put("a", "x" * 1000)
    assert measured.stats().bytes == 1000 + sys.getsizeof("a")
    with pytest.raises(TypeError):
        measured.put("b", 5)
    assert "b" not in measured


def test_size_of():
    assert size_of([]) == sys.getsizeof([])
    assert size_of(np.zeros(1000)) >= 8000 and size_of(np.zeros(1000)[::2]) >= 4000
    assert size_of([b"x" * 1000, (b"y" * 500,), {"k": b"z" * 300}]) > 1800
    circle = []
    circle.append(circle)
    assert size_of(circle) == sys.getsizeof(circle)


def test_s3_fifo_keeps_what_is_used_through_a_scan():
    kept = {}
    for policy in ("lru", "s3-fifo"):
        cache = LRUCache(100, policy=policy)
        for _ in range(4):
            for key in range(80):
                cache.get_or_compute(key, lambda: 1)
        for key in range(1000, 2000):
            cache.put(key, 1)
        kept[policy] = sum(key in cache for key in range(80))
    assert kept == {"lru": 0, "s3-fifo": 80}


def in_threads(n, work):
    threads = [threading.Thread(target=work, args=(index,)) for index in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_one_computation_for_all_who_ask():
    cache, computed, found = LRUCache(10), [], []

    def compute():
        computed.append(1)
        time.sleep(0.1)
        return "value"

    in_threads(8, lambda _: found.append(cache.get_or_compute(("a", 1), compute)))
    assert found == ["value"] * 8 and len(computed) == 1
    assert cache.stats().hits == 7 and cache.stats().misses == 1


def test_what_a_computation_raises_reaches_all():
    cache, raised, begun = LRUCache(10), [], threading.Event()

    def compute():
        begun.set()
        time.sleep(0.1)
        raise OSError("no file")

    def ask(index):
        if index > 0:
            begun.wait()
        try:
            cache.get_or_compute(Odd(1), compute)
        except OSError as error:
            raised.append(str(error))

    in_threads(4, ask)
    assert raised == ["no file"] * 4
    assert cache.get_or_compute(Odd(1), lambda: 5) == 5


def test_a_computation_that_asks_for_itself():
    cache = LRUCache(10)
    with pytest.raises(tidemill.ArgumentError, match="itself"):
        cache.get_or_compute(1, lambda: cache.get_or_compute(1, lambda: 1))
    assert cache.get_or_compute(1, lambda: cache.get_or_compute(2, lambda: 2)) == 2
    with pytest.raises(TypeError):
        cache.get_or_compute(3, None)
    assert 3 not in cache


def test_threads_see_only_what_was_put():
    for policy in ("lru", "s3-fifo"):
        cache, wrong = LRUCache(50, policy=policy), []

        def work(seed, cache=cache, wrong=wrong):
            rng = np.random.default_rng(seed)
            for key in rng.integers(0, 200, 3000).tolist():
                odd = key if key % 2 else Odd(key)
                if cache.get(odd, key) != key:
                    wrong.append(key)
                cache.put(odd, key)

        in_threads(4, work)
        assert not wrong and len(cache) <= 50


def test_asyncio():
    cache, computed = LRUCache(10), []

    async def compute():
        computed.append(1)
        await asyncio.sleep(0.02)
        return 5

    async def fail():
        await asyncio.sleep(0.01)
        raise OSError("no")

    async def main():
        await cache.put_async("a", 1)
        assert await cache.get_async("a") == 1 and await cache.get_async("b", 2) == 2
        first = asyncio.create_task(cache.get_or_compute_async("c", compute))
        await asyncio.sleep(0)
        others = [asyncio.create_task(cache.get_or_compute_async("c", compute)) for _ in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        assert await asyncio.gather(*others) == [5] * 5 and computed == [1] and cache.get("c") == 5
        answers = await asyncio.gather(*(cache.get_or_compute_async("d", fail) for _ in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [OSError] * 3 and "d" not in cache

    asyncio.run(main())
    assert not cache._computing


def test_circles_are_collected():
    class Value:
        pass

    cache, value = LRUCache(10), Value()
    value.cache = cache
    cache.put("self", value)
    cache.put(value, cache)
    gone = weakref.ref(value)
    del cache, value
    gc.collect()
    assert gone() is None
    measured = LRUCache(10, size_of=lambda _: 1)
    measured.put(1, measured)
    gc.collect()
    assert measured[1] is measured


def test_manager():
    manager = CacheManager(5)
    cache = manager.get_cache("tokens")
    assert manager.get_cache("tokens") is cache and cache.capacity == 5
    assert manager.get_cache("large", 100, policy="s3-fifo").policy == "s3-fifo" and manager.names() == ["tokens", "large"]
    cache.put(1, 2)
    assert manager.stats()["tokens"].entries == 1
    manager.clear()
    assert len(cache) == 0 and manager.remove("tokens") and not manager.remove("tokens")
    found = []
    in_threads(4, lambda _: found.append(manager.get_cache("new")))
    assert len({id(cache) for cache in found}) == 1


@pytest.mark.parametrize(
    "make, kind, names",
    [
        (lambda: LRUCache(0), ValueError, "capacity"),
        (lambda: LRUCache(-1), TypeError, "capacity"),
        (lambda: LRUCache("many"), TypeError, "capacity"),
        (lambda: LRUCache(1, policy="fifo"), ValueError, "policy"),
        (lambda: LRUCache(1, policy=5), TypeError, "policy"),
        (lambda: LRUCache(1, ttl_seconds=0), ValueError, "ttl_seconds"),
        (lambda: LRUCache(1, ttl_seconds=float("nan")), ValueError, "ttl_seconds"),
        (lambda: LRUCache.with_ttl(1, -5), ValueError, "ttl_seconds"),
        (lambda: LRUCache(1, max_memory=0), ValueError, "max_memory"),
        (lambda: LRUCache(1, wrong=0), TypeError, "wrong"),
        (lambda: CacheManager(0), ValueError, "capacity"),
    ],
)
def test_what_is_refused(make, kind, names):
    with pytest.raises(kind, match=names):
        make()


def test_interrupting_a_wait():
    """Ctrl-C ends the wait for another thread's computation."""
    import signal

    cache, begun, finish = LRUCache(4), threading.Event(), threading.Event()

    def compute():
        begun.set()
        finish.wait(30)
        return 1

    thread = threading.Thread(target=cache.get_or_compute, args=("a", compute))
    thread.start()
    begun.wait()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.1, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            cache.get_or_compute("a", compute)
    finally:
        signal.signal(signal.SIGINT, before)
        finish.set()
        thread.join()
    assert cache.get("a") == 1
