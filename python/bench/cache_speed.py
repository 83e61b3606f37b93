"""tidemill.cache beside cachetools and lru-dict: nanoseconds a call, rounds alternating in one run, the best of each.

    pip install cachetools lru-dict; python python/bench/cache_speed.py
"""

import argparse
import threading
import time

import cachetools
import lru
from tidemill.cache import LRUCache

CAPACITY = 10_000
KEYS = {"str": [f"key-{number}" for number in range(CAPACITY)], "int": [number * 7919 for number in range(CAPACITY)]}


class CachetoolsWithLock:
    """What cachetools asks for where there are threads."""

    def __init__(self, capacity):
        self.cache, self.lock = cachetools.LRUCache(capacity), threading.Lock()

    def get(self, key):
        with self.lock:
            return self.cache.get(key)

    def put(self, key, value):
        with self.lock:
            self.cache[key] = value


def makers():
    def ours(policy):
        cache = LRUCache(CAPACITY, policy=policy)
        return cache.get, cache.put

    def cachetools_alone():
        cache = cachetools.LRUCache(CAPACITY)
        return cache.get, cache.__setitem__

    def cachetools_locked():
        cache = CachetoolsWithLock(CAPACITY)
        return cache.get, cache.put

    def lru_dict():
        cache = lru.LRU(CAPACITY)
        return cache.get, cache.__setitem__

    return {"tidemill lru": lambda: ours("lru"), "tidemill s3-fifo": lambda: ours("s3-fifo"), "lru-dict": lru_dict,
            "cachetools": cachetools_alone, "cachetools + lock": cachetools_locked}  # fmt: skip


def put_all(put, keys):
    for key in keys:
        put(key, key)


def get_all(get, keys):
    for key in keys:
        get(key)


def nanoseconds(work, n):
    begin = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - begin) / n


def in_two_threads(work):
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure(make, keys, repeat):
    """Of puts into an empty cache, gets that hit, puts that evict, and gets in two threads."""
    get, put = make()
    fresh = [(key, 1) for key in keys] if isinstance(keys[0], int) else [key + "x" for key in keys]
    n = len(keys)
    found = {"put": nanoseconds(lambda: put_all(put, keys), n)}
    found["get"] = nanoseconds(lambda: [get_all(get, keys) for _ in range(repeat)], n * repeat)
    found["get, 2 threads"] = nanoseconds(lambda: in_two_threads(lambda: [get_all(get, keys) for _ in range(repeat)]), 2 * n * repeat)
    found["put that evicts"] = nanoseconds(lambda: put_all(put, fresh), n)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    for kind, keys in KEYS.items():
        best = {}
        for _ in range(rounds):
            for name, make in makers().items():
                for what, time_ns in measure(make, keys, 10).items():
                    place = best.setdefault(name, {})
                    place[what] = min(place.get(what, 1e9), time_ns)
        print(f"{kind + ' keys':20}" + "".join(f"{what:>17}" for what in next(iter(best.values()))))
        for name, times in best.items():
            print(f"{name:20}" + "".join(f"{time_ns:14.0f} ns" for time_ns in times.values()))


if __name__ == "__main__":
    main()
