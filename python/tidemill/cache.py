"""Caches: any values by any keys that have a hash, within limits of number, memory and age.

    >>> cache = LRUCache(1000)
    >>> cache.put("mill", 1)
    >>> cache.get("mill")
    1
    >>> cache.get_or_compute("tide", lambda: 2)  # computed once however many threads ask
    2

For any number of threads.  Code of keys and values (`__eq__`, `__hash__`, `__del__`) never runs under a lock, so it may
use the cache itself.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Literal, TypedDict, Unpack

from tidemill import _native
from tidemill._native import CacheStatistics

Policy = Literal["lru", "s3-fifo"]

_MISSING = object()


class CacheLimits(TypedDict, total=False):
    """What caches take by name, but for age."""

    policy: Policy
    """What goes when there is no room: "lru", what was used longest ago; "s3-fifo" (Yang et al. 2023), which keeps what
    is used again from being washed out by what never is."""
    max_memory: int | None
    """Bytes of all keys and values together."""
    size_of: Callable[[Any], int] | None
    """The bytes of a value; `tidemill.cache.size_of` without.  Where neither it nor `max_memory` is given, nothing is
    measured."""


class CacheOptions(CacheLimits, total=False):
    """What caches take by name."""

    ttl_seconds: float | None
    """After which a value is no longer found."""


def size_of(value: object) -> int:
    """About how many bytes an object takes, with what tuples, lists, sets and dicts hold and the data of arrays."""
    n_bytes, waiting, seen = 0, [value], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        n_bytes += sys.getsizeof(one)
        if isinstance(one, (tuple, list, set, frozenset, dict)):
            seen.add(id(one))
            waiting.extend(one)
            if isinstance(one, dict):
                waiting.extend(one.values())
        elif not isinstance(one, memoryview) and isinstance(held := getattr(one, "nbytes", None), int):
            n_bytes += held if sys.getsizeof(one) < held else 0  # an array that owns its data has counted it
    return n_bytes


_size_of = size_of  # where an argument has its name


class LRUCache(_native.ObjectCache):
    """A cache of at most `capacity` values; `cache[key]`, `key in cache` and `del cache[key]` work as in a dict.

    Raises TypeError for keys without a hash, ArgumentError for options that make no sense.
    """

    def __init__(
        self,
        capacity: int,
        *,
        policy: Policy = "lru",
        ttl_seconds: float | None = None,
        max_memory: int | None = None,
        size_of: Callable[[Any], int] | None = None,
    ) -> None:
        """The options are those of `CacheOptions`."""
        of_value = size_of or (_size_of if max_memory is not None else None)
        of_both = None if of_value is None else lambda key, value: _size_of(key) + of_value(value)
        super().__init__(capacity, policy=policy, ttl_seconds=ttl_seconds, max_memory=max_memory, size_of=of_both)

    @classmethod
    def with_ttl(cls, capacity: int, ttl_seconds: float, **options: Unpack[CacheLimits]) -> LRUCache:
        """A cache whose values are no longer found `ttl_seconds` after they were put."""
        return cls(capacity, ttl_seconds=ttl_seconds, **options)

    async def get_async(self, key: Hashable, default: Any = None) -> Any:
        """`get` for asyncio; neither waits for anything."""
        return self.get(key, default)

    async def put_async(self, key: Hashable, value: Any) -> None:
        """`put` for asyncio."""
        self.put(key, value)

    async def get_or_compute_async(self, key: Hashable, compute: Callable[[], Awaitable[Any]]) -> Any:
        """The value of a key; awaits compute() where there is none, once however many tasks of this event loop ask: they
        wait, and what it raises reaches them all.  It goes on when a task that waits is cancelled."""
        value = self.get(key, _MISSING)
        if value is not _MISSING:
            return value
        place = (asyncio.get_running_loop(), key)
        computing = self._computing.get(place)
        if computing is None:
            computing = self._computing[place] = asyncio.ensure_future(self._computed(key, compute))
            computing.add_done_callback(lambda task: (self._computing.pop(place, None), task.cancelled() or task.exception()))
        return await asyncio.shield(computing)

    async def _computed(self, key: Hashable, compute: Callable[[], Awaitable[Any]]) -> Any:
        value = await compute()
        self.put(key, value)
        return value

    @property
    def _computing(self) -> dict[tuple[asyncio.AbstractEventLoop, Hashable], asyncio.Future[Any]]:
        found: dict[tuple[asyncio.AbstractEventLoop, Hashable], asyncio.Future[Any]] = self.__dict__.setdefault("_tasks", {})
        return found

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.capacity}, policy={self.policy!r}): {self.stats()!r}"


class CacheManager:
    """Caches by name, each made when it is first asked for."""

    def __init__(self, default_capacity: int = 1024) -> None:
        LRUCache(default_capacity)  # raises for what is no capacity
        self._default_capacity = default_capacity
        self._lock = threading.Lock()
        self._caches: dict[str, LRUCache] = {}

    def get_cache(self, name: str, capacity: int | None = None, **options: Unpack[CacheOptions]) -> LRUCache:
        """The cache of that name; `capacity` and options count for one that is new."""
        with self._lock:
            if name not in self._caches:
                self._caches[name] = LRUCache(self._default_capacity if capacity is None else capacity, **options)
            return self._caches[name]

    def names(self) -> list[str]:
        """Of the caches that there are."""
        with self._lock:
            return list(self._caches)

    def remove(self, name: str) -> bool:
        """Forgets a cache; who holds it may go on with it.  Returns whether there was one."""
        with self._lock:
            return self._caches.pop(name, None) is not None

    def clear(self) -> None:
        """Empties all caches."""
        with self._lock:
            caches = list(self._caches.values())
        for cache in caches:
            cache.clear()

    def stats(self) -> dict[str, CacheStatistics]:
        """Of each cache, by its name."""
        with self._lock:
            return {name: cache.stats() for name, cache in self._caches.items()}


__all__ = ["CacheLimits", "CacheManager", "CacheOptions", "CacheStatistics", "LRUCache", "Policy", "size_of"]
